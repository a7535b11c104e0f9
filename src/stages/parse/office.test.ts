import { describe, expect, it } from 'vitest';
import { docx, paragraph } from '../../../scripts/samples/office/docx.js';
import { EML, container, epub, madeFixtures, pptx, xlsx } from '../../../scripts/samples/office.js';
import type { ParsedDocument } from '../../core/document.js';
import type { FootnoteError } from '../../core/errors.js';
import { parseDocument } from './parse.js';

const parse = (bytes: Uint8Array | string, name: string) =>
  parseDocument(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, { name });
const shown = ({ text, blocks }: ParsedDocument) =>
  blocks.map(({ kind, level, span }) => `${kind}${level ?? ''}: ${text.slice(span.start, span.end)}`);
const codes = ({ warnings }: ParsedDocument) => warnings.map(({ code }) => code);
const failure = async (bytes: Uint8Array, name: string) =>
  parse(bytes, name).then(
    () => 'read',
    (error: unknown) => (error as FootnoteError).code,
  );

describe('Excel', () => {
  it('gives a table a sheet: numbers plain, dates in ISO, what is hidden not', async () => {
    const parsed = await parse(xlsx(), 'oil.xlsx');
    const [heading, table] = parsed.blocks;
    expect(heading).toMatchObject({ kind: 'heading', title: 'Oil' });
    const slice = ({ start, end }: { start: number; end: number }) => parsed.text.slice(start, end);
    expect(slice(table!.header!)).toMatch(/Delivery.*Litres.*Share used/);
    expect(table!.parts!.map(slice).map((row) => row.match(/[\w.%-]+/g))).toEqual([
      ['2023-03-15', '1250.5', '25%'],
      ['none', '2501', 'TRUE'],
    ]);
    expect(codes(parsed)).toEqual(['hidden_left_out']);
  });
});

describe('PowerPoint', () => {
  it('gives a section and a page a slide, with tables and notes; hidden slides keep their number', async () => {
    const parsed = await parse(pptx(), 'talk.pptx');
    expect(shown(parsed)).toEqual([
      'heading2: Keeping the light',
      'paragraph: Trim the wick at dusk',
      'paragraph: Wind the clockwork',
      'quote: Say why dusk.',
      'heading2: Hours',
      expect.stringMatching(/^table: .*Lamp.*Hours[^]*First.*12/),
    ]);
    expect(parsed.blocks.map(({ page }) => page)).toEqual([1, 1, 1, 1, 3, 3]);
    expect(parsed.pages?.map(({ width, height }) => [width, height])).toEqual([
      [960, 540],
      [960, 540],
      [960, 540],
    ]);
    expect(codes(parsed)).toEqual(['hidden_left_out']);
  });
});

describe('EPUB', () => {
  it('gives the chapters in reading order', async () => {
    const parsed = await parse(epub(), 'light.epub');
    expect(parsed).toMatchObject({ title: 'The light', language: 'en' });
    expect(shown(parsed)).toEqual([
      'heading1: Summer',
      'paragraph: In summer the birds nest on the gallery.',
      'heading1: Winter',
      'paragraph: In winter the nights are long.',
    ]);
  });
});

describe('e-mail', () => {
  it('gives subject, people, the body without scripts, and names attachments', async () => {
    const parsed = await parse(EML, 'lamp.eml');
    expect(parsed.title).toBe('The lamp');
    expect(parsed.text).toContain('From: Kea Brügge <kea@example.org>');
    expect(parsed.text).toContain('The lamp burns again.');
    expect(parsed.text).toContain('Attachments: bill.pdf');
    expect(parsed.text).not.toMatch(/steal|Plain words/);
    expect(parsed.blocks.map(({ kind }) => kind)).toContain('table');
    expect(codes(parsed)).toEqual(['attachments_left_out']);
    const plain = await parse('Subject: Short\n\nOne.\n\nTwo,\nlines.\n', 'a.eml');
    expect(shown(plain)).toEqual(['heading1: Short', 'paragraph: One.', 'paragraph: Two,\nlines.']);
  });
});

describe('CSV and JSON', () => {
  it('are the source; records are where a table may be split', async () => {
    const { 'lights.csv': csv } = madeFixtures();
    const parsed = await parse(csv!, 'lights.csv');
    expect(parsed.text).toBe(new TextDecoder().decode(csv));
    const [table] = parsed.blocks;
    const slice = ({ start, end }: { start: number; end: number }) => parsed.text.slice(start, end);
    expect(slice(table!.header!)).toBe('name,height,note');
    expect(table!.parts!.map(slice)).toEqual([
      'Skerry Point,31,"white, with\na red band"',
      'Long Ness,24,"the ""old"" one"',
    ]);
    const open = await parse('a,b\n"x,1\ny,2\n', 'a.csv');
    expect(codes(open)).toEqual(['unclosed_quote']);
    expect(open.blocks[0]!.parts).toHaveLength(2);
  });

  it('split between entries, and a record a line', async () => {
    const source = '{\n  "a": [1, "x,]"],\n  "b": {"c": 2}\n}\n';
    const parsed = await parse(source, 'a.json');
    const parts = parsed.blocks[0]!.parts!.map(({ start, end }) => parsed.text.slice(start, end));
    expect(parts).toEqual(['"a": [1, "x,]"]', '"b": {"c": 2}']);
    expect(codes(await parse('{"a": ', 'a.json'))).toEqual(['invalid_json']);
    const lines = await parse(madeFixtures()['lights.jsonl']!, 'lights.jsonl');
    expect(shown(lines)).toEqual([
      'code: {"light":"Skerry Point","height":31}',
      'code: {"light":"Long Ness","height":24}',
    ]);
  });
});

describe('hostile containers', () => {
  const wordWith = (document: string) => {
    const files = {
      'word/document.xml': document,
      '[Content_Types].xml': '<Types/>',
      '_rels/.rels': '<Relationships/>',
    };
    return container(files);
  };

  it('end with a code', async () => {
    const entity = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    expect(await failure(wordWith(entity), 'a.docx')).toBe('corrupt_document');
    expect(await failure(wordWith('<a>'.repeat(3000)), 'a.docx')).toBe('corrupt_document');
    expect(await failure(docx({ body: paragraph('x') }).subarray(0, 900), 'a.docx')).toBe('corrupt_document');
    expect(await failure(container({ mimetype: 'application/epub+zip' }), 'a.epub')).toBe('corrupt_document');
  });
});
