import { deflateSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { createIsolatedParsing } from '../../src/adapters/parsing/isolated.js';
import { FootnoteError } from '../../src/core/errors.js';
import { violations } from '../../src/stages/parse/check.js';
import { DETECT_BYTES, identify } from '../../src/stages/parse/detect.js';

/** Documents made to be slow, large or deep. Each ends as a document or as a typed error, and the next one is read. */
const MiB = 2 ** 20;
const parsing = createIsolatedParsing({
  identify,
  headBytes: DETECT_BYTES,
  processes: 1,
  deadlineMs: 6000,
  memoryBytes: 512 * MiB,
  maxBytes: 100 * MiB,
  outputBytes: 32 * MiB,
});

afterAll(() => parsing.close());

const STOPPED = ['corrupt_document', 'parse_timeout', 'parse_memory', 'parse_output', 'parse_crashed'];
const lines = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** A page whose content stream is the given bytes. */
function pdfOf(stream: Buffer, dictionary: string): Buffer {
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 ${font} >> >> >>`,
  ];
  return Buffer.concat([
    Buffer.from('%PDF-1.7\n'),
    ...objects.map((object, index) => Buffer.from(`${index + 1} 0 obj\n${object}\nendobj\n`)),
    Buffer.from(`4 0 obj\n<< /Length ${stream.length} ${dictionary} >>\nstream\n`),
    stream,
    Buffer.from('\nendstream\nendobj\ntrailer << /Root 1 0 R /Size 5 >>\n%%EOF\n'),
  ]);
}

const FLATE = '/Filter /FlateDecode';
const aliases = lines(
  10,
  (i) =>
    `k${i}: &k${i} [${Array<string>(9)
      .fill(i === 0 ? 'x' : `*k${i - 1}`)
      .join(', ')}]`,
);

const hostile: Readonly<Record<string, readonly [name: string, content: () => string | Buffer]>> = {
  'HTML nested 100,000 deep': ['a.html', () => `<!doctype html>${'<div>'.repeat(100_000)}x`],
  'HTML of unclosed formatting': ['a.html', () => `<!doctype html>${'<b><i><a href=x>'.repeat(20_000)}x`],
  'HTML of a million elements': ['a.html', () => `<!doctype html>${'<p>a</p>'.repeat(1_000_000)}`],
  'HTML of tables in tables': ['a.html', () => `<!doctype html>${'<table><tr><td>'.repeat(10_000)}`],
  'HTML with 100,000 attributes': ['a.html', () => `<!doctype html><p ${lines(100_000, (i) => `a${i}=1`)}>x`],
  'Markdown of a million links': ['a.md', () => '[a](b) '.repeat(1_000_000)],
  'Markdown of open brackets': ['a.md', () => '['.repeat(300_000)],
  'Markdown of nested links': ['a.md', () => `${'['.repeat(30_000)}a${'](b)'.repeat(30_000)}`],
  'Markdown nested 100,000 deep': ['a.md', () => `${'>'.repeat(100_000)} x`],
  'Markdown of lists in lists': ['a.md', () => lines(3000, (i) => `${' '.repeat(i * 2)}- x`)],
  'Markdown of open emphasis': ['a.md', () => '*a **b _c '.repeat(100_000)],
  'Markdown of backtick runs': ['a.md', () => lines(2000, (i) => '`'.repeat(i))],
  'Markdown with a wide table': ['a.md', () => lines(4, (i) => (i === 1 ? '|-' : '|a').repeat(30_000))],
  'front matter of aliases': ['a.md', () => `---\n${aliases}\n---\nx`],
  'one line of 99 MiB': ['a.txt', () => Buffer.alloc(99 * MiB, 'a')],
  'code in one line': ['a.ts', () => Buffer.alloc(10 * MiB, 'a(b{')],
  'a PDF stream that inflates to 512 MiB': ['a.pdf', () => pdfOf(deflateSync(Buffer.alloc(512 * MiB, ' ')), FLATE)],
  'a PDF stream deflated twice': [
    'a.pdf',
    () => pdfOf(deflateSync(deflateSync(Buffer.alloc(256 * MiB, ' '))), '/Filter [/FlateDecode /FlateDecode]'),
  ],
  'a PDF page of a million words': [
    'a.pdf',
    () => pdfOf(deflateSync(`BT /F1 9 Tf ${'(abc) Tj 0 1 Td '.repeat(1_000_000)} ET`), FLATE),
  ],
  'a PDF of open arrays': ['a.pdf', () => pdfOf(Buffer.alloc(MiB, '['), '')],
};

describe('hostile documents', () => {
  it.each(Object.entries(hostile))(
    '%s',
    async (_, [name, content]) => {
      const made = content();
      const bytes = new Uint8Array(typeof made === 'string' ? Buffer.from(made) : made);
      try {
        expect(violations(await parsing.parse({ bytes }, { name }))).toEqual([]);
      } catch (error) {
        if (!(error instanceof FootnoteError)) throw error;
        expect(STOPPED).toContain(error.code);
      }
      expect((await parsing.parse({ bytes: new Uint8Array(Buffer.from('# a')) }, { name: 'a.md' })).title).toBe('a');
    },
    120_000,
  );
});
