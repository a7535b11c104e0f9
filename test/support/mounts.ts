import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of its own that can be filled; only an administrator can have one. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves not a byte. */
  fill(): void;
  free(): void;
  remove(): Promise<void>;
}

function mount(path: string, options: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status === 0;
}

export async function canMount(): Promise<boolean> {
  const path = await mkdtemp(join(tmpdir(), 'footnote-test-'));
  const can = mount(path, 'size=2m');
  if (can) spawnSync('umount', [path]);
  await rm(path, { recursive: true, force: true });
  return can;
}

export async function smallDisk(mebibytes: number): Promise<SmallDisk> {
  const path = await mkdtemp(join(tmpdir(), 'footnote-test-'));
  if (!mount(path, `size=${mebibytes}m`)) throw new Error('no right to mount');
  const ballast = join(path, 'ballast');
  return {
    path,
    fill() {
      for (let size = mebibytes << 20; size >= 512; size /= 2) {
        for (;;) {
          try {
            writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
          } catch {
            // Full for pieces of this size.
            break;
          }
        }
      }
    },
    free: () => rmSync(ballast, { force: true }),
    async remove() {
      spawnSync('umount', ['-l', path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A second, read-only view of a folder. */
export async function readOnlyView(path: string): Promise<{ path: string; remove(): Promise<void> }> {
  const view = await mkdtemp(join(tmpdir(), 'footnote-test-'));
  for (const args of [
    ['--bind', path, view],
    ['-o', 'remount,ro,bind', view],
  ]) {
    if (spawnSync('mount', args).status !== 0) throw new Error('no right to mount');
  }
  return {
    path: view,
    async remove() {
      spawnSync('umount', ['-l', view]);
      await rm(view, { recursive: true, force: true });
    },
  };
}
