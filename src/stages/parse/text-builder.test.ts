import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeText } from './normalize.js';
import { TextBuilder } from './text-builder.js';

describe('normalizeText', () => {
  it('folds line ends, drops the mark and controls, composes and mends surrogates', () => {
    expect(normalizeText('\ufeffa\r\nb\rc\u0000\u0007\td\fe\u0301 \ud800x')).toBe('a\nb\nc\td\n\u00e9 \ufffdx');
  });

  it('is idempotent and well-formed for any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.array(fc.integer({ min: 0, max: 0xffff })), (text, units) => {
        const once = normalizeText(text + String.fromCharCode(...units));
        expect(normalizeText(once)).toBe(once);
        expect(once.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('TextBuilder', () => {
  it('yields spans over the whole', () => {
    const builder = new TextBuilder();
    const a = builder.append('one\r\n');
    const b = builder.append('two');
    builder.breakLine(1);
    const c = builder.append('three');
    const text = builder.toString();
    expect(text).toBe('one\ntwo\n\nthree');
    expect([a, b, c].map(({ start, end }) => text.slice(start, end))).toEqual(['one\n', 'two', 'three']);
  });

  it('composes a mark at the seam and keeps the earlier span valid', () => {
    const builder = new TextBuilder();
    const e = builder.append('cafe');
    const mark = builder.append('\u0301!');
    const text = builder.toString();
    expect(text).toBe('caf\u00e9!');
    expect(text.slice(e.start, e.end)).toBe('caf\u00e9');
    expect(text.slice(mark.start, mark.end)).toBe('!');
  });

  it('never leaves more or fewer blank lines than asked', () => {
    const builder = new TextBuilder();
    builder.breakLine(3);
    builder.append('a\n');
    builder.breakLine(1);
    builder.breakLine(0);
    builder.append('b');
    expect(builder.toString()).toBe('a\n\nb');
  });

  it('is NFC with spans in order for any pieces', () => {
    const unit = fc.constantFrom(
      'a',
      'e',
      '\u0301',
      '\u0323',
      '\u0308',
      '\u0345',
      '\u1100',
      '\u1161',
      '\u11a8',
      '\uac00',
      '<',
      '\u0338',
      '😀',
      '\ud83d',
      '\n',
      ' ',
      '\u09c7',
      '\u09be',
      '\ud804\udc99',
      '\ud804\udcba',
      '\u0f71',
      '\u0f72',
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit, maxLength: 6 }), { maxLength: 30 }), (pieces) => {
        const builder = new TextBuilder();
        const spans = pieces.map((piece) => builder.append(piece));
        const text = builder.toString();
        expect(text.normalize('NFC')).toBe(text);
        expect(text.isWellFormed()).toBe(true);
        expect(text.length).toBe(builder.length);
        let end = 0;
        for (const span of spans) {
          expect(span.start).toBeGreaterThanOrEqual(Math.min(end, span.start));
          expect(span.start).toBeLessThanOrEqual(span.end);
          expect(span.end).toBeLessThanOrEqual(text.length);
          expect(span.end).toBeGreaterThanOrEqual(end);
          expect(text.slice(span.start, span.end).isWellFormed()).toBe(true);
          end = span.end;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
