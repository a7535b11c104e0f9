import { execFile } from 'node:child_process';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A repository with a working tree that tests commit to. */
export class GitRepository {
  #clock = 1_700_000_000;

  private constructor(readonly path: string) {}

  static async make(path: string): Promise<GitRepository> {
    await mkdir(path, { recursive: true });
    const repository = new GitRepository(path);
    await repository.git('init', '--quiet', '--initial-branch=main', '--template=');
    return repository;
  }

  /** Its output, without the last line's end. */
  async git(...args: string[]): Promise<string> {
    const at = `${(this.#clock += 60)} +0000`;
    const { stdout } = await run('git', ['-c', 'core.hooksPath=' + devNull, '-c', 'gc.auto=0', ...args], {
      cwd: this.path,
      env: {
        PATH: process.env['PATH'],
        HOME: this.path,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: devNull,
        GIT_AUTHOR_NAME: 'A',
        GIT_AUTHOR_EMAIL: 'a@example.org',
        GIT_AUTHOR_DATE: at,
        GIT_COMMITTER_NAME: 'A',
        GIT_COMMITTER_EMAIL: 'a@example.org',
        GIT_COMMITTER_DATE: at,
      },
    });
    return stdout.trimEnd();
  }

  async write(name: string, content: string | Buffer): Promise<void> {
    await mkdir(dirname(join(this.path, name)), { recursive: true });
    await writeFile(join(this.path, name), content);
  }

  async rename(from: string, to: string): Promise<void> {
    await mkdir(dirname(join(this.path, to)), { recursive: true });
    await rename(join(this.path, from), join(this.path, to));
  }

  remove(name: string): Promise<void> {
    return rm(join(this.path, name));
  }

  /** All that changed, if anything did. @returns the newest commit */
  async commit(message = 'change'): Promise<string> {
    await this.git('add', '--all');
    if ((await this.git('status', '--porcelain')) !== '') await this.git('commit', '--quiet', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }
}
