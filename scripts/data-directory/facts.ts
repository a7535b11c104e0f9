import { createHash } from 'node:crypto';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FootnoteClient } from '../../src/client/index.js';
import type { ConfigInput } from '../../src/engine.js';
import { GitRepository } from '../../test/support/git-repository.js';

/** What a data directory of the time must still give. */
export interface DirectoryFacts {
  readonly version: string;
  /** Files of the folder that the source `notes` reads, by name. */
  readonly notes: Readonly<Record<string, string>>;
  readonly collections: Readonly<
    Record<
      string,
      { readonly export: string; readonly chunks: number; readonly documents: Readonly<Record<string, number>> }
    >
  >;
  readonly citations: { readonly current: string; readonly replaced: string };
  readonly secret: string;
  /** Documents of the collection `handbook`, by key. */
  readonly keys: { readonly deleted: string; readonly failed: string; readonly restricted: string };
  readonly deadLetter: string;
  readonly generations: { readonly live: string; readonly retired: string };
  /** The export of the collection `handbook` when its retired generation is served again. */
  readonly ofRetired?: { readonly export: string; readonly chunks: number };
  /** Files of the repository that the source `rules` reads, by path. With it the sources lie at the place of `takePlace`. */
  readonly repository?: Readonly<Record<string, string>>;
  /** Words that find a document of the collection `handbook`, by its key: one for each format. */
  readonly formats?: Readonly<Record<string, string>>;
  /** Of the collection `handbook`: what was deleted from the source `notes`, and the event that had brought it, as the log held it. */
  readonly gone?: { readonly key: string; readonly documentId: string; readonly event: string };
  /** The secret of a key that was revoked. */
  readonly revoked?: string;
}

export const HANDBOOK = 'handbook';
const REPOSITORY = 'repository';
/** Seconds since 1970. */
const MODIFIED = Date.UTC(2026, 0, 1) / 1000;
/** Keeps what would have gone by the time that a directory is opened, for as long as these tests may run. */
const DAYS = 10_000;

/** The configuration under which such a directory is made and opened; `base` holds the sources' folders. */
export function directoryConfig(
  data: string,
  base: string,
  { repository }: Pick<DirectoryFacts, 'repository'>,
): ConfigInput {
  const common = { collection: HANDBOOK, base, everyMs: 3_600_000 };
  return {
    data,
    releases: { keepHours: 24 * DAYS },
    retention: { revisionDays: DAYS, logDays: DAYS, jobDays: DAYS, deadLetterDays: DAYS, tombstoneDays: DAYS },
    http: { port: 0 },
    embedding: { model: 'test-hash' },
    log: { level: 'silent' },
    sources: [
      { ...common, source: 'notes', connector: 'files', options: { paths: ['notes'] } },
      ...(repository ? [{ ...common, source: 'rules', connector: 'git', options: { url: `./${REPOSITORY}` } }] : []),
    ],
  };
}

/** Lays the sources out as they were when the directory was made: inventories go by files' times, too. */
export async function writeSources(
  base: string,
  { notes, repository }: Pick<DirectoryFacts, 'notes' | 'repository'>,
): Promise<void> {
  await mkdir(join(base, 'notes'), { recursive: true });
  for (const [name, text] of Object.entries(notes)) {
    await writeFile(join(base, 'notes', name), text);
    await utimes(join(base, 'notes', name), MODIFIED, MODIFIED);
  }
  if (!repository) return;
  const made = await GitRepository.make(join(base, REPOSITORY));
  for (const [path, text] of Object.entries(repository)) await made.write(path, text);
  await made.commit();
}

/** SHA-256 over the lines of the canonical export, and how many there are. */
export async function exported(
  client: FootnoteClient,
  collection: string,
): Promise<{ export: string; chunks: number }> {
  const hash = createHash('sha256');
  let chunks = 0;
  for await (const line of client.export(collection)) {
    hash.update(`${JSON.stringify(line)}\n`);
    chunks += 1;
  }
  return { export: hash.digest('hex'), chunks };
}
