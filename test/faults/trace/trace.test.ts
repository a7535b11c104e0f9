import { describe, expect, it } from 'vitest';
import { Disk } from './disk.js';
import { type Call, TraceParser } from './strace.js';

function parse(text: string): Call[] {
  const calls: Call[] = [];
  const parser = new TraceParser((call) => calls.push(call));
  for (const line of text.trim().split('\n')) parser.line(line.trim());
  return calls;
}

/** What is left to be synced when all calls have ended, one after another. */
function left(text: string): string[] {
  const disk = new Disk('/d');
  disk.nodes.set('/d', { folder: true, pending: [] });
  for (const call of parse(text)) disk.begin(call)();
  return [...disk.nodes].flatMap(([path, node]) => node.pending.map((each) => `${path}: ${each.path}`));
}

describe('the trace', () => {
  it('joins calls that were interrupted and leaves out those that failed', () => {
    const calls = parse(`
      11 fsync(7</d/a> <unfinished ...>
      12 write(8</d/b>, "x = 1) = 5"..., 10 <unfinished ...>
      11 <... fsync resumed>) = 0
      12 <... write resumed>) = 10
      12 unlink("/d/c") = -1 ENOENT (No such file or directory)
      12 renameat(AT_FDCWD</w>, "d/e", 9</d>, "f") = 0
      13 +++ exited with 0 +++
    `);
    expect(calls.map(({ name, begin, end }) => [name, begin, end])).toEqual([
      ['fsync', 1, 3],
      ['write', 2, 4],
      ['renameat', 6, 6],
    ]);
    expect(calls[1]!.handles).toEqual([{ fd: 8, path: '/d/b' }]);
    expect(calls[2]!.paths).toEqual(['/w/d/e', '/d/f']);
  });
});

describe('the disk', () => {
  const make = '1 openat(AT_FDCWD</w>, "/d/a", O_WRONLY|O_CREAT, 0600) = 3</d/a>\n1 write(3</d/a>, "x", 1) = 1\n';

  it('wants both the file and its folder synced', () => {
    expect(left(make)).toEqual(['/d: /d/a', '/d/a: /d/a']);
    expect(left(`${make}1 fsync(3</d/a>) = 0`)).toEqual(['/d: /d/a']);
    expect(left(`${make}1 fsync(3</d/a>) = 0\n1 fsync(4</d>) = 0`)).toEqual([]);
  });

  it('takes a renamed file for the same one and its entry for a new one', () => {
    const text = `${make}1 fsync(3</d/a>) = 0\n1 fsync(4</d>) = 0\n1 rename("/d/a", "/d/b") = 0`;
    expect(left(text)).toEqual(['/d: /d/a', '/d: /d/b']);
    expect(left(`${text}\n1 fsync(4</d>) = 0`)).toEqual([]);
  });

  it('does not count a sync for what was written after it had begun', () => {
    const disk = new Disk('/d');
    disk.nodes.set('/d', { folder: true, pending: [] });
    const [open, write, sync, again] = parse(`${make}1 fsync(3</d/a>) = 0\n1 write(3</d/a>, "y", 1) = 1`);
    disk.begin(open!)();
    disk.begin(write!)();
    const end = disk.begin(sync!);
    disk.begin(again!)();
    end();
    expect(disk.nodes.get('/d/a')!.pending).toHaveLength(1);
  });

  it('tells what it cannot follow', () => {
    const disk = new Disk('/d');
    disk.begin(parse('1 mmap(NULL, 9, PROT_READ|PROT_WRITE, MAP_SHARED, 3</d/m>, 0) = 0x7f1f1b057000')[0]!)();
    expect(disk.unseen).toEqual(['m is mapped']);
  });
});
