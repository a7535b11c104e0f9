/** Which URLs belong to a source. */
export interface Rules {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Longest key of a document; a URL beyond it is a trap more often than a page. */
const MAX_URL = 2048;

/** The same page in one form: no fragment, no empty query, no default port, upper-case percent-encoding. */
export function canonical(url: URL): URL {
  const same = new URL(url.href);
  same.hash = '';
  same.pathname = same.pathname.replace(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase());
  if (same.search === '') same.search = '';
  return new URL(same.href.replace(/\?$/, ''));
}

/** Without patterns of their own, start pages stand for the folder that they are in. */
export function defaultInclude(start: readonly string[]): string[] {
  return start.map((page) => {
    const url = new URL(page);
    return `${url.origin}${url.pathname.replace(/[^/]*$/, '')}*`;
  });
}

export function belongs(url: URL, { include, exclude }: Rules): boolean {
  const { href } = url;
  if (href.length > MAX_URL) return false;
  return include.some((pattern) => matches(pattern, href)) && !exclude.some((pattern) => matches(pattern, href));
}

/** `*` stands for anything; linear in the text for each star, whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0]!;
  if (parts.length === 1) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  const last = parts.at(-1)!;
  return text.length - at >= last.length && text.endsWith(last);
}
