import type { Block, ImageRef } from '../../../core/document.js';
import type { Span } from '../../../core/span.js';
import type { Written } from '../html/write.js';

/** A line feed begins a new character, so joined texts stay normalized. */
const BETWEEN = '\n\n';

export interface Joined extends Written {
  /** Where each text stands; empty where it was empty. */
  readonly places: readonly Span[];
}

/** One text of several, a blank line between them; what is empty leaves none. */
export function join(all: readonly Written[]): Joined {
  const texts: string[] = [];
  const blocks: Block[] = [];
  const images: ImageRef[] = [];
  const places: Span[] = [];
  let at = 0;
  for (const written of all) {
    if (written.text !== '' && texts.length > 0) at += BETWEEN.length;
    places.push({ start: at, end: at + written.text.length });
    if (written.text !== '') texts.push(written.text);
    for (const block of written.blocks) blocks.push(moved(block, at));
    for (const image of written.images) images.push({ ...image, at: image.at + at });
    at += written.text.length;
  }
  return { text: texts.join(BETWEEN), blocks, images, places };
}

function moved(block: Block, by: number): Block {
  const shift = ({ start, end }: Span): Span => ({ start: start + by, end: end + by });
  return {
    ...block,
    span: shift(block.span),
    ...(block.header ? { header: shift(block.header) } : {}),
    ...(block.parts ? { parts: block.parts.map(shift) } : {}),
  };
}
