import { type CheerioAPI, load } from 'cheerio';
import { decodeText } from './charset.js';
import { removeFurniture, removeNavigation, removeUnseen } from './html/clean.js';
import { type Document, flatText } from './html/dom.js';
import { mainContent } from './html/main-content.js';
import { writeText } from './html/write.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';
import { charsetHints } from './text.js';

/** Deeper trees are read without looking for the main content: its libraries recurse. */
const MAX_DEPTH = 400;
/** The main content is believed when it has this many characters, or this share of what the page shows. */
const ENOUGH_CHARS = 500;
const ENOUGH_SHARE = 0.25;

/** Main content of a page as text with structure; scripts, hidden text and navigation left out. */
export function parseHtml({ bytes, hints }: ParserInput): ParsedContent {
  const { charset, declared } = charsetHints(hints);
  const said = declaredCharset(bytes) ?? declared;
  const decoded = decodeText(bytes, {
    ...(charset !== undefined && { charset }),
    ...(said !== undefined && { declared: said }),
  });
  const $ = load(decoded.text);
  const meta = metadata($);
  const document = $.root()[0]!;
  const { depth } = removeUnseen(document);
  const { root, title } = contentOf($, document, depth, meta.head);
  const written = writeText(root);
  const heading = written.blocks.find((block) => block.kind === 'heading' && block.level === 1)?.title;
  const named =
    normalizeText(title ?? meta.title ?? '')
      .replace(/\s+/g, ' ')
      .trim() || heading;
  return {
    ...written,
    charset: decoded.charset,
    ...(named && { title: named }),
    ...(meta.language && { language: meta.language }),
    warnings: decoded.warnings,
  };
}

function contentOf($: CheerioAPI, document: Document, depth: number, head: string): { root: Document; title?: string } {
  const shown = flatText(document).length;
  if (depth <= MAX_DEPTH) {
    const main = mainContent(`<!doctype html><html><head>${head}</head>${$.html('body')}</html>`);
    if (main && (main.chars >= ENOUGH_CHARS || main.chars >= shown * ENOUGH_SHARE)) {
      const root = load(main.html, null, false).root()[0]!;
      removeUnseen(root);
      removeNavigation(root);
      return { root, ...(main.title && { title: main.title }) };
    }
  }
  removeFurniture(document);
  return { root: document };
}

interface Metadata {
  readonly title?: string;
  readonly language?: string;
  /** Title and meta elements, for Readability. */
  readonly head: string;
}

function metadata($: CheerioAPI): Metadata {
  const title = $('head > title').first().text().trim() || $('meta[property="og:title"]').attr('content')?.trim();
  const language =
    $('html').attr('lang') ?? $('html').attr('xml:lang') ?? $('meta[http-equiv="content-language" i]').attr('content');
  const primary = /^[a-z]{2,3}(?=$|[-_,])/i.exec(language?.trim() ?? '')?.[0].toLowerCase();
  const head = `${$.html($('head > title').first())}${$.html('head > meta[content]')}`;
  return { ...(title && { title }), ...(primary && { language: primary }), head };
}

/** A `meta` element's or XML declaration's charset in the first 4 KiB (HTML Standard, prescan). */
function declaredCharset(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 4096)).toString('latin1');
  return (
    /<meta\b[^>]*?\bcharset\s*=\s*["']?\s*([\w:.-]+)/i.exec(start)?.[1] ??
    /^\s*<\?xml\b[^>]*\bencoding\s*=\s*["']([\w:.-]+)/i.exec(start)?.[1]
  );
}
