import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** All that changes files, and what makes the changes durable. */
const CALLS =
  'openat,open,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,splice,mmap,fsync,fdatasync,sync_file_range,io_uring_setup';

/** One system call that succeeded. Others may begin and end between its begin and its end. */
export interface Call {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
  readonly result: number;
  /** The file descriptors among its arguments with what they stand for. */
  readonly handles: readonly { readonly fd: number; readonly path: string }[];
  /** The paths among its arguments, absolute. */
  readonly paths: readonly string[];
  readonly text: string;
}

export function hasStrace(): boolean {
  return spawnSync('strace', ['--version']).status === 0;
}

/** Runs a program under strace, its threads and children included. @throws when it fails */
export async function straced(command: readonly string[], traceFile: string): Promise<Call[]> {
  const options = ['-f', '--seccomp-bpf', '-y', '-s', '128', '-e', `trace=${CALLS}`, '-o', traceFile];
  // Files written through io_uring would not be seen: off, and looked for.
  const env = { ...process.env, UV_USE_IO_URING: '0' };
  const child = spawn('strace', [...options, ...command], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`The traced program ended with ${code}: ${stderr}`);
  const calls: Call[] = [];
  const parser = new TraceParser((call) => calls.push(call));
  for await (const line of createInterface({ input: createReadStream(traceFile) })) parser.line(line);
  return calls;
}

const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$/;
const RESULT = /\) += (-?\d+|0x[0-9a-f]+)(?:<.*>)?(?: [A-Z]+ \(.*\))?$/;
const UNFINISHED = ' <unfinished ...>';

/** Puts calls together that strace printed in two parts because another thread's came between. */
export class TraceParser {
  readonly #open = new Map<string, { name: string; args: string; begin: number }>();
  #lines = 0;

  constructor(private readonly onCall: (call: Call) => void) {}

  line(line: string): void {
    const at = (this.#lines += 1);
    const match = LINE.exec(line);
    if (!match) return;
    const [, pid, resumed, rest, name, args] = match as unknown as string[];
    if (resumed !== undefined) {
      const open = this.#open.get(pid!);
      this.#open.delete(pid!);
      if (open?.name === resumed) this.#done(open.name, open.args + rest!, open.begin, at);
    } else if (args!.endsWith(UNFINISHED)) {
      this.#open.set(pid!, { name: name!, args: args!.slice(0, -UNFINISHED.length), begin: at });
    } else {
      this.#done(name!, args!, at, at);
    }
  }

  #done(name: string, text: string, begin: number, end: number): void {
    const result = RESULT.exec(text);
    if (!result || Number(result[1]) < 0) return;
    const args = text.slice(0, result.index);
    const handles = [...args.matchAll(/(?:^|, )(\d+)<([^>]*)>/g)].map(([, fd, path]) => ({
      fd: Number(fd),
      path: path!,
    }));
    this.onCall({ name, begin, end, result: Number(result[1]), handles, paths: pathsOf(name, args), text: args });
  }
}

const QUOTED = '"((?:[^"\\\\]|\\\\.)*)"';
const AT = new RegExp(`(?:AT_FDCWD|\\d+)<([^>]*)>, ${QUOTED}`, 'g');
const PLAIN = new RegExp(QUOTED, 'g');

function pathsOf(name: string, args: string): string[] {
  if (name.endsWith('at') || name === 'renameat2') {
    return [...args.matchAll(AT)].map(([, folder, path]) => resolve(folder!, path!));
  }
  if (!/^(open|creat|rename|link|symlink|unlink|rmdir|mkdir|truncate)$/.test(name)) return [];
  return [...args.matchAll(PLAIN)].map(([, path]) => resolve(path!));
}
