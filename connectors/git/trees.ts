import type { Git } from './process.js';

/** A file of a commit's tree; or, in a comparison, a path that has become none. */
export interface TreeEntry {
  /** Raw bytes: git knows no encoding of names. */
  readonly path: Buffer;
  /** Absent: gone, or no plain file any more. */
  readonly oid?: string;
  readonly bytes?: number;
}

/** Links and submodules are no documents. */
const PLAIN = /^100(644|755|664)$/;

/** Every plain file of the commit, in git's order. */
export async function* listTree(git: Git, commit: string): AsyncGenerator<TreeEntry> {
  for await (const record of records(git.stream(['ls-tree', '-r', '-z', '-l', '--full-tree', commit]))) {
    const tab = record.indexOf(0x09);
    const [mode = '', , oid = '', size = ''] = record.subarray(0, tab).toString('latin1').split(/ +/);
    if (PLAIN.test(mode)) yield { path: record.subarray(tab + 1), oid, bytes: Number(size) };
  }
}

/** What is different in `to`. Renames are a removal and an addition. */
export async function* compareTrees(git: Git, from: string, to: string): AsyncGenerator<TreeEntry> {
  let header: string | undefined;
  for await (const record of records(git.stream(['diff-tree', '-r', '-z', '--raw', '--no-renames', from, to]))) {
    if (header === undefined) {
      header = record.toString('latin1');
      continue;
    }
    const [, mode = '', , oid = ''] = header.split(' ');
    header = undefined;
    yield PLAIN.test(mode) ? { path: record, oid } : { path: record };
  }
}

/** Pieces between zero bytes. */
async function* records(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
  }
}
