import type { PDFPageProxy } from 'pdfjs-dist';
import { multiply, type Run } from './items.js';

/** What is used of pdf.js's annotation data. */
interface Annotation {
  readonly subtype?: string;
  readonly fieldType?: string;
  readonly fieldValue?: unknown;
  readonly hidden?: boolean;
  readonly password?: boolean;
  readonly rect?: readonly number[];
  readonly multiLine?: boolean;
  readonly defaultAppearanceData?: { readonly fontSize?: number };
  readonly contentsObj?: { readonly str?: string };
  readonly textContent?: readonly string[];
}

/** Values filled into form fields and free-text notes, where they stand on the page. */
export async function annotationRuns(page: PDFPageProxy, viewport: readonly number[]): Promise<Run[]> {
  const annotations = (await page.getAnnotations({ intent: 'display' })) as Annotation[];
  return annotations.flatMap((annotation) => {
    const lines = shownText(annotation)
      .flatMap((text) => text.split(/\r\n?|\n/))
      .filter((text) => text.trim() !== '');
    const box = lines.length > 0 ? place(annotation.rect, viewport) : undefined;
    if (!box) return [];
    const height = (box.y1 - box.y0) / lines.length;
    const said = annotation.defaultAppearanceData?.fontSize ?? 0;
    const size = said > 0 && said <= height ? said : Math.min(12, Math.max(4, height * 0.7));
    return lines.map((text, index): Run => {
      const v0 = box.y0 + index * height + (height - size) / 2;
      const v1 = v0 + size;
      const u1 = Math.min(box.x1, box.x0 + text.length * size * 0.6);
      return {
        text: text.trim(),
        u0: box.x0,
        u1,
        v0,
        v1,
        base: v0 + size * 0.8,
        size,
        font: 'annotation',
        rtl: false,
        spaced: true,
        box: { x0: box.x0, y0: v0, x1: u1, y1: v1 },
      };
    });
  });
}

function shownText(annotation: Annotation): string[] {
  if (annotation.hidden || annotation.password) return [];
  if (annotation.subtype === 'FreeText') return [...(annotation.textContent ?? [annotation.contentsObj?.str ?? ''])];
  if (annotation.subtype !== 'Widget' || (annotation.fieldType !== 'Tx' && annotation.fieldType !== 'Ch')) return [];
  const value = annotation.fieldValue;
  if (Array.isArray(value)) return value.filter((item): item is string => typeof item === 'string');
  return typeof value === 'string' ? [value] : [];
}

function place(rect: readonly number[] | undefined, viewport: readonly number[]) {
  if (rect?.length !== 4 || !rect.every(Number.isFinite)) return undefined;
  const at = (x: number, y: number) => multiply(viewport, [1, 0, 0, 1, x, y]).slice(4) as [number, number];
  const [ax, ay] = at(rect[0]!, rect[1]!);
  const [bx, by] = at(rect[2]!, rect[3]!);
  return { x0: Math.min(ax, bx), y0: Math.min(ay, by), x1: Math.max(ax, bx), y1: Math.max(ay, by) };
}
