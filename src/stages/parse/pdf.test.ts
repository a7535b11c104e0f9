import { describe, expect, it } from 'vitest';
import { PdfPage, writePdf } from '../../../scripts/samples/pdf.js';
import { fixturePdfs } from '../../../scripts/samples/fixtures.js';
import { outline, parsed, words } from '../../../test/support/parse.js';

const fixtures = fixturePdfs();

describe('the PDF parser', () => {
  it('reads columns one after the other and keeps the rows of tables', async () => {
    const document = await parsed(fixtures['columns-and-table.pdf']!, 'a.pdf');
    expect(document).toMatchObject({
      title: 'Petrel B2 data sheet',
      language: 'en',
      mime: 'application/pdf',
      warnings: [],
    });
    const headings = document.blocks.filter((block) => block.kind === 'heading').map((block) => block.title);
    expect(headings).toEqual([
      'Petrel B2 solar weather buoy',
      'Purpose',
      'Hull',
      'Power',
      'Measuring',
      'Reporting',
      'Mooring',
      'Mooring by depth',
      'Sensors',
      'Notes',
    ]);
    const table = document.blocks.find((block) => block.kind === 'table')!;
    expect(words(document, { span: table.header! })).toBe('Depth | Line | Chain | Anchor');
    expect(table.parts!.map((span) => words(document, { span }))).toContain(
      '50 m | 80 m of 16 mm nylon | 12 m of 13 mm | 85 kg plough',
    );
    expect(table.page).toBe(2);
    expect(document.text).toContain('the store holds fourteen months of ten-minute values.');
  });

  it('says where each line stands', async () => {
    const document = await parsed(fixtures['columns-and-table.pdf']!, 'a.pdf');
    const region = document.regions!.find((one) => words(document, one) === 'Hull')!;
    expect(region.page).toBe(1);
    expect(region.box.x0).toBeCloseTo(50, 1);
    expect(region.box.x1).toBeGreaterThan(70);
    expect(region.box.y1 - region.box.y0).toBeLessThan(20);
    const right = document.regions!.find((one) => words(document, one) === 'Measuring')!;
    expect(right.box.x0).toBeCloseTo(310, 1);
    expect(document.pages).toMatchObject([{ number: 1, width: 595, height: 842 }, { number: 2 }]);
  });

  it('measures turned pages as they are displayed', async () => {
    const document = await parsed(fixtures['rotated.pdf']!, 'a.pdf');
    expect(document.pages).toMatchObject([
      { width: 400, height: 300 },
      { width: 300, height: 400 },
    ]);
    const region = document.regions!.at(-1)!;
    expect(words(document, region)).toBe('This page is shown turned by a quarter.');
    expect(region.box.y0).toBeCloseTo(40, 1);
    expect(region.box.x1 - region.box.x0).toBeLessThan(20);
  });

  it('keeps boxes on the page where text runs over its edge', async () => {
    const page = new PdfPage().text(560, 50, 'words that go on beyond the edge');
    const document = await parsed(writePdf([page]), 'a.pdf');
    expect(document.regions![0]!.box.x1).toBe(document.pages![0]!.width);
  });

  it('parts words that stand one above the other on a tight line', async () => {
    const page = new PdfPage().text(50, 50, '11:00').text(50, 54, '11:05');
    expect((await parsed(writePdf([page]), 'a.pdf')).text).toMatch(/^11:00\s+11:05$/);
  });

  it('joins divided words and tells list items', async () => {
    const document = await parsed(fixtures['hyphens.pdf']!, 'a.pdf');
    expect(outline(document)).toEqual([
      'paragraph: A word that is divided at the end of a line is interesting to a search that looks for it whole, but a twenty-Two stays as it is.',
      'list_item: 1. The first step',
      'list_item: 2. The second step (with a bracket)',
    ]);
    expect(document.title).toBeUndefined();
  });

  it('warns of a missing text layer', async () => {
    const document = await parsed(fixtures['no-text.pdf']!, 'a.pdf');
    expect(document.warnings.map((warning) => warning.code)).toEqual(['no_text_layer']);
    expect(document).toMatchObject({ text: '', title: 'A drawing' });
  });

  it('names pages without text among others', async () => {
    const document = await parsed(writePdf([new PdfPage().text(50, 50, 'words'), new PdfPage()]), 'a.pdf');
    expect(document.warnings.map((warning) => warning.code)).toEqual(['pages_without_text']);
  });

  it('refuses damaged files', async () => {
    await expect(parsed('%PDF-1.7\nnothing of use', 'a.pdf')).rejects.toMatchObject({ code: 'corrupt_document' });
  });

  it('mends what can be mended', async () => {
    const whole = fixtures['hyphens.pdf']!;
    const cut = whole.subarray(0, whole.lastIndexOf('xref'));
    expect((await parsed(cut, 'a.pdf')).text).toContain('The first step');
  });
});
