/** Parsers whose normalized text has the lines of its source: for these the text is the decoded source (law 1). */
const LINE_PARSERS = /^(markdown|text|code)@/;

export function keepsLines(parser: string): boolean {
  return LINE_PARSERS.test(parser);
}

/** Permanent links to files at a commit, by host, and how each names lines. */
const FORMS: readonly (readonly [RegExp, (first: number, last: number, path: string) => string])[] = [
  [/^https?:\/\/[^?#]+\/-\/blob\/[0-9a-f]{40,64}\/[^?#]+$/, (first, last) => `#L${first}-${last}`],
  [
    /^https?:\/\/[^?#]+\/blob\/[0-9a-f]{40,64}\/[^?#]+$/,
    // Rendered Markdown has no lines to point at.
    (first, last, path) => `${/\.(md|markdown|mdx)$/i.test(path) ? '?plain=1' : ''}#L${first}-L${last}`,
  ],
  [/^https?:\/\/[^?#]+\/src\/commit\/[0-9a-f]{40,64}\/[^?#]+$/, (first, last) => `#L${first}-L${last}`],
  [/^https?:\/\/[^?#]+\/src\/[0-9a-f]{40,64}\/[^?#]+$/, (first, last) => `#lines-${first}:${last}`],
];

/** Points a permanent link at lines (1-based, both inclusive); any other URI stays as it is. */
export function withLines(uri: string, first: number, last: number): string {
  const form = FORMS.find(([pattern]) => pattern.test(uri));
  return form ? uri + form[1](first, last, uri) : uri;
}

/** Line breaks in `text.slice(start, end)`. */
export function countLines(text: string, start = 0, end = text.length): number {
  let count = 0;
  for (let at = text.indexOf('\n', start); at !== -1 && at < end; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
