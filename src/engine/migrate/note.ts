import { z } from 'zod';
import { FootnoteError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import type { Aside, Catalog } from '../../core/ports/catalog.js';

/** Why a collection is out of sight here, and how far its migration has come. */
const NoteSchema = z.object({
  /** Of one migration, on both sides the same. */
  migration: z.uuid(),
  /** Being copied from here; in service elsewhere; being copied to here. */
  state: z.enum(['leaving', 'left', 'arriving']),
  /** The id of the other side's log: it tells an installation, whatever its address. */
  peer: z.string().min(1),
  /** Where the other side is configured, for people. */
  where: z.string(),
  /** ISO 8601. */
  since: z.string(),
  /** The document after which to go on. */
  after: z.string().optional(),
  done: z.int().min(0),
  /** Steps besides the documents that came to their end. */
  steps: z.array(z.string()),
});

export type Note = z.output<typeof NoteSchema>;

/** @throws data_corrupt */
export function readNote({ collection, note }: Aside): Note {
  const read = NoteSchema.safeParse(note);
  if (read.success) return read.data;
  throw new FootnoteError(
    'data_corrupt',
    `What the catalog says of the migration of ${collection.name} cannot be understood: restore a backup.`,
  );
}

export async function noteOf(
  catalog: Pick<Catalog, 'collections'>,
  tenant: string,
  name: string,
): Promise<Note | undefined> {
  const aside = await catalog.collections.aside(tenant, name);
  return aside && readNote(aside);
}

export function writeNote(
  catalog: Pick<Catalog, 'collections'>,
  collection: Aside['collection'],
  note: Note,
): Promise<void> {
  return catalog.collections.setAside({ collection, note: JSON.parse(JSON.stringify(note)) as JsonObject });
}
