import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FootnoteError, asFootnoteError } from '../../src/core/errors.js';
import { Git, type GitSettings } from './process.js';

const NEXT = 'refs/footnote/next';
const FROM = 'refs/footnote/from';
/** What a mirror says that was left half written. */
const BROKEN =
  /corrupt|bad object|missing (blob|tree|commit|object)|unable to read|object file|not a git repository|index-pack/i;

/** A bare copy of one commit of the repository, and of the one that was read before it. */
export class Mirror {
  readonly git: Git;

  constructor(private readonly settings: GitSettings) {
    this.git = new Git(settings);
  }

  /**
   * Brings the newest commit of the ref. @param from the commit that the next comparison begins with: kept, all others go
   * @returns the commit's id
   */
  async fetch(address: string, ref: string, from: string | undefined): Promise<string> {
    await this.#open();
    try {
      await this.#forget(from);
      return await this.#bring(address, ref);
    } catch (thrown) {
      const error = asFootnoteError(thrown);
      if (error.code !== 'unavailable' || !BROKEN.test(error.message)) throw error;
      // It is only a copy: made again.
      await this.#make();
      return this.#bring(address, ref);
    }
  }

  /** Whether the commit with its tree is here. */
  has(commit: string): Promise<boolean> {
    return this.git.succeeds(['cat-file', '-e', `${commit}^{tree}`]);
  }

  /** ISO 8601. */
  async timeOf(commit: string): Promise<string> {
    const seconds = Number(await this.git.text(['show', '-s', '--format=%ct', '--end-of-options', commit]));
    return new Date(Number.isFinite(seconds) ? seconds * 1000 : 0).toISOString();
  }

  async #bring(address: string, ref: string): Promise<string> {
    const options = ['--quiet', '--force', '--no-tags', '--depth=1', '--no-write-fetch-head'];
    await this.git.text(['fetch', ...options, '--', address, `+${ref}:${NEXT}`]);
    const commit = await this.git.text(['rev-parse', '--verify', '--quiet', `${NEXT}^{commit}`]);
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit)) {
      throw new FootnoteError('unavailable', `git named no commit for ${ref}.`);
    }
    return commit;
  }

  /** What was read before `from` is not needed any more, and may have been deleted from the source for good. */
  async #forget(from: string | undefined): Promise<void> {
    const kept = await this.git.text(['rev-parse', '--verify', '--quiet', FROM]).catch(() => undefined);
    if (from === undefined || from === kept || !(await this.has(from))) return;
    await this.git.text(['update-ref', FROM, from]);
    await this.git.text(['update-ref', '-d', NEXT]);
    await this.git.text(['gc', '--quiet', '--prune=now']);
  }

  async #open(): Promise<void> {
    const { folder } = this.settings;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await removeLocks(folder);
    if (!(await this.git.succeeds(['rev-parse', '--git-dir']))) await this.#make();
  }

  async #make(): Promise<void> {
    const { folder } = this.settings;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await this.git.text(['init', '--quiet', '--bare', '--template=']);
  }
}

/** Of a process that died: nobody else writes here. */
async function removeLocks(folder: string): Promise<void> {
  for (const place of ['', 'refs/footnote', 'objects/info']) {
    const names = await readdir(join(folder, place)).catch(() => []);
    for (const name of names) {
      if (name.endsWith('.lock') || name === 'gc.pid') await rm(join(folder, place, name), { force: true });
    }
  }
}
