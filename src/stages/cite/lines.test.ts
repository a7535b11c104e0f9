import { describe, expect, it } from 'vitest';
import { anchorsOf, cite } from '../cite.js';
import { countLines, withLines } from './lines.js';

const SHA = 'a'.repeat(40);

describe('lines of a quote', () => {
  it.each([
    [`https://github.com/o/r/blob/${SHA}/src/a.ts`, '#L3-L5'],
    [`https://github.com/o/r/blob/${SHA}/docs/a.md`, '?plain=1#L3-L5'],
    [`https://gitlab.com/g/r/-/blob/${SHA}/docs/a.md`, '#L3-5'],
    [`https://codeberg.org/o/r/src/commit/${SHA}/a.md`, '#L3-L5'],
    [`https://bitbucket.org/o/r/src/${SHA}/a.md`, '#lines-3:5'],
    [`https://github.com/o/r/blob/main/a.md`, ''],
    [`https://github.com/o/r/blob/${SHA}/a.md#x`, ''],
    ['https://example.org/a', ''],
    ['file:///a.md', ''],
  ])('in %s', (uri, added) => {
    expect(withLines(uri, 3, 5)).toBe(uri + added);
  });

  it('are counted from 1, in texts that have the lines of their source', () => {
    const text = 'one\ntwo\n\nfour\nfive\n';
    const spans = [
      { start: 0, end: 3 },
      { start: 9, end: 18 },
      { start: 4, end: 8 },
    ];
    expect(anchorsOf(text, spans, [], 'markdown@2').map(({ line }) => line)).toEqual([1, 4, 2]);
    expect(anchorsOf(text, spans, [], 'html@2').map(({ line }) => line)).toEqual([undefined, undefined, undefined]);
    expect(countLines(text, 4, 9)).toBe(2);
  });

  it('stand in the URI of a citation', () => {
    const text = '# A\n\nOne.\nTwo.\n\nThree.\n';
    const span = { start: 5, end: 14 };
    const [anchor] = anchorsOf(text, [span], [], 'markdown@2');
    const uri = `https://github.com/o/r/blob/${SHA}/a.md`;
    const citation = cite({
      documentId: '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f',
      revision: '0'.repeat(32),
      source: 's',
      key: 'a.md',
      uri,
      span,
      quote: text.slice(span.start, span.end),
      anchor: anchor!,
    });
    expect(citation.uri).toBe(`${uri}?plain=1#L3-L4`);
  });
});
