import { z } from 'zod';
import { globsField } from '../globs.js';

export const FilesConfig = z
  .object({
    paths: z.array(z.string().min(1)).min(1).max(1000).meta({
      description: 'Folders (keys are paths below them) and single files (keys are their names). Keys must differ.',
    }),
    include: globsField(['**'], 'Globs of what to read, relative to each folder.'),
    exclude: globsField([], 'Globs of what to leave out; a folder that matches is not entered.'),
    ignoreFiles: z
      .array(
        z
          .string()
          .min(1)
          .max(255)
          .regex(/^[^/\\]+$/, 'a file name, not a path'),
      )
      .max(10)
      .default(['.gitignore', '.footnoteignore'])
      .meta({ description: "Files in folders that say what to leave out, in gitignore's language; later ones win." }),
    links: z.enum(['inside', 'follow', 'skip']).default('inside').meta({
      description:
        'Symbolic links: followed where they stay inside the paths, followed wherever they lead, or passed over.',
    }),
    hidden: z.boolean().default(false).meta({ description: 'Also read names that begin with a dot.' }),
  })
  .strict();

export type FilesConfig = z.output<typeof FilesConfig>;

/** Folders that hold machinery, never documents. */
const SKIPPED_FOLDERS = new Set(['node_modules', '__pycache__']);

/** Whether a name is passed over wherever it stands. */
export function skipsName(name: string, isFolder: boolean, { hidden }: Pick<FilesConfig, 'hidden'>): boolean {
  return (!hidden && name.startsWith('.')) || (isFolder && SKIPPED_FOLDERS.has(name));
}
