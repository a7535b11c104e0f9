import type { Block, ImageRef, Page, ParsedDocument, Region } from '../../core/document.js';

/** A parsed document cut into pieces that are quick to read: some 100 KB each. */
export type Piece =
  | { readonly text: string }
  | { readonly blocks: readonly Block[] }
  | { readonly regions: readonly Region[] }
  | { readonly pages: readonly Page[] }
  | { readonly images: readonly ImageRef[] }
  | { readonly rest: Omit<ParsedDocument, 'text' | 'blocks' | 'regions' | 'pages' | 'images'> };

const TEXT = 64 * 1024;
const ITEMS = 500;
/** Spans in one piece's blocks: a table's rows stand in its block. A single larger block goes alone. */
const SPANS = 2000;

export function* toPieces(parsed: ParsedDocument): Generator<Piece> {
  const { text, blocks, regions, pages, images, ...rest } = parsed;
  yield { rest };
  for (let at = 0; at < text.length; at += TEXT) yield { text: text.slice(at, at + TEXT) };
  for (const group of grouped(blocks)) yield { blocks: group };
  for (const group of chunked(images)) yield { images: group };
  if (pages) {
    yield { pages: [] };
    for (const group of chunked(pages)) yield { pages: group };
  }
  if (regions) {
    yield { regions: [] };
    for (const group of chunked(regions)) yield { regions: group };
  }
}

/** Puts the pieces together again, in the order they come. */
export class Assembly {
  #text: string[] = [];
  #blocks: Block[] = [];
  #images: ImageRef[] = [];
  #pages: Page[] | undefined;
  #regions: Region[] | undefined;
  #rest: Omit<ParsedDocument, 'text' | 'blocks' | 'regions' | 'pages' | 'images'> | undefined;

  add(piece: Piece): void {
    if ('text' in piece) this.#text.push(piece.text);
    else if ('blocks' in piece) this.#blocks.push(...piece.blocks);
    else if ('images' in piece) this.#images.push(...piece.images);
    else if ('pages' in piece) (this.#pages ??= []).push(...piece.pages);
    else if ('regions' in piece) (this.#regions ??= []).push(...piece.regions);
    else this.#rest = piece.rest;
  }

  document(): ParsedDocument {
    if (!this.#rest) throw new TypeError('the parsed document is incomplete');
    return {
      ...this.#rest,
      text: this.#text.join(''),
      blocks: this.#blocks,
      images: this.#images,
      ...(this.#pages && { pages: this.#pages }),
      ...(this.#regions && { regions: this.#regions }),
    };
  }
}

function* chunked<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += ITEMS) yield items.slice(at, at + ITEMS);
}

function* grouped(blocks: readonly Block[]): Generator<readonly Block[]> {
  let group: Block[] = [];
  let spans = 0;
  for (const block of blocks) {
    const size = 1 + (block.parts?.length ?? 0);
    if (group.length > 0 && (group.length >= ITEMS || spans + size > SPANS)) {
      yield group;
      group = [];
      spans = 0;
    }
    group.push(block);
    spans += size;
  }
  if (group.length > 0) yield group;
}
