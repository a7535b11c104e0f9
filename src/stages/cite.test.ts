import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anchorsOf, cite, countCodePoints, decodeCitationId, encodeCitationId, narrowAnchor } from './cite.js';

const documentId = '6f1c0a52-6d0b-5a53-9c55-2f1c0d6f3a10';
const revision = '00112233445566778899aabbccddeeff';

/** Text without lone surrogates, with emoji, and a span on code point boundaries. */
const textAndSpan = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('🛰️ buoy '), fc.constant('浮標')), {
    minLength: 1,
    maxLength: 20,
  })
  .map((parts) => parts.join(''))
  .chain((text) => {
    const points = [...text];
    return fc.tuple(fc.nat(points.length), fc.nat(points.length)).map(([a, b]) => {
      const from = points.slice(0, Math.min(a, b)).join('').length;
      const to = points.slice(0, Math.max(a, b)).join('').length;
      return { text, points, span: { start: from, end: to } };
    });
  });

describe('citations', () => {
  it('count selectors in code points and spans in UTF-16 units', () => {
    fc.assert(
      fc.property(textAndSpan, ({ text, points, span }) => {
        const [anchor] = anchorsOf(text, [span]);
        const quote = text.slice(span.start, span.end);
        const citation = cite({ documentId, revision, source: 's', key: 'k', span, quote, anchor: anchor! });
        const position = citation.selectors[0]!;
        if (position.type !== 'TextPositionSelector') throw new Error('first selector');
        expect(points.slice(position.start, position.end).join('')).toBe(quote);
        expect(text.slice(citation.span.start, citation.span.end)).toBe(citation.quote);
        expect(text.slice(0, span.start).endsWith(anchor!.prefix)).toBe(true);
        expect(text.slice(span.end).startsWith(anchor!.suffix)).toBe(true);
        expect((anchor!.prefix + anchor!.suffix).isWellFormed()).toBe(true);
      }),
    );
  });

  it('narrow to a part as if made from the whole text', () => {
    fc.assert(
      fc.property(textAndSpan, fc.nat(), fc.nat(), ({ text, span }, a, b) => {
        const inner = [...text.slice(span.start, span.end)];
        const low = Math.min(a % (inner.length + 1), b % (inner.length + 1));
        const high = Math.max(a % (inner.length + 1), b % (inner.length + 1));
        const part = {
          start: span.start + inner.slice(0, low).join('').length,
          end: span.start + inner.slice(0, high).join('').length,
        };
        const [outer, whole] = anchorsOf(text, [span, part]);
        const narrowed = narrowAnchor(outer!, span, text.slice(span.start, span.end), part);
        expect(narrowed.codePointStart).toBe(whole!.codePointStart);
        expect(whole!.prefix.endsWith(narrowed.prefix) || narrowed.prefix.endsWith(whole!.prefix)).toBe(true);
        expect(text.slice(0, part.start).endsWith(narrowed.prefix)).toBe(true);
        expect(text.slice(part.end).startsWith(narrowed.suffix)).toBe(true);
      }),
    );
  });

  it('have ids that encode document, revision and span', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), (start, length) => {
        const target = { documentId: randomUUID(), revision, span: { start, end: start + length } };
        expect(decodeCitationId(encodeCitationId(target))).toEqual(target);
      }),
    );
  });

  it('refuse what is not an id', () => {
    const id = encodeCitationId({ documentId, revision, span: { start: 1, end: 300 } });
    for (const bad of [
      '',
      'c1',
      'x',
      id.slice(0, -1),
      `${id}A`,
      id.replace('c1', 'c2'),
      `c1${'A'.repeat(200)}`,
      'c1😀',
    ]) {
      expect(() => decodeCitationId(bad), bad).toThrow(/citation id/);
    }
  });

  it('name pages and boxes', () => {
    const text = 'one two\nthree';
    const regions = [
      { span: { start: 0, end: 7 }, page: 2, box: { x0: 10, y0: 20, x1: 60, y1: 30 } },
      { span: { start: 8, end: 13 }, page: 2, box: { x0: 10, y0: 32, x1: 40, y1: 42 } },
    ];
    const span = { start: 4, end: 13 };
    const [anchor] = anchorsOf(text, [span], regions);
    const citation = cite({ documentId, revision, source: 's', key: 'k', span, quote: 'two\nthree', anchor: anchor! });
    expect(citation.page).toBe(2);
    expect(citation.boxes).toHaveLength(2);
    expect(citation.selectors[2]).toMatchObject({ type: 'FragmentSelector', value: 'page=2&viewrect=10,20,50,22' });
  });

  it('count a lone surrogate as one', () => {
    expect(countCodePoints('a\ud83d')).toBe(2);
    expect(countCodePoints('a😀b')).toBe(3);
  });
});
