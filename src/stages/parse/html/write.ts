import type { Block, ImageRef } from '../../../core/document.js';
import { BlockWriter } from '../block-writer.js';
import { normalizeText } from '../normalize.js';
import { type AnyNode, BLOCKS, type Element, fold, isElement, isText, type ParentNode, walk } from './dom.js';
import { isFormula } from './clean.js';
import { InlineText } from './inline.js';
import { tableRows } from './table.js';

export interface Written {
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly images: readonly ImageRef[];
}

/** Lays out a cleaned tree as text with blocks, the way a browser would without its style sheets. */
export function writeText(root: ParentNode): Written {
  const writer = new Writer();
  walk(
    root,
    (node) => writer.enter(node),
    (element) => writer.leave(element),
  );
  writer.flush();
  const { builder, blocks, images } = writer.out;
  return { text: builder.toString(), blocks, images };
}

interface List {
  readonly ordered: boolean;
  next: number;
}

class Writer {
  readonly out = new BlockWriter();
  readonly #inline = new InlineText();
  #pictures: { readonly offset: number; readonly image: Omit<ImageRef, 'at'> }[] = [];
  #lists: List[] = [];
  /** `- ` or `3. `, until the item's first words are written. */
  #marker = '';
  #heading = 0;
  #quotes = 0;
  #captions = 0;

  enter(node: AnyNode): boolean {
    if (isText(node)) {
      this.#inline.append(fold(node.data));
      return false;
    }
    if (!isElement(node)) return false;
    const { name } = node;
    if (name === 'br') {
      this.#inline.breakLine();
      return false;
    }
    if (name === 'img') {
      this.#picture(node);
      return false;
    }
    if (isPermalink(node)) return false;
    if (!BLOCKS.has(name)) {
      if (name === 'rt') this.#inline.append('(');
      return true;
    }
    this.flush();
    if (name === 'pre' || name === 'listing' || name === 'xmp') {
      this.#code(node);
      return false;
    }
    if (name === 'table') {
      const rows = tableRows(node);
      if (rows) this.out.table(rows);
      return rows === undefined;
    }
    if (/^h[1-6]$/.test(name)) this.#heading = Number(name[1]);
    if (name === 'blockquote') this.#quotes += 1;
    if (name === 'figcaption') this.#captions += 1;
    if (name === 'ul' || name === 'ol' || name === 'menu' || name === 'dir') {
      this.#lists.push({ ordered: name === 'ol', next: Number.parseInt(node.attribs.start ?? '1', 10) || 1 });
    }
    if (name === 'li') this.#marker = this.#itemMarker(node);
    return true;
  }

  leave(element: Element): void {
    const { name } = element;
    if (name === 'rt') this.#inline.append(')');
    if (!BLOCKS.has(name) || name === 'table' || name === 'pre') return;
    this.flush();
    if (/^h[1-6]$/.test(name)) this.#heading = 0;
    if (name === 'blockquote') this.#quotes -= 1;
    if (name === 'figcaption') this.#captions -= 1;
    if (name === 'li') this.#marker = '';
    if (name === 'ul' || name === 'ol' || name === 'menu' || name === 'dir') this.#lists.pop();
  }

  /** Ends the current block. */
  flush(): void {
    const inline = this.#inline.take();
    const words = inline.trim();
    const lead = inline.length - inline.trimStart().length;
    const pictures = this.#pictures;
    this.#pictures = [];
    if (words === '') {
      this.#figures(pictures);
      return;
    }
    const marker = this.#marker;
    this.#marker = '';
    const written = this.out.block(this.#kind(marker !== ''), words, { level: this.#heading, marker });
    if (!written) return;
    for (const { offset, image } of pictures) {
      const at = written.start + marker.length + Math.max(0, offset - lead);
      this.out.images.push({ at: Math.min(at, written.end), ...image });
    }
  }

  #kind(item: boolean): Block['kind'] {
    if (this.#heading > 0) return 'heading';
    if (item) return 'list_item';
    if (this.#captions > 0) return 'figure';
    return this.#quotes > 0 ? 'quote' : 'paragraph';
  }

  #itemMarker(item: Element): string {
    const list = this.#lists.at(-1);
    const indent = '  '.repeat(Math.max(0, this.#lists.length - 1));
    if (!list?.ordered) return `${indent}- `;
    const said = Number.parseInt(item.attribs.value ?? '', 10);
    const number = Number.isFinite(said) ? said : list.next;
    list.next = number + 1;
    return `${indent}${number}. `;
  }

  #picture(node: Element): void {
    const alt = fold(node.attribs.alt ?? '').trim();
    const uri = node.attribs.src ?? node.attribs['data-src'];
    if (alt === '' && !uri) return;
    if (alt !== '' && isFormula(node)) {
      this.#inline.append(/^\{\\(?:display|text)style (.*)\}$/.exec(alt)?.[1] ?? alt);
      return;
    }
    const image = { ...(alt && { alt: normalizeText(alt) }), ...(uri && !uri.startsWith('data:') && { uri }) };
    this.#pictures.push({ offset: this.#inline.length, image });
  }

  /** Pictures that stand alone: their words are all there is to find them by. */
  #figures(pictures: readonly { readonly image: Omit<ImageRef, 'at'> }[]): void {
    for (const { image } of pictures) {
      const span = image.alt === undefined ? undefined : this.out.block('figure', image.alt);
      this.out.images.push({ at: span?.start ?? this.out.builder.length, ...image });
    }
  }

  #code(node: Element): void {
    const lines: string[] = [];
    let language = codeLanguage(node);
    walk(node, (child) => {
      if (isText(child)) lines.push(child.data);
      else if (isElement(child)) {
        if (child.name === 'br') lines.push('\n');
        language ??= codeLanguage(child);
      }
      return true;
    });
    const code = lines
      .join('')
      .replace(/^\r?\n/, '')
      .trimEnd();
    if (code.trim() === '') return;
    this.out.block('code', code, language === undefined ? {} : { language });
  }
}

/** The sign beside a heading that links to it. */
function isPermalink(node: Element): boolean {
  if (
    node.name !== 'a' ||
    !/\b(?:headerlink|header-anchor|anchor|permalink|hash-link)\b/.test(node.attribs.class ?? '')
  )
    return false;
  const only = node.children.length <= 1 ? node.children[0] : undefined;
  return only === undefined ? node.children.length === 0 : isText(only) && only.data.trim().length <= 1;
}

function codeLanguage(element: Element): string | undefined {
  return /\b(?:language|lang|highlight-source|brush:)[-\s]?([\w+#.-]+)/.exec(element.attribs.class ?? '')?.[1];
}
