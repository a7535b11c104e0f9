import type { Readable } from 'node:stream';
import { FootnoteError, asFootnoteError, throwIfAborted } from '../core/errors.js';
import type { Asked } from './route.js';

const NDJSON = 'application/x-ndjson; charset=utf-8';
/** Lines are sent in pieces of about this size. */
const PIECE_BYTES = 32 * 1024;

/**
 * Lines of JSON. What fails before the first line is thrown, so that it is answered as a problem. What fails later is told
 * by `onError`'s line, or breaks the connection when there is none: a cut answer never looks complete.
 */
export async function ndjson<T>(
  asked: Asked,
  source: AsyncIterable<T>,
  onError?: (error: FootnoteError) => unknown,
): Promise<Response> {
  const lines = source[Symbol.asyncIterator]();
  const stop = async () => {
    await lines.return?.();
  };
  if (asked.incoming.method === 'HEAD') {
    await stop();
    return new Response(null, { headers: { 'content-type': NDJSON } });
  }
  let next: Promise<IteratorResult<T>> | undefined = Promise.resolve(await lines.next());
  const encoder = new TextEncoder();
  const stall = stallTimer(asked);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      stall.stop();
      try {
        throwIfAborted(asked.signal);
        const { piece, last, pending } = await collect(lines, next ?? lines.next());
        next = pending;
        if (piece) controller.enqueue(encoder.encode(piece));
        if (last) controller.close();
        else stall.start();
      } catch (thrown) {
        asked.report(thrown);
        await stop();
        const line = onError?.(asFootnoteError(thrown));
        if (line === undefined || asked.signal.aborted) {
          asked.outgoing.destroy();
          return;
        }
        controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
        controller.close();
      }
    },
    async cancel() {
      stall.stop();
      await stop();
    },
  });
  return new Response(body, { headers: { 'content-type': NDJSON, 'transfer-encoding': 'chunked' } });
}

/** As many lines as are there without waiting, up to a piece. */
async function collect<T>(
  lines: AsyncIterator<T>,
  first: Promise<IteratorResult<T>>,
): Promise<{ piece: string; last: boolean; pending?: Promise<IteratorResult<T>> }> {
  const pause = Symbol('pause');
  let piece = '';
  let result = await first;
  for (;;) {
    if (result.done) return { piece, last: true };
    piece += `${JSON.stringify(result.value)}\n`;
    if (piece.length >= PIECE_BYTES) return { piece, last: false };
    const pending = lines.next();
    const soon = await Promise.race([pending, new Promise<typeof pause>((done) => setImmediate(done, pause))]).catch(
      () => pause,
    );
    // A failure is met again by whoever awaits `pending`, after this piece was sent.
    if (soon === pause) {
      pending.catch(() => undefined);
      return { piece, last: false, pending };
    }
    result = soon as IteratorResult<T>;
  }
}

/** Bytes as they are, of a known length. */
export async function bytes(asked: Asked, content: Readable, headers: Record<string, string>): Promise<Response> {
  if (asked.incoming.method === 'HEAD') {
    content.destroy();
    return new Response(null, { headers });
  }
  const iterator = content[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let next: Promise<IteratorResult<Buffer>> | undefined = Promise.resolve(await iterator.next());
  const stall = stallTimer(asked);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      stall.stop();
      try {
        throwIfAborted(asked.signal);
        const result = await (next ?? iterator.next());
        next = undefined;
        if (result.done) return controller.close();
        controller.enqueue(result.value);
        stall.start();
      } catch (thrown) {
        asked.report(thrown);
        content.destroy();
        asked.outgoing.destroy();
      }
    },
    cancel() {
      stall.stop();
      content.destroy();
    },
  });
  // The length is known; `chunked` only keeps the server from collecting the first pieces.
  return new Response(body, { headers });
}

/** Cuts off a reader that takes nothing, so that it does not hold a scan open. */
function stallTimer(asked: Asked): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    start() {
      timer = setTimeout(() => {
        asked.report(new FootnoteError('request_timeout', 'The reader of the answer took nothing for too long.'));
        asked.outgoing.destroy();
      }, asked.settings.readerStallMs);
      timer.unref();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
