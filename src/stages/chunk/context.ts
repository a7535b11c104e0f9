/** Counts the tokens of each text, without special tokens, by the embedder's tokenizer. */
export type CountTokens = (texts: readonly string[]) => number[];

/** Counts one text and remembers it: headings come again in the path of every section below them. */
export type CountOnce = (text: string) => number;

export function countOnce(count: CountTokens): CountOnce {
  const known = new Map<string, number>([['', 0]]);
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const tokens = count([text])[0] ?? 0;
    known.set(text, tokens);
    return tokens;
  };
}

/** Between the parts of a heading path. */
const SEPARATOR = ' › ';

/** What stands before a chunk's text in the model input, with its size. Ends in a line break unless it is empty. */
export interface Context {
  readonly text: string;
  readonly tokens: number;
}

/**
 * The heading path as one line within `limit` tokens. What is too long loses the middle of the path first (the title says
 * what the document is about, the last heading what the section is about), then the ends of the headings.
 */
export function pathContext(headings: readonly string[], limit: number, count: CountOnce): Context {
  const path = headings.map((heading) => shorten(heading, limit * 8)).filter((heading) => heading !== '');
  const size = (): number =>
    path.reduce((sum, heading) => sum + count(heading), Math.max(0, path.length - 1) * count(SEPARATOR));
  let tokens = size();
  while (tokens > limit && path.length > 0) {
    if (path.length > 2) {
      path.splice(1, 1);
    } else {
      const longest = (path[1] ?? '').length > (path[0] ?? '').length ? 1 : 0;
      const heading = path[longest] ?? '';
      const cut = shorten(heading, heading.length >> 1);
      if (cut === '') path.splice(longest, 1);
      else path[longest] = cut;
    }
    tokens = size();
  }
  return { text: path.length === 0 ? '' : `${path.join(SEPARATOR)}\n`, tokens };
}

/** A table's header rows for a chunk that continues the table, within `limit` tokens; cut between words. */
export function headerContext(header: string, limit: number, count: CountOnce): Context {
  let text = header;
  while (text !== '' && count(text) > limit) text = shorten(text, text.length >> 1).trimEnd();
  return { text: text === '' ? '' : `${text}\n`, tokens: count(text) };
}

/** At most `most` code units, whole words; empty when the first word is longer. */
function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const space = text.lastIndexOf(' ', most);
  return space > 0 ? text.slice(0, space) : '';
}
