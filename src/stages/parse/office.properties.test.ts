import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { docx, NUMBERING, paragraph, run, STYLES, table } from '../../../scripts/samples/office/docx.js';
import { madeFixtures } from '../../../scripts/samples/office.js';
import { writeZip } from '../../../scripts/samples/zip.js';
import { FootnoteError } from '../../core/errors.js';
import { violations } from './check.js';
import { parseDocument } from './parse.js';
import { openArchive } from './zip.js';

/** Law 1, and the same output each time; what can't be read ends with a typed error. */
async function check(bytes: Uint8Array, name: string): Promise<string> {
  try {
    const document = await parseDocument(bytes, { name });
    expect(violations(document)).toEqual([]);
    expect(await parseDocument(bytes, { name })).toEqual(document);
    return 'ok';
  } catch (error) {
    if (!(error instanceof FootnoteError)) throw error;
    return error.code;
  }
}

/** Text with what composes, what is folded and what has two units. */
const WORDS = [
  'word',
  'é',
  'e\u0301',
  '\u0301',
  '😀',
  ' ',
  '\n',
  '\t',
  '\u00a0',
  '\u00ad',
  '1.',
  '|',
  'ᄀ',
  'ᅡ',
  '\u200f',
  'שלום',
  '한',
];
const text = fc.array(fc.constantFrom(...WORDS), { maxLength: 6 }).map((parts) => parts.join(''));

const inDocx = fc.letrec<{ block: string; inline: string }>((tie) => ({
  inline: fc.oneof(
    { withCrossShrink: true },
    text.map(run),
    fc.constantFrom(
      '<w:r><w:tab/></w:r>',
      '<w:r><w:br/></w:r>',
      '<w:r><w:footnoteReference w:id="2"/></w:r>',
      '<w:r><w:fldChar w:fldCharType="begin"/></w:r>',
      '<w:r><w:fldChar w:fldCharType="separate"/></w:r>',
      '<w:r><w:fldChar w:fldCharType="end"/></w:r>',
      '<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>',
      '<w:r><w:drawing><wp:docPr descr="a picture"/></w:drawing></w:r>',
    ),
    tie('inline').map((inside) => `<w:ins>${inside}</w:ins>`),
    tie('inline').map((inside) => `<w:del>${inside}</w:del>`),
    tie('block').map((inside) => `<w:r><w:pict><w:txbxContent>${inside}</w:txbxContent></w:pict></w:r>`),
  ),
  block: fc.oneof(
    { withCrossShrink: true },
    fc
      .tuple(
        text,
        fc.constantFrom(undefined, 'Titel', 'berschrift1', 'Own', 'Zitat', 'Code', 'None'),
        fc.constantFrom(undefined, [1, 0] as const, [1, 8] as const, [2, 1] as const, [9, 0] as const),
        fc.constantFrom('', '<w:rPr><w:del/></w:rPr>', '<w:outlineLvl w:val="3"/>', '<w:outlineLvl w:val="x"/>'),
      )
      .map(([words, style, list, more]) => paragraph(words, { ...(style && { style }), ...(list && { list }), more })),
    fc.array(tie('inline'), { maxLength: 5 }).map((inside) => `<w:p>${inside.join('')}</w:p>`),
    fc.array(fc.array(text, { maxLength: 3 }), { maxLength: 4 }).map((rows) => table(rows, { header: true })),
    tie('block').map((inside) => `<w:tbl><w:tr><w:tc>${inside}</w:tc><w:tc>${inside}</w:tc></w:tr></w:tbl>`),
    tie('block').map((inside) => `<w:sdt><w:sdtContent>${inside}</w:sdtContent></w:sdt>`),
  ),
}));

describe('any content', () => {
  it('of DOCX keeps the contract', async () => {
    const body = fc.array(inDocx.block, { maxLength: 8 }).map((blocks) => blocks.join(''));
    const footnotes = `<w:footnote w:id="2">${paragraph('\u0301Noted')}</w:footnote>`;
    await fc.assert(
      fc.asyncProperty(body, async (xml) => {
        expect(await check(docx({ body: xml, styles: STYLES, numbering: NUMBERING, footnotes }), 'a.docx')).toBe('ok');
      }),
      { numRuns: 300 },
    );
  });
});

/** What a damaged or hostile part may hold at any place. */
const CHANGES = [
  '',
  '<',
  '>',
  '/',
  '"',
  '&x;',
  '<!DOCTYPE a>',
  '\u0000',
  '\ufffe',
  '<w:p>',
  '</w:p>',
  '-1',
  '99999999999',
  'e9',
  ' ',
  'é',
];

interface Part {
  readonly name: string;
  data: string;
}

const isZip = (whole: Buffer) => whole.toString('latin1', 0, 2) === 'PK';

/** The files of a container; of anything else, itself. */
async function unpacked(whole: Buffer): Promise<Part[]> {
  if (!isZip(whole)) return [{ name: '', data: whole.toString() }];
  const archive = await openArchive(whole);
  const parts = archive.names.map(async (name) => ({ name, data: Buffer.from(await archive.read(name)).toString() }));
  return Promise.all(parts);
}

describe.each(Object.entries(madeFixtures()))('%s, damaged', (name, whole) => {
  it('and cut off keeps the contract or is refused', async () => {
    const outcomes = new Set<string>();
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 200)) {
      outcomes.add(await check(whole.subarray(0, length), name));
    }
    expect([...outcomes]).not.toContain('internal');
  });

  it('with changed parts keeps the contract or is refused', async () => {
    const parts = await unpacked(whole);
    const change = fc.tuple(fc.nat(parts.length - 1), fc.nat(), fc.constantFrom(...CHANGES));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = parts.map(({ name: part, data }) => ({ name: part, data }));
        for (const [index, at, by] of changes) {
          const { data } = changed[index]!;
          const from = at % (data.length + 1);
          changed[index]!.data = data.slice(0, from) + by + data.slice(from + (at % 7));
        }
        await check(isZip(whole) ? writeZip(changed) : Buffer.from(changed[0]!.data), name);
      }),
      { numRuns: 300 },
    );
  });

  it('with changed bytes keeps the contract or is refused', async () => {
    const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await check(bytes, name);
      }),
      { numRuns: 200 },
    );
  });
});
