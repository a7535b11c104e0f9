import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../src/core/json.js';
import { madeFixtures } from './office.js';
import { parseDocument } from '../../src/stages/parse/parse.js';

/** Parser and hash of its whole output, by fixture. */
export type Golden = Record<string, { readonly parser: string; readonly sha256: string }>;

export const GOLDEN_FILE = 'golden.json';

/** Parses every fixture of a folder, and those that are made by code. */
export async function goldenOutputs(folder: string): Promise<Golden> {
  const golden: Golden = {};
  const made = new Map<string, Buffer>(Object.entries(madeFixtures()));
  const names = readdirSync(folder).filter((name) => name !== GOLDEN_FILE);
  for (const name of [...names, ...made.keys()].sort()) {
    const parsed = await parseDocument(made.get(name) ?? readFileSync(join(folder, name)), { name });
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
