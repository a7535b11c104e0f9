import type { IncomingMessage } from 'node:http';

const EXPOSED = 'etag, location, ratelimit, ratelimit-policy, retry-after, x-request-id';
const ACCEPTED = 'authorization, content-type, idempotency-key, if-match, x-request-id';

/** Whether it asks beforehand what a page may do. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}

/**
 * Lets pages of configured origins read answers (Fetch standard, CORS protocol). Without any, no header is sent and
 * browsers keep answers from all pages but our own. Credentials are never allowed: keys are sent, not kept by browsers.
 */
export function corsHeaders(incoming: IncomingMessage, origins: readonly string[]): Record<string, string> {
  if (origins.length === 0) return {};
  const origin = incoming.headers.origin;
  const allowed = origin !== undefined && origins.some((each) => each.toLowerCase() === origin.toLowerCase());
  if (!allowed) return { vary: 'origin' };
  return { vary: 'origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED };
}

/** The answer to a preflight of an origin that was let in. */
export function preflightAnswer(methods: readonly string[]): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': ACCEPTED,
      'access-control-max-age': '600',
    },
  });
}
