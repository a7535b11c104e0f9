import { dirname } from 'node:path';
import type { Call } from './strace.js';

/** A change that a power cut may undo until its file or folder is synced. */
interface Pending {
  readonly at: number;
  /** Of a folder's entry: what was made, moved or removed there. Of a file: its own path. */
  readonly path: string;
  /** The descriptor that a file was written through. */
  readonly fd?: number;
}

/** A file or folder, by whatever names. */
export interface Node {
  readonly folder: boolean;
  pending: Pending[];
}

/** What of the files below a folder is on disk for certain, call by call: POSIX, fsync of both file and folder. */
export class Disk {
  readonly nodes = new Map<string, Node>();
  /** What can't be followed: mapped for writing and shared, or written behind the trace. */
  readonly unseen: string[] = [];

  constructor(readonly root: string) {}

  /** To be told of each call when it begins; @returns what to do when it ends */
  begin(call: Call): () => void {
    const { name, begin, paths, handles } = call;
    switch (name) {
      case 'fsync':
      case 'fdatasync': {
        const node = this.nodes.get(handles[0]?.path ?? '');
        const covered = node?.pending.filter((each) => each.at < begin) ?? [];
        return () => {
          if (node) node.pending = node.pending.filter((each) => !covered.includes(each));
        };
      }
      case 'write':
      case 'pwrite64':
      case 'writev':
      case 'pwritev':
      case 'pwritev2':
      case 'ftruncate':
      case 'fallocate':
      case 'sendfile':
        this.#written(handles[0], begin);
        return nothing;
      case 'copy_file_range':
      case 'splice':
        this.#written(handles[1], begin);
        return nothing;
      case 'truncate':
        this.#written({ fd: -1, path: paths[0]! }, begin);
        return nothing;
      case 'mmap':
        if (/MAP_SHARED/.test(call.text) && /PROT_WRITE/.test(call.text))
          this.#unseen(handles[0]?.path ?? '', 'mapped');
        return nothing;
      case 'io_uring_setup':
        // Every loop of newer Nodes has a ring of 256 entries for epoll_ctl alone (libuv, src/unix/linux.c).
        if (!call.text.startsWith('256, ') || call.text.includes('IORING_SETUP_SQPOLL'))
          this.unseen.push('io_uring is used');
        return nothing;
      case 'open':
      case 'openat':
      case 'creat':
        return () => {
          if (name !== 'creat' && !call.text.includes('O_CREAT')) return;
          if (!this.nodes.has(paths[0]!)) this.#made(paths[0]!, { folder: false, pending: [] }, begin);
          if (name === 'creat' || call.text.includes('O_TRUNC'))
            this.#written({ fd: call.result, path: paths[0]! }, begin);
        };
      case 'mkdir':
      case 'mkdirat':
        return () => this.#made(paths[0]!, { folder: true, pending: [] }, begin);
      case 'link':
      case 'linkat':
        return () => this.#made(paths[1]!, this.nodes.get(paths[0]!), begin);
      case 'rename':
      case 'renameat':
      case 'renameat2':
        return () => {
          const node = this.nodes.get(paths[0]!);
          this.#removed(paths[0]!, begin);
          this.#made(paths[1]!, node, begin);
        };
      case 'unlink':
      case 'unlinkat':
      case 'rmdir':
        return () => this.#removed(paths[0]!, begin);
      default:
        return nothing;
    }
  }

  has(path: string): boolean {
    return path === this.root || path.startsWith(`${this.root}/`);
  }

  /** The path below the root. */
  name(path: string): string {
    return path.slice(this.root.length + 1);
  }

  #written(handle: { fd: number; path: string } | undefined, at: number): void {
    const node = handle && this.nodes.get(handle.path);
    if (node) node.pending.push({ at, path: handle.path, fd: handle.fd });
  }

  #made(path: string, node: Node | undefined, at: number): void {
    if (!this.has(path) || !node) return;
    this.nodes.set(path, node);
    this.#entry(path, at);
  }

  #removed(path: string, at: number): void {
    if (!this.nodes.delete(path)) return;
    this.#entry(path, at);
  }

  #entry(path: string, at: number): void {
    this.nodes.get(dirname(path))?.pending.push({ at, path });
  }

  #unseen(path: string, how: string): void {
    if (this.has(path)) this.unseen.push(`${this.name(path)} is ${how}`);
  }
}

function nothing(): void {
  // The call's effect counts from its beginning.
}
