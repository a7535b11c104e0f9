import { describe, expect, it } from 'vitest';
import {
  docx,
  docxSpec,
  NUMBERING,
  paragraph,
  run,
  sampleDocx,
  STYLES,
  table,
} from '../../../scripts/samples/office/docx.js';
import { packageFiles } from '../../../scripts/samples/office/package.js';
import { writeZip } from '../../../scripts/samples/zip.js';
import { violations } from './check.js';
import { formatNumber } from './docx/numbering.js';
import { parseDocument } from './parse.js';

const parse = async (bytes: Uint8Array) => {
  const parsed = await parseDocument(bytes, { name: 'a.docx' });
  expect(violations(parsed)).toEqual([]);
  return parsed;
};
const ofBody = (body: string) => parse(docx({ body, styles: STYLES, numbering: NUMBERING }));
const blocksOf = ({ text, blocks }: Awaited<ReturnType<typeof parse>>) =>
  blocks.map(({ kind, span, level }) => `${kind}${level ?? ''}: ${text.slice(span.start, span.end)}`);

describe('DOCX', () => {
  it('gives headings, lists, tables, notes, quotes and code as blocks', async () => {
    const parsed = await parse(sampleDocx());
    expect(blocksOf(parsed)).toEqual([
      'heading1: Harbour manual',
      'heading1: Moorings',
      'paragraph: The pier is 120 m long[1]; the café is beside it.',
      'paragraph: [1] Measured at low water.',
      'heading2: Winter',
      'list_item: 1. Take the buoys ashore',
      'list_item:   a) the red ones',
      'list_item:   b) then the green ones',
      'list_item: 2. Lock the crane',
      'list_item: - A bullet',
      'table: Berth | Depth\nNorth | 4.5 m\nSouth | 3 m',
      'quote: The sea gives and takes.',
      'code: open gate\n  wait 5',
      'paragraph: Inserted. Kept.',
      'paragraph: Seen.',
      'figure: A chart of the harbour',
    ]);
    expect(parsed.title).toBe('The harbour manual');
    expect(parsed.warnings.map(({ code }) => code)).toEqual([
      'headers_and_footers_left_out',
      'hidden_text_left_out',
      'tracked_deletions_left_out',
    ]);
    const grid = parsed.blocks.find(({ kind }) => kind === 'table')!;
    expect(parsed.text.slice(grid.header!.start, grid.header!.end)).toBe('Berth | Depth');
    expect(grid.parts!.map(({ start, end }) => parsed.text.slice(start, end))).toEqual([
      'North | 4.5 m',
      'South | 3 m',
    ]);
    expect(parsed.images).toEqual([{ at: parsed.blocks.at(-1)!.span.start, alt: 'A chart of the harbour' }]);
  });

  it('counts lists as Word does', async () => {
    const items = [
      [1, 0],
      [1, 2],
      [1, 1],
      [1, 2],
      [3, 0],
      [3, 0],
      [1, 0],
    ] as const;
    const parsed = await ofBody(items.map((list) => paragraph('x', { list })).join(''));
    const labels = parsed.text.split('\n').map((line) => line.trim());
    expect(labels).toEqual(['1. x', '1.a.i x', 'a) x', '1.a.i x', '5. x', '6. x', '7. x']);
  });

  it.each([
    ['upperRoman', 1994, 'MCMXCIV'],
    ['lowerLetter', 28, 'bb'],
    ['decimalZero', 7, '07'],
    ['ordinal', 112, '112th'],
    ['ordinal', 23, '23rd'],
    ['chineseCounting', 3, '3'],
    ['lowerRoman', 0, '0'],
  ])('writes numbers in %s', (format, value, expected) => {
    expect(formatNumber(value, format)).toBe(expected);
  });

  it('follows styles to what they are based on', async () => {
    const parsed = await ofBody(paragraph('Part', { style: 'Own' }) + paragraph('Body', { style: 'Unknown' }));
    expect(blocksOf(parsed)).toEqual(['heading2: Part', 'paragraph: Body']);
    expect(parsed.title).toBeUndefined();
    const loop = '<w:style w:type="paragraph" w:styleId="A"><w:name w:val="a"/><w:basedOn w:val="A"/></w:style>';
    expect(blocksOf(await parse(docx({ body: paragraph('x', { style: 'A' }), styles: loop })))).toEqual([
      'paragraph: x',
    ]);
  });

  it('reads the result of a field, not its instruction', async () => {
    const char = (type: string) => `<w:r><w:fldChar w:fldCharType="${type}"/></w:r>`;
    const instruction = '<w:r><w:instrText>HYPERLINK "http://a"</w:instrText></w:r>';
    const parsed = await ofBody(
      `<w:p>${run('See ')}${char('begin')}${instruction}${run('never ')}${char('separate')}${run('the page')}${char('end')}${run('.')}</w:p>`,
    );
    expect(parsed.text).toBe('See the page.');
  });

  it('joins a paragraph whose end is deleted to the next', async () => {
    const parsed = await ofBody(
      paragraph('One ', { more: '<w:rPr><w:del w:id="1"/></w:rPr>' }) + paragraph('line.') + paragraph('Next.'),
    );
    expect(parsed.text).toBe('One line.\n\nNext.');
  });

  it('reads a text box once, and what it holds after its paragraph', async () => {
    const content = `<w:txbxContent>${paragraph('In the box')}</w:txbxContent>`;
    const box = `<w:drawing>${content}</w:drawing>`;
    const parsed = await ofBody(
      `<w:p>${run('Before')}<w:r><mc:AlternateContent><mc:Choice Requires="x">${box}</mc:Choice><mc:Fallback><w:pict>${content}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>`,
    );
    expect(parsed.text).toBe('Before\n\nIn the box');
  });

  it('reads tables that only lay out a page as what they hold', async () => {
    const nested = `<w:tbl><w:tr><w:tc>${paragraph('Left')}</w:tc><w:tc>${table([
      ['a', 'b'],
      ['c', 'd'],
    ])}</w:tc></w:tr><w:tr><w:tc>${paragraph('Below')}</w:tc><w:tc/></w:tr></w:tbl>`;
    expect(blocksOf(await ofBody(nested))).toEqual(['paragraph: Left', 'table: a | b\nc | d', 'paragraph: Below']);
  });

  it('keeps columns in line under merged cells, and leaves deleted rows out', async () => {
    const cell = (text: string, properties = '') => `<w:tc><w:tcPr>${properties}</w:tcPr>${paragraph(text)}</w:tc>`;
    const rows = [
      `<w:tr>${cell('wide', '<w:gridSpan w:val="2"/>')}${cell('c')}</w:tr>`,
      `<w:tr>${cell('tall', '<w:vMerge w:val="restart"/>')}${cell('1')}${cell('2')}</w:tr>`,
      `<w:tr>${cell('', '<w:vMerge/>')}${cell('3')}${cell('4')}</w:tr>`,
      `<w:tr><w:trPr><w:del w:id="1"/></w:trPr>${cell('x')}${cell('y')}${cell('z')}</w:tr>`,
    ];
    expect((await ofBody(`<w:tbl>${rows.join('')}</w:tbl>`)).text).toBe('wide |  | c\ntall | 1 | 2\n | 3 | 4');
  });

  it('writes formulas, signs and check boxes', async () => {
    const math =
      '<m:oMath><m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>';
    const box =
      '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="1"/></w:checkBox></w:ffData></w:fldChar></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>';
    const sign = '<w:r><w:sym w:font="Wingdings" w:char="F0E0"/></w:r>';
    expect((await ofBody(`<w:p>${math}${sign}${box}</w:p>`)).text).toBe('(a+b)/2→☒');
  });

  it('writes a chart as the table of its values', async () => {
    const points = (values: readonly string[]) =>
      values.map((value, idx) => `<c:pt idx="${idx}"><c:v>${value}</c:v></c:pt>`).join('');
    const series = (name: string, values: readonly string[]) =>
      `<c:ser><c:tx><c:strRef><c:strCache>${points([name])}</c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache>${points(['2023', '2024'])}</c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>${points(values)}</c:numCache></c:numRef></c:val></c:ser>`;
    const title = '<c:title><c:tx><c:rich><a:p><a:r><a:t>Ships</a:t></a:r></a:p></c:rich></c:tx></c:title>';
    const chart = `<c:chart>${title}<c:plotArea><c:barChart>${series('In', ['3', '4'])}${series('Out', ['1', '2'])}</c:barChart></c:plotArea></c:chart>`;
    const body = '<w:p><w:r><w:drawing><c:chart r:id="chart1"/></w:drawing></w:r></w:p>';
    const parsed = await parse(docx({ body, charts: { chart1: chart } }));
    expect(parsed.text).toBe('Ships\n\n | In | Out\n2023 | 3 | 1\n2024 | 4 | 2');
  });

  it('is told by its content, whatever its name', async () => {
    const bytes = docx({ body: paragraph('x') });
    for (const name of ['a.docx', 'a.txt', 'a', 'a.docm'])
      expect((await parseDocument(bytes, { name })).text).toBe('x');
  });

  it('reads a document without anything in it', async () => {
    const parsed = await parse(docx({ body: '' }));
    expect(parsed.warnings.map(({ code }) => code)).toEqual(['empty_document']);
  });

  const spec = docxSpec({ body: paragraph('x') });
  const changed = (name: string, data: string) =>
    writeZip(packageFiles({ ...spec, parts: { ...spec.parts, [name]: data } }));
  it.each([
    ['cut off', sampleDocx().subarray(0, 2000), 'corrupt_document'],
    ['of another root', changed('word/document.xml', '<a/>'), 'corrupt_document'],
    ['not well-formed', changed('word/document.xml', '<a>'), 'corrupt_document'],
    ['with an entity', changed('word/document.xml', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), 'corrupt_document'],
    ['without its main part', writeZip([{ name: 'word/other.xml', data: '<a/>' }]), 'corrupt_document'],
    [
      'with two parts of one name',
      writeZip([...packageFiles(spec), { name: 'word/document.xml', data: '<a/>' }]),
      'corrupt_document',
    ],
  ])('%s is refused', async (_, bytes, code) => {
    await expect(parseDocument(bytes, { name: 'a.docx' })).rejects.toMatchObject({ code });
  });

  it('encrypted is refused, and so is an old file under a new name', async () => {
    const compound = (stream: string) =>
      Buffer.concat([
        Buffer.from('d0cf11e0a1b11ae1', 'hex'),
        Buffer.alloc(1016),
        Buffer.from(stream, 'utf16le'),
        Buffer.alloc(100),
      ]);
    await expect(parseDocument(compound('EncryptedPackage'), { name: 'a.docx' })).rejects.toMatchObject({
      code: 'password_required',
    });
    await expect(parseDocument(compound('EncryptedPackage'), {})).rejects.toMatchObject({ code: 'password_required' });
    await expect(parseDocument(compound('WordDocument'), { name: 'a.docx' })).rejects.toMatchObject({
      code: 'unsupported_media_type',
      details: { mime: 'application/msword' },
    });
    await expect(parseDocument(compound('Other'), { name: 'a.docx' })).rejects.toMatchObject({
      code: 'unsupported_media_type',
    });
  });
});
