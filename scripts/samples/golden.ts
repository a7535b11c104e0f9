import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../src/core/json.js';
import { parseDocument } from '../../src/stages/parse/parse.js';

/** Parser and hash of its whole output, by fixture. */
export type Golden = Record<string, { readonly parser: string; readonly sha256: string }>;

export const GOLDEN_FILE = 'golden.json';

/** Parses every fixture of a folder. */
export async function goldenOutputs(folder: string): Promise<Golden> {
  const golden: Golden = {};
  for (const name of readdirSync(folder).sort()) {
    if (name === GOLDEN_FILE) continue;
    const parsed = await parseDocument(readFileSync(join(folder, name)), { name });
    const sha256 = createHash('sha256').update(canonicalJson(parsed)).digest('hex');
    golden[name] = { parser: parsed.parser, sha256 };
  }
  return golden;
}

/** Fixtures whose output changed although the parser's version did not. */
export function changedWithoutVersion(recorded: Golden, now: Golden): string[] {
  return Object.entries(now)
    .filter(([name, { parser, sha256 }]) => recorded[name]?.parser === parser && recorded[name].sha256 !== sha256)
    .map(([name, { parser }]) => `${name} (${parser})`);
}
