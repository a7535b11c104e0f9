import type { ErrorCode } from '../core/errors.js';

/** What the API answered instead: a problem (RFC 9457) with a stable code. */
export class FootnoteApiError extends Error {
  override readonly name = 'FootnoteApiError';

  constructor(
    /** As listed in docs/reference/errors.md. */
    readonly code: ErrorCode,
    message: string,
    readonly status: number,
    readonly details: {
      /** Seconds after which another try may succeed. */
      readonly retryAfter?: number;
      /** For the server's log. */
      readonly requestId?: string;
      /** Fields of the request that are wrong. */
      readonly problems?: readonly { readonly path?: string; readonly message: string }[];
    } = {},
  ) {
    super(message);
  }
}

/** @param text the body */
export function errorOf(status: number, text: string, headers: Headers): FootnoteApiError {
  let body: { code?: unknown; detail?: unknown; requestId?: unknown; errors?: unknown };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // Not of Footnote: a proxy's, say.
    body = {};
  }
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  const details = {
    ...(Number.isFinite(retryAfter) ? { retryAfter } : {}),
    ...(typeof body.requestId === 'string' ? { requestId: body.requestId } : {}),
    ...(Array.isArray(body.errors) ? { problems: body.errors as { message: string }[] } : {}),
  };
  if (typeof body.code === 'string' && typeof body.detail === 'string') {
    return new FootnoteApiError(body.code as ErrorCode, body.detail, status, details);
  }
  return new FootnoteApiError(
    'unavailable',
    `The server answered ${status} and nothing that explains it.`,
    status,
    details,
  );
}
