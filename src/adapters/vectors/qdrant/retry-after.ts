import type { IncomingHttpHeaders } from 'node:http';
import { DecoratorHandler, type Dispatcher } from 'undici';

/** Where an answer's Retry-After is kept out of reach of the client library, which reads its first character only. */
export const KEPT_RETRY_AFTER = 'footnote-retry-after';

/** Renames Retry-After in every answer. */
export function keepRetryAfter(): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => dispatch(options, new KeepRetryAfter(handler));
}

interface ResponseHandler extends Omit<Dispatcher.DispatchHandler, 'onResponseStart'> {
  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void;
}

/** The declared types of the base class leave its methods out. */
const Handler = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => ResponseHandler;

class KeepRetryAfter extends Handler {
  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    const { 'retry-after': retryAfter, ...rest } = headers;
    const kept = retryAfter === undefined ? rest : { ...rest, [KEPT_RETRY_AFTER]: retryAfter };
    super.onResponseStart(controller, status, kept, statusText);
  }
}

/**
 * Seconds from now on, or undefined when there is nothing to be read. RFC 9110, section 10.2.3: seconds or a date.
 * @param now milliseconds since 1970
 */
export function parseRetryAfter(value: string | null | undefined, now: number): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1000));
}
