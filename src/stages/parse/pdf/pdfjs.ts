import { createRequire } from 'node:module';
import type * as Pdfjs from 'pdfjs-dist/legacy/build/pdf.mjs';
import { dirname, join } from 'node:path';

/** pdf.js names these on loading and uses them only to draw, which is never done here. */
const DRAWING = ['DOMMatrix', 'ImageData', 'Path2D'] as const;

/**
 * pdf.js with its worker on this thread. Where its optional canvas library is not installed the drawing classes are
 * empty ones, as its module could not be loaded without them.
 */
export async function loadPdfjs(): Promise<typeof Pdfjs> {
  const globals = globalThis as unknown as Record<string, unknown>;
  for (const name of DRAWING) globals[name] ??= class {};
  return import('pdfjs-dist/legacy/build/pdf.mjs');
}

/** Character maps, metrics of the standard fonts and decoders, from the installed package. */
export function pdfjsFiles(): {
  cMapUrl: string;
  cMapPacked: true;
  standardFontDataUrl: string;
  wasmUrl: string;
  iccUrl: string;
} {
  const root = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
  const folder = (name: string) => `${join(root, name)}/`;
  return {
    cMapUrl: folder('cmaps'),
    cMapPacked: true,
    standardFontDataUrl: folder('standard_fonts'),
    wasmUrl: folder('wasm'),
    iccUrl: folder('iccs'),
  };
}
