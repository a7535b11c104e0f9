import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Readable } from 'node:stream';
import { FootnoteError } from '../../src/core/errors.js';
import type { Git } from './process.js';

interface Reader {
  readonly child: ChildProcessWithoutNullStreams;
  readonly pieces: AsyncIterator<Buffer>;
  rest: Buffer;
}

/** Contents of blobs through one long-lived `git cat-file --batch`: a process an object would take longer than reading it. */
export class Objects {
  #reader: Reader | undefined;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(private readonly git: Git) {}

  open(oid: string): Readable {
    return Readable.from(this.#contents(oid), { objectMode: false });
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** One after another; whoever leaves early ends the process, since the rest of its object still comes. */
  async *#contents(oid: string): AsyncGenerator<Buffer> {
    const before = this.#last;
    let done = (): void => undefined;
    this.#last = new Promise((resolve) => (done = resolve));
    await before;
    let whole = false;
    try {
      if (this.#closed) throw new FootnoteError('cancelled', 'The read of the repository has ended.');
      const reader = (this.#reader ??= this.#start());
      reader.child.stdin.write(`${oid}\n`);
      const [, type, size] = (await line(reader)).split(' ');
      if (type !== 'blob') throw new FootnoteError('unavailable', `git has no contents for ${oid}.`);
      let left = Number(size);
      while (left > 0) {
        const piece = await some(reader, left);
        left -= piece.length;
        yield piece;
      }
      await some(reader, 1);
      whole = true;
    } finally {
      if (!whole) this.#stop();
      done();
    }
  }

  #start(): Reader {
    const child = this.git.start(['cat-file', '--batch']);
    // Seen as the end of its output.
    child.on('error', () => undefined);
    child.stderr.resume();
    return { child, pieces: child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>, rest: Buffer.alloc(0) };
  }

  #stop(): void {
    this.#reader?.child.kill('SIGKILL');
    this.#reader = undefined;
  }
}

async function more(reader: Reader): Promise<void> {
  const next = await reader.pieces.next();
  if (next.done) throw new FootnoteError('unavailable', 'git ended while it was read from.');
  reader.rest = reader.rest.length === 0 ? next.value : Buffer.concat([reader.rest, next.value]);
}

async function line(reader: Reader): Promise<string> {
  while (!reader.rest.includes(0x0a)) await more(reader);
  const end = reader.rest.indexOf(0x0a);
  const text = reader.rest.subarray(0, end).toString('latin1');
  reader.rest = reader.rest.subarray(end + 1);
  return text;
}

async function some(reader: Reader, most: number): Promise<Buffer> {
  if (reader.rest.length === 0) await more(reader);
  const piece = reader.rest.subarray(0, most);
  reader.rest = reader.rest.subarray(piece.length);
  return piece;
}
