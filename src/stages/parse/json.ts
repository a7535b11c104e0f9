import type { Block } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import { decodeText } from './charset.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';
import { charsetHints, lineGroups } from './text.js';

/** The text is the decoded source. One block, which may be split between the entries of the outermost array or object. */
export function parseJson({ bytes, hints }: ParserInput): ParsedContent {
  const { charset, warnings, text: raw } = decodeText(bytes, charsetHints(hints));
  const text = normalizeText(raw);
  const span = trimmed(text, { start: 0, end: text.length });
  if (!span) return { text, blocks: [], images: [], warnings, charset };
  const parts = entriesOf(text, span);
  const block: Block = { kind: 'code', span, language: 'json', ...(parts.length > 1 ? { parts } : {}) };
  const broken = isJson(text)
    ? []
    : [{ code: 'invalid_json', message: 'It is no valid JSON, and is read as it stands.' }];
  return { text, blocks: [block], images: [], warnings: [...warnings, ...broken], charset };
}

/** A record a line (JSON Lines): a block each. */
export function parseJsonl({ bytes, hints }: ParserInput): ParsedContent {
  const { charset, warnings, text: raw } = decodeText(bytes, charsetHints(hints));
  const text = normalizeText(raw);
  const blocks: Block[] = [];
  for (const group of lineGroups(text, (line) => line.trim() === '')) {
    for (let at = group.start; at < group.end;) {
      const feed = text.indexOf('\n', at);
      const end = feed === -1 || feed > group.end ? group.end : feed;
      blocks.push({ kind: 'code', span: { start: at, end }, language: 'json' });
      at = end + 1;
    }
  }
  return { text, blocks, images: [], warnings, charset };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Entries one level down, without the commas between them; none where the brackets do not close. */
function entriesOf(text: string, within: Span): Span[] {
  const entries: Span[] = [];
  let depth = 0;
  let string = false;
  let start = within.start + 1;
  for (let at = within.start; at < within.end; at += 1) {
    const char = text[at];
    if (string) {
      if (char === '\\') at += 1;
      else if (char === '"') string = false;
      continue;
    }
    if (char === '"') string = true;
    else if (char === '{' || char === '[') depth += 1;
    const closes = char === '}' || char === ']';
    if ((char === ',' && depth === 1) || (closes && depth === 1)) {
      const entry = trimmed(text, { start, end: at });
      if (entry) entries.push(entry);
      start = at + 1;
    }
    if (closes) depth -= 1;
  }
  return depth === 0 ? entries : [];
}

function trimmed(text: string, { start, end }: Span): Span | undefined {
  const inner = text.slice(start, end);
  const from = start + inner.length - inner.trimStart().length;
  const to = end - (inner.length - inner.trimEnd().length);
  return from < to ? { start: from, end: to } : undefined;
}
