import picomatch from 'picomatch';
import { z } from 'zod';

/** A list of glob patterns, as connectors take them. */
export const globsField = (fallback: string[], description: string) =>
  z.array(z.string().min(1).max(1024)).max(1000).default(fallback).meta({ description });

export interface Selection {
  /** Whether a document under this path (with slashes, relative) is wanted. */
  readonly wants: (path: string) => boolean;
  /** Whether nothing below this folder is wanted. */
  readonly skipsFolder: (path: string) => boolean;
}

/** Paths that match one of `include` and none of `exclude`. A folder that is excluded is not entered. */
export function selection(include: readonly string[], exclude: readonly string[]): Selection {
  const included = picomatch([...include], { dot: true });
  const excluded = picomatch([...exclude], { dot: true });
  return {
    wants: (path) => included(path) && !excluded(path),
    skipsFolder: (path) => excluded(path),
  };
}
