import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { FootnoteError } from '../../src/core/errors.js';

const MAX_BYTES = 1024 * 1024;

/** The rules of ignore files on the way from a root down to a folder. Rules of deeper folders win. */
export class IgnoreRules {
  private constructor(private readonly rules: readonly { readonly folder: string; readonly rules: Ignore }[]) {}

  static readonly none = new IgnoreRules([]);

  /**
   * With those that the folder itself brings. @param key the folder's path below the root, '' for the root
   * @throws FootnoteError unavailable: a rule that can't be read might hide what nobody may see
   */
  async inside(path: string, key: string, names: readonly string[]): Promise<IgnoreRules> {
    const texts: string[] = [];
    for (const name of names) {
      const text = await rulesOf(join(path, name));
      if (text !== undefined) texts.push(text);
    }
    if (texts.length === 0) return this;
    const rules = ignore();
    // One by one: of a list, each entry would be one pattern.
    for (const text of texts) rules.add(text);
    return new IgnoreRules([...this.rules, { folder: key, rules }]);
  }

  /** @param key path below the root; folders are told by `isFolder` */
  hides(key: string, isFolder: boolean): boolean {
    for (const { folder, rules } of this.rules.toReversed()) {
      const below = folder === '' ? key : key.slice(folder.length + 1);
      const { ignored, unignored } = rules.test(isFolder ? `${below}/` : below);
      if (ignored) return true;
      if (unignored) return false;
    }
    return false;
  }
}

async function rulesOf(path: string): Promise<string | undefined> {
  try {
    const info = await stat(path);
    if (!info.isFile()) return undefined;
    if (info.size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new FootnoteError('unavailable', `The ignore file ${path} cannot be read: ${reason}.`, { cause: error });
  }
}
