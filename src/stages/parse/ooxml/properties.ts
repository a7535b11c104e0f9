import { childOf, textOf } from '../xml/read.js';
import type { OfficePackage } from './package.js';

/** Titles that a program made up. */
const NO_TITLE =
  /^(?:powerpoint presentation|pr[äe]sentation powerpoint|(?:document|presentation|slide|book|mappe)\s*\d*|untitled.*)$/i;

/** The title that the file's properties give, unless a program made it up. */
export async function titleOf(document: OfficePackage): Promise<string | undefined> {
  const part = [...(await document.relationships('')).values()].find(({ type }) => type === 'core-properties');
  if (!part || part.external || !document.has(part.target)) return undefined;
  const title = textOf(childOf(await document.root(part.target), 'dc:title'))
    .replace(/\s+/g, ' ')
    .trim();
  return title === '' || NO_TITLE.test(title) ? undefined : title;
}
