import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256 } from '../../../src/core/ids.js';
import type { Random } from '../../../src/runtime/random.js';
import { GitRepository } from '../../support/git-repository.js';
import { bytesOf } from '../kill/corpus.js';
import { FILES, GIT } from './config.js';

/** A folder tree and a repository that change step by step. A key that was removed never comes back. */
export class Sources {
  /** What is there now: `source key` and the hash of its content. */
  readonly there = new Map<string, string>();
  readonly removed = new Set<string>();
  readonly folders: readonly string[];
  readonly repository: string;
  #made = 0;
  #version = 0;
  #time = 1_700_000_000;
  readonly #git: GitRepository;

  private constructor(directory: string, repository: GitRepository) {
    this.folders = [join(directory, 'docs'), join(directory, 'more')];
    this.repository = repository.path;
    this.#git = repository;
  }

  static async make(directory: string): Promise<Sources> {
    const repository = await GitRepository.make(join(directory, 'repository'));
    const sources = new Sources(directory, repository);
    for (const folder of sources.folders) await mkdir(folder, { recursive: true });
    return sources;
  }

  /** Adds, edits, renames and removes some of both sources. */
  async change(random: Random, additions: number): Promise<void> {
    for (let i = 0; i < additions; i += 1) {
      this.#made += 1;
      await this.#put(i % 2 === 0 ? FILES : GIT, `${random.below(3)}/${this.#made}.${random.pick(['md', 'txt'])}`);
    }
    for (const source of [FILES, GIT]) {
      const keys = [...this.there.keys()].filter((name) => name.startsWith(`${source} `));
      const take = (): string | undefined => {
        if (keys.length < 4) return undefined;
        return keys.splice(random.below(keys.length), 1)[0]!.slice(source.length + 1);
      };
      const edited = take();
      if (edited !== undefined) await this.#put(source, edited);
      const moved = take();
      if (moved !== undefined) await this.#rename(source, moved);
      for (let i = random.below(3); i > 0; i -= 1) {
        const gone = take();
        if (gone === undefined) continue;
        await rm(this.#path(source, gone));
        this.#forget(source, gone);
      }
    }
    await this.#git.commit();
  }

  /** Takes a part of one source away for a while. @returns what brings it back */
  async breakOff(random: Random): Promise<() => Promise<void>> {
    const path = random.chance(0.5) ? this.folders[1]! : this.repository;
    await rename(path, `${path}-away`);
    return () => rename(`${path}-away`, path);
  }

  async #put(source: string, key: string): Promise<void> {
    this.#version += 1;
    const bytes = bytesOf(key, { version: this.#version % 5, broken: false });
    const path = this.#path(source, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    this.#time += 60;
    await utimes(path, this.#time, this.#time);
    this.there.set(`${source} ${key}`, sha256(bytes));
  }

  async #rename(source: string, key: string): Promise<void> {
    this.#made += 1;
    const to = `moved/${this.#made}-${key.replaceAll('/', '-')}`;
    await mkdir(dirname(this.#path(source, to)), { recursive: true });
    await rename(this.#path(source, key), this.#path(source, to));
    this.there.set(`${source} ${to}`, this.there.get(`${source} ${key}`)!);
    this.#forget(source, key);
  }

  #forget(source: string, key: string): void {
    this.there.delete(`${source} ${key}`);
    this.removed.add(`${source} ${key}`);
  }

  #path(source: string, key: string): string {
    return join(source === FILES ? this.folders[0]! : this.repository, key);
  }
}
