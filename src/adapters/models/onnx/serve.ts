import type { MessagePort } from 'node:worker_threads';
import { asFootnoteError, FootnoteError } from '../../../core/errors.js';
import { openTokenizer, type ModelTokenizer } from '../tokenizer.js';
import type { FromWorker, PlainError, Role, TextOutcome, ToWorker, WorkerSetup } from './messages.js';
import { beGentle } from '../../../runtime/gentle.js';
import { loadEncoder, type TokenEncoder } from './session.js';

/** Longer texts are not even tokenized: no model reads that far. */
const MAX_INPUT_CHARS = 1024 * 1024;

interface Group {
  readonly group: number;
  readonly role: Role;
  readonly ids: readonly number[];
  readonly texts: readonly string[];
  readonly outcomes: TextOutcome[];
  readonly vectors: Float32Array;
}

const plain = (error: unknown): PlainError => {
  const { code, message } = asFootnoteError(error);
  return { code, message };
};

/**
 * The life of an embedding thread: load, then one text after another, queries before documents at each step. ONNX
 * Runtime's `run` starts in its own turn of the event loop, so new messages are read between any two texts.
 */
export async function serveEmbedding(port: MessagePort, setup: WorkerSetup): Promise<void> {
  const send = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  let encoder: TokenEncoder;
  let tokenizer: ModelTokenizer;
  if (setup.gentle) beGentle();
  try {
    tokenizer = await openTokenizer(setup.tokenizer);
    encoder = await loadEncoder(setup);
  } catch (error) {
    send({ type: 'failed', error: plain(error) });
    port.close();
    return;
  }

  const queues: Record<Role, Group[]> = { query: [], document: [] };
  const cancelled = new Set<number>();
  let closing = false;
  let busy = false;

  const embedNext = async (group: Group): Promise<void> => {
    const index = group.outcomes.length;
    const id = group.ids[index] ?? -1;
    if (cancelled.delete(id)) {
      group.outcomes.push({ state: 'cancelled' });
      return;
    }
    try {
      const input = encode(tokenizer, group.texts[index] ?? '', group.role, setup.maxTokens);
      await encoder.embed(input.ids, group.vectors, index * setup.dims);
      group.outcomes.push({ state: 'done', truncated: input.truncated });
    } catch (error) {
      group.outcomes.push({ state: 'failed', error: plain(error) });
    }
  };

  const work = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    for (;;) {
      const queue = queues.query.length > 0 ? queues.query : queues.document;
      const group = queue[0];
      if (!group || closing) break;
      await embedNext(group);
      if (group.outcomes.length < group.ids.length) continue;
      // A query that came meanwhile stands in the other queue, so the head is still this group.
      queue.shift();
      for (const id of group.ids) cancelled.delete(id);
      const { vectors, outcomes } = group;
      send({ type: 'embedded', group: group.group, outcomes, vectors }, [vectors.buffer as ArrayBuffer]);
    }
    busy = false;
    if (closing) {
      await encoder.close();
      port.close();
    }
  };

  port.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'embed': {
        const { group, role, ids, texts } = message;
        queues[role].push({
          group,
          role,
          ids,
          texts,
          outcomes: [],
          vectors: new Float32Array(ids.length * setup.dims),
        });
        break;
      }
      case 'count':
        send({ type: 'counted', group: message.group, counts: countAll(tokenizer, message.texts) });
        return;
      case 'cancel': {
        const known = new Set([...queues.query, ...queues.document].flatMap((group) => group.ids));
        for (const id of message.ids) if (known.has(id)) cancelled.add(id);
        break;
      }
      case 'close':
        closing = true;
        break;
    }
    void work().catch((error: unknown) => {
      // Nothing above may throw; if it does, dying is what the other side can handle.
      throw error;
    });
  });
  send({ type: 'ready', runtime: encoder.runtime });
}

/** @throws FootnoteError invalid_request for a document beyond the limit */
function encode(
  tokenizer: ModelTokenizer,
  text: string,
  role: Role,
  maxTokens: number,
): { ids: number[]; truncated: boolean } {
  const tooLong = text.length > MAX_INPUT_CHARS;
  if (role === 'document' && tooLong) {
    throw new FootnoteError(
      'invalid_request',
      `An input of ${text.length} characters is too long to embed; the limit is ${MAX_INPUT_CHARS}. Split it.`,
    );
  }
  const ids = tokenizer.encode(tooLong ? text.slice(0, MAX_INPUT_CHARS) : text);
  if (ids.length <= maxTokens) return { ids, truncated: tooLong };
  if (role === 'document') {
    throw new FootnoteError(
      'invalid_request',
      `An input has ${ids.length} tokens; the model reads ${maxTokens}. Split it: documents are never cut silently.`,
    );
  }
  return { ids: [...ids.slice(0, maxTokens - tokenizer.after.length), ...tokenizer.after], truncated: true };
}

function countAll(tokenizer: ModelTokenizer, texts: readonly string[]): number[] | PlainError {
  try {
    return texts.map((text) => tokenizer.count(text));
  } catch (error) {
    return plain(error);
  }
}
