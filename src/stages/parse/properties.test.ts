import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FootnoteError } from '../../core/errors.js';
import { violations } from './check.js';
import { parseDocument } from './parse.js';

const MARKDOWN = [
  '# ',
  '## ',
  '- ',
  '1. ',
  '> ',
  '```',
  '~~~',
  '|',
  '---',
  '\n',
  '\n\n',
  '    ',
  '\t',
  '**',
  '_',
  '`',
  '[',
  '](',
  ')',
  '![',
  '<div>',
  '<!--',
  '-->',
  '[^1]',
  ': ',
  '\\',
  '&amp;',
  'word',
  'é',
  'e\u0301',
  '😀',
  '\ud800',
  '\r\n',
  '\u0000',
  '+++',
];
const HTML = [
  '<p>',
  '</p>',
  '<div>',
  '</div>',
  '<table>',
  '<tr>',
  '<td>',
  '<th>',
  '</table>',
  '<ul>',
  '<li>',
  '<ol>',
  '<h1>',
  '</h1>',
  '<pre>',
  '</pre>',
  '<br>',
  '<b>',
  '</b>',
  '<script>',
  '</script>',
  '<!--',
  '-->',
  '<img alt="x">',
  '<svg>',
  '<math>',
  '<template>',
  '<a href=x>',
  '&lt;',
  '&#x301;',
  '&nbsp;',
  'word ',
  'é',
  '\u0301',
  '😀',
  '\n',
  '<blockquote>',
  '<p hidden>',
  '<select>',
  '<caption>',
  '<frameset>',
  '<!doctype html>',
];

async function check(bytes: Uint8Array, name: string): Promise<void> {
  try {
    const document = await parseDocument(bytes, { name });
    expect(violations(document)).toEqual([]);
    expect(await parseDocument(bytes, { name })).toEqual(document);
  } catch (error) {
    if (!(error instanceof FootnoteError)) throw error;
  }
}

describe('any input', () => {
  const soup = (unit: readonly string[]) =>
    fc.array(fc.constantFrom(...unit), { maxLength: 60 }).map((parts) => parts.join(''));

  it('of Markdown keeps the contract', async () => {
    await fc.assert(
      fc.asyncProperty(soup(MARKDOWN), (source) => check(Buffer.from(source), 'a.md')),
      { numRuns: 400 },
    );
  });

  it('of HTML keeps the contract', async () => {
    await fc.assert(
      fc.asyncProperty(soup(HTML), (source) => check(Buffer.from(source), 'a.html')),
      { numRuns: 250 },
    );
  });

  it('of bytes keeps the contract under any name', async () => {
    const name = fc.constantFrom(
      'a.md',
      'a.txt',
      'a.html',
      'a.py',
      'a.json',
      'a.pdf',
      'a',
      'a.csv',
      'a.jsonl',
      'a.eml',
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), name, (bytes, as) => check(bytes, as)),
      { numRuns: 400 },
    );
  });

  it('of UTF-16 code units in text keeps the contract', async () => {
    const units = fc
      .uint16Array({ maxLength: 100 })
      .map((values) => new Uint8Array([0xff, 0xfe, ...new Uint8Array(values.buffer.slice(0))]));
    await fc.assert(
      fc.asyncProperty(units, (bytes) => check(bytes, 'a.txt')),
      { numRuns: 200 },
    );
  });
});
