import { mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ParsedDocument } from '../../core/document.js';
import { type ErrorCode, FootnoteError } from '../../core/errors.js';
import type { Identified, ParseHints, ParseInput, Parsing } from '../../core/ports/processing.js';
import { builtEntry } from '../../runtime/entry.js';
import { type KillReason, ProcessFailure, ProcessPool } from '../../runtime/process-pool.js';
import { Assembly, type Piece } from './pieces.js';

export interface IsolatedParsingOptions {
  /** Type by the first bytes; stages/parse/detect.ts `identify`. */
  readonly identify: (head: Uint8Array, hints: ParseHints) => Promise<Identified>;
  /** Bytes that `identify` wants to see. */
  readonly headBytes: number;
  readonly processes: number;
  readonly deadlineMs: number;
  readonly memoryBytes: number;
  /** Larger documents are refused before they are read. */
  readonly maxBytes: number;
  readonly outputBytes: number;
  /** Documents waiting for a process; default 256. */
  readonly queue?: number;
}

/** What a child is asked: the bytes, or where they are. */
export interface ParseRequest {
  readonly path?: string;
  readonly bytes?: Uint8Array;
  readonly hints: ParseHints;
  readonly maxBytes: number;
}

/** Bytes beyond this go through a file: copying them through a pipe would hold up the event loop. */
const INLINE_BYTES = 256 * 1024;

/** Parsing in child processes that can be killed. Close it to end them. */
export function createIsolatedParsing(options: IsolatedParsingOptions): Parsing & { readonly waiting: number } {
  const pool = new ProcessPool({
    entry: builtEntry(import.meta.url, '../../workers/parse.js'),
    processes: options.processes,
    deadlineMs: options.deadlineMs,
    memoryBytes: options.memoryBytes,
    outputBytes: options.outputBytes,
    queue: options.queue ?? 256,
  });
  const { maxBytes } = options;
  return {
    get waiting() {
      return pool.waiting;
    },

    async identify(input, hints) {
      await checkSize(input, maxBytes);
      return options.identify(await head(input, options.headBytes), hints);
    },

    async parse(input, hints, signal) {
      await checkSize(input, maxBytes);
      return withFile(input, async (source) => {
        const assembly = new Assembly();
        const request: ParseRequest = { ...source, hints, maxBytes };
        try {
          await pool.run(request, { onPiece: (piece) => assembly.add(piece as Piece), ...(signal && { signal }) });
        } catch (error) {
          throw error instanceof ProcessFailure ? failed(error, options) : error;
        }
        return assembly.document() satisfies ParsedDocument;
      });
    },

    close: () => pool.close(),
  };
}

async function checkSize(input: ParseInput, maxBytes: number): Promise<void> {
  const bytes = 'path' in input ? (await stat(input.path)).size : input.bytes.byteLength;
  if (bytes <= maxBytes) return;
  throw new FootnoteError(
    'document_too_large',
    `The document has ${bytes} bytes; at most ${maxBytes} are read. Split it, or raise parsing.maxBytes.`,
    { details: { bytes, maxBytes } },
  );
}

async function head(input: ParseInput, length: number): Promise<Uint8Array> {
  if ('bytes' in input) return input.bytes.subarray(0, length);
  const file = await open(input.path);
  try {
    const buffer = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/** Gives large bytes to the child as a private file that is removed afterwards. */
async function withFile<T>(
  input: ParseInput,
  use: (source: Pick<ParseRequest, 'path' | 'bytes'>) => Promise<T>,
): Promise<T> {
  if ('path' in input) return use({ path: input.path });
  if (input.bytes.byteLength <= INLINE_BYTES) return use({ bytes: input.bytes });
  const folder = await mkdtemp(join(tmpdir(), 'footnote-parse-'));
  try {
    const path = join(folder, 'document');
    await writeFile(path, input.bytes, { mode: 0o600 });
    return await use({ path });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const CODES: Readonly<Record<KillReason, ErrorCode>> = {
  timeout: 'parse_timeout',
  memory: 'parse_memory',
  output: 'parse_output',
  crash: 'parse_crashed',
};

function failed(
  failure: ProcessFailure,
  { deadlineMs, memoryBytes, outputBytes }: IsolatedParsingOptions,
): FootnoteError {
  const advice: Readonly<Record<KillReason, string>> = {
    timeout: `Parsing took more than ${deadlineMs} ms. Simplify or split the document, or raise parsing.deadlineMs.`,
    memory: `Parsing needed more than ${memoryBytes} bytes of memory. Split the document, or raise parsing.memoryBytes.`,
    output: `The text and structure are larger than ${outputBytes} bytes. Split the document, or raise parsing.outputBytes.`,
    crash: `The parser failed on this document (${failure.message}). Save it again with another program, or convert it.`,
  };
  return new FootnoteError(CODES[failure.reason], advice[failure.reason], { cause: failure });
}
