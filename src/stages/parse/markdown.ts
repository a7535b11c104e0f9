import type { Nodes, Parents, PhrasingContent } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { frontmatterFromMarkdown } from 'mdast-util-frontmatter';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { frontmatter } from 'micromark-extension-frontmatter';
import { gfm } from 'micromark-extension-gfm';
import { parse as parseYaml } from 'yaml';
import type { Block, ImageRef, Warning } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import { decodeText } from './charset.js';
import { definitions } from './code.js';
import { nestsTooDeep } from './markdown-limits.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';
import { charsetHints, paragraphs } from './text.js';

/** CommonMark with GitHub's extensions and front matter. The text is the decoded source; structure lives in blocks. */
export function parseMarkdown({ bytes, hints }: ParserInput): ParsedContent {
  const { charset, warnings, text: raw } = decodeText(bytes, charsetHints(hints));
  const text = normalizeText(raw);
  const reader = read(text);
  if (!reader) {
    const message = 'The Markdown nests too deeply to be read as such; it is indexed as plain text.';
    const warning = { code: 'markdown_too_complex', message };
    return { text, charset, blocks: paragraphs(text), images: [], warnings: [...warnings, warning] };
  }
  const { blocks, images, frontMatter } = reader;
  const title = frontMatter?.title ?? reader.title;
  return {
    text,
    charset,
    blocks,
    images,
    ...(title !== undefined && { title }),
    ...(frontMatter?.language !== undefined && { language: frontMatter.language }),
    warnings: [...warnings, ...reader.warnings],
  };
}

/** Undefined when the nesting is beyond what can be parsed in bounded time and stack. */
function read(text: string): Reader | undefined {
  if (nestsTooDeep(text)) return undefined;
  try {
    const tree = fromMarkdown(text, {
      extensions: [gfm(), frontmatter(['yaml', 'toml'])],
      mdastExtensions: [gfmFromMarkdown(), frontmatterFromMarkdown(['yaml', 'toml'])],
    });
    const reader = new Reader(text);
    reader.children(tree);
    return reader;
  } catch (error) {
    // The stack is exhausted.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Walks the tree and writes leaf blocks in document order. */
class Reader {
  readonly blocks: Block[] = [];
  readonly images: ImageRef[] = [];
  readonly warnings: Warning[] = [];
  frontMatter: { title?: string; language?: string } | undefined;
  title: string | undefined;
  /** Where the next block begins when a container's marker (`>`, `-`, `[^1]:`) stands before its first child. */
  #opened: number | undefined;
  #kind: 'paragraph' | 'quote' | 'list_item' = 'paragraph';

  constructor(readonly text: string) {}

  children(parent: Parents): void {
    for (const child of parent.children) this.#node(child);
  }

  #node(node: Nodes): void {
    switch (node.type) {
      case 'yaml':
        this.#add('front_matter', node);
        this.#readFrontMatter(node.value);
        return;
      case 'heading': {
        const title = plainWords(node.children);
        this.#images(node);
        if (title === '') this.#add('other', node);
        else this.#add('heading', node, { level: node.depth, title });
        if (node.depth === 1 && title !== '') this.title ??= title;
        return;
      }
      case 'paragraph':
        this.#add(isFigure(node.children) ? 'figure' : this.#kind, node);
        this.#images(node);
        return;
      case 'code':
        this.#add('code', node, {
          ...(node.lang && { language: node.lang }),
          ...this.#codeParts(node),
        });
        return;
      case 'table': {
        const rows = node.children.map((row) => this.#trimmed(row));
        const [header, ...parts] = rows;
        this.#add('table', node, { ...(header && { header }), parts });
        this.#images(node);
        return;
      }
      case 'list':
        this.children(node);
        return;
      case 'listItem':
        this.#container(node, 'list_item');
        return;
      case 'blockquote':
        if (node.children.every((child) => child.type === 'paragraph')) {
          this.#add('quote', node);
          this.#images(node);
        } else this.#container(node, 'quote');
        return;
      case 'footnoteDefinition':
        this.#container(node, 'paragraph');
        return;
      case 'html':
      case 'definition':
        this.#add('other', node);
        return;
      default:
        // Not among the declared types, as the extension takes any name.
        if ((node.type as string) === 'toml') this.#add('front_matter', node);
        // A thematic break has no words; phrasing content stands inside the blocks above.
        return;
    }
  }

  /** The first child's block begins at the container's marker. Only the first paragraph of a list item is one. */
  #container(node: Parents, kind: 'paragraph' | 'quote' | 'list_item'): void {
    const outer = this.#kind;
    this.#opened ??= node.position!.start.offset!;
    this.#kind = kind;
    for (const child of node.children) {
      this.#node(child);
      if (kind === 'list_item') this.#kind = outer === 'quote' ? 'quote' : 'paragraph';
    }
    this.#kind = outer;
    this.#opened = undefined;
  }

  #add(kind: Block['kind'], node: Nodes, more: Partial<Block> = {}): void {
    const { start, end } = this.#trimmed(node);
    const from = this.#opened ?? start;
    this.#opened = undefined;
    if (from < end) this.blocks.push({ kind, span: { start: from, end }, ...more });
  }

  #trimmed(node: Nodes): Span {
    const start = node.position!.start.offset!;
    let end = node.position!.end.offset!;
    while (end > start && this.text[end - 1] === '\n') end -= 1;
    return { start, end };
  }

  /** Definitions inside a fence, for long listings. */
  #codeParts(node: Nodes): { parts?: readonly Span[] } {
    const { start, end } = this.#trimmed(node);
    const fenced = /^[`~]{3}/.test(this.text.slice(start, start + 3));
    const firstLine = this.text.indexOf('\n', start);
    if (!fenced || firstLine === -1 || firstLine >= end) return {};
    const lastLine = this.text.lastIndexOf('\n', end - 1);
    const closed = /^[>\s]*[`~]{3,}\s*$/.test(this.text.slice(lastLine + 1, end));
    const parts = definitions(this.text, {
      start: firstLine + 1,
      end: closed ? Math.max(lastLine, firstLine + 1) : end,
    });
    return parts.length > 1 ? { parts } : {};
  }

  #images(node: Nodes): void {
    if (node.type === 'image' || node.type === 'imageReference') {
      this.images.push({
        at: node.position!.start.offset!,
        ...(node.alt && { alt: node.alt.normalize('NFC') }),
        ...(node.type === 'image' && node.url && { uri: node.url }),
      });
    } else if ('children' in node) for (const child of node.children) this.#images(child);
  }

  #readFrontMatter(yaml: string): void {
    try {
      const data: unknown = parseYaml(yaml, { maxAliasCount: 20, logLevel: 'error' });
      if (typeof data !== 'object' || data === null) return;
      const { title, lang, language } = data as Record<string, unknown>;
      const said = typeof lang === 'string' ? lang : language;
      this.frontMatter = {
        ...(typeof title === 'string' && title.trim() !== '' && { title: oneLine(title) }),
        ...(typeof said === 'string' &&
          /^[a-z]{2,3}\b/i.test(said) && { language: said.split(/[-_]/)[0]!.toLowerCase() }),
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      this.warnings.push({ code: 'front_matter_invalid', message: `The front matter is not valid YAML: ${reason}` });
    }
  }
}

/** A heading's or cell's words without markup. */
function plainWords(nodes: readonly PhrasingContent[]): string {
  const words = nodes.map((node): string => {
    if ('children' in node) return plainWords(node.children);
    if (node.type === 'image' || node.type === 'imageReference') return node.alt ?? '';
    if (node.type === 'break') return ' ';
    return node.type === 'text' || node.type === 'inlineCode' ? node.value : '';
  });
  return oneLine(words.join(''));
}

function oneLine(text: string): string {
  return normalizeText(text).replace(/\s+/g, ' ').trim();
}

/** Nothing but pictures, linked or not. */
function isFigure(nodes: readonly PhrasingContent[]): boolean {
  let images = 0;
  for (const node of nodes) {
    if (node.type === 'image' || node.type === 'imageReference') images += 1;
    else if (node.type === 'link' && isFigure(node.children)) images += 1;
    else if (!(node.type === 'text' && node.value.trim() === '') && node.type !== 'break') return false;
  }
  return images > 0;
}
