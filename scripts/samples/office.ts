import { sampleDocx } from './office/docx.js';
import { writeZip } from './zip.js';

const S = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const P = 'http://schemas.openxmlformats.org/presentationml/2006/main';
const A = 'http://schemas.openxmlformats.org/drawingml/2006/main';
const R = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const TYPES = 'application/vnd.openxmlformats-officedocument';

/** A ZIP container of text parts. */
export function container(parts: Readonly<Record<string, string>>): Buffer {
  return writeZip(Object.entries(parts).map(([name, data]) => ({ name, data })));
}

function packaged(main: string, type: string, parts: Readonly<Record<string, string>>): Buffer {
  return container({
    '[Content_Types].xml': `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/${main}" ContentType="${TYPES}.${type}.main+xml"/></Types>`,
    '_rels/.rels': relations({ rId1: ['officeDocument', main] }),
    ...parts,
  });
}

function relations(of: Readonly<Record<string, readonly [type: string, target: string]>>): string {
  const each = Object.entries(of).map(
    ([id, [type, target]]) => `<Relationship Id="${id}" Type="${R}/${type}" Target="${target}"/>`,
  );
  return `<Relationships xmlns="${PACKAGE}/relationships">${each.join('')}</Relationships>`;
}

/** Excel: shared and inline strings, a date, a share, a formula's result, a boolean; a hidden sheet. */
export function xlsx(): Buffer {
  const cell = (at: string, value: string, more = '') => `<c r="${at}"${more}><v>${value}</v></c>`;
  const sheet = (rows: string[]) => `<worksheet xmlns="${S}"><sheetData>${rows.join('')}</sheetData></worksheet>`;
  return packaged('xl/workbook.xml', 'spreadsheetml.sheet', {
    'xl/workbook.xml': `<workbook xmlns="${S}" xmlns:r="${R}"><sheets><sheet name="Oil" sheetId="1" r:id="rId1"/><sheet name="Old" sheetId="2" state="hidden" r:id="rId2"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': relations({
      rId1: ['worksheet', 'worksheets/sheet1.xml'],
      rId2: ['worksheet', 'worksheets/sheet2.xml'],
      rId3: ['sharedStrings', 'sharedStrings.xml'],
      rId4: ['styles', 'styles.xml'],
    }),
    'xl/sharedStrings.xml': `<sst xmlns="${S}"><si><t>Delivery</t></si><si><t>Litres</t></si><si><r><t>Share </t></r><r><t>used</t></r></si></sst>`,
    'xl/styles.xml': `<styleSheet xmlns="${S}"><numFmts><numFmt numFmtId="164" formatCode="d\\.\\ mmm\\ yyyy"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/><xf numFmtId="4"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet1.xml': sheet([
      `<row r="1">${cell('A1', '0', ' t="s"')}${cell('B1', '1', ' t="s"')}${cell('D1', '2', ' t="s"')}</row>`,
      `<row r="2">${cell('A2', '45000', ' s="1"')}${cell('B2', '1250.5', ' s="3"')}${cell('D2', '0.25', ' s="2"')}</row>`,
      `<row r="3"><c r="A3" t="inlineStr"><is><t>none</t></is></c><c r="B3"><f>B2*2</f><v>2501</v></c>${cell('D3', '1', ' t="b"')}</row>`,
    ]),
    'xl/worksheets/sheet2.xml': sheet([`<row r="1">${cell('A1', '0', ' t="s"')}</row>`]),
  });
}

/** PowerPoint: two slides and a hidden one, a table, notes. */
export function pptx(): Buffer {
  const run = (text: string) => `<a:p><a:r><a:t>${text}</a:t></a:r></a:p>`;
  const shape = (type: string, ...text: string[]) =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${type}"/></p:nvPr></p:nvSpPr><p:txBody>${text.map(run).join('')}</p:txBody></p:sp>`;
  const slide = (of: string, more = '') =>
    `<p:sld xmlns:p="${P}" xmlns:a="${A}" xmlns:r="${R}"${more}><p:cSld><p:spTree>${of}</p:spTree></p:cSld></p:sld>`;
  const row = (...cells: string[]) =>
    `<a:tr>${cells.map((text) => `<a:tc><a:txBody>${run(text)}</a:txBody></a:tc>`).join('')}</a:tr>`;
  const table = `<p:graphicFrame><a:graphic><a:graphicData><a:tbl>${row('Lamp', 'Hours')}${row('First', '12')}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>`;
  return packaged('ppt/presentation.xml', 'presentationml.presentation', {
    'ppt/presentation.xml': `<p:presentation xmlns:p="${P}" xmlns:r="${R}"><p:sldIdLst><p:sldId id="256" r:id="rId1"/><p:sldId id="257" r:id="rId2"/><p:sldId id="258" r:id="rId3"/></p:sldIdLst><p:sldSz cx="12192000" cy="6858000"/></p:presentation>`,
    'ppt/_rels/presentation.xml.rels': relations({
      rId1: ['slide', 'slides/slide1.xml'],
      rId2: ['slide', 'slides/slide2.xml'],
      rId3: ['slide', 'slides/slide3.xml'],
    }),
    'ppt/slides/slide1.xml': slide(
      shape('title', 'Keeping the light') + shape('body', 'Trim the wick at dusk', 'Wind the clockwork') + shape('sldNum', '1'),
    ),
    'ppt/slides/_rels/slide1.xml.rels': relations({ rId1: ['notesSlide', '../notesSlides/notesSlide1.xml'] }),
    'ppt/notesSlides/notesSlide1.xml': slide(shape('body', 'Say why dusk.')).replaceAll('p:sld', 'p:notes'),
    'ppt/slides/slide2.xml': slide(shape('title', 'Not for the public'), ' show="0"'),
    'ppt/slides/slide3.xml': slide(shape('title', 'Hours') + table),
  });
}

/** EPUB 3 with two chapters, listed in another order than they lie in. */
export function epub(): Buffer {
  const chapter = (title: string, text: string) =>
    `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>${title}</title></head><body><h1>${title}</h1><p>${text}</p></body></html>`;
  return container({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml':
      '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
    'book/package.opf':
      '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The light</dc:title><dc:language>en-GB</dc:language></metadata><manifest><item id="b" href="b%20two.xhtml"/><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
    'book/b two.xhtml': chapter('Winter', 'In winter the nights are long.'),
    'book/a.xhtml': chapter('Summer', 'In summer the birds nest on the gallery.'),
  });
}

export const EML = `From: =?utf-8?q?Kea_Br=C3=BCgge?= <kea@example.org>
To: Harbour <harbour@example.org>
Subject: The lamp
Date: Mon, 05 Jan 2026 08:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain; charset=utf-8

Plain words.

--c
Content-Type: text/html; charset=utf-8

<p>The lamp <b>burns</b> again.</p><script>steal()</script><table><tr><th>Part</th><th>Cost</th></tr><tr><td>Wick</td><td>3</td></tr></table>

--c--
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="bill.pdf"
Content-Transfer-Encoding: base64

JVBERi0=

--b--
`;

const CSV = 'name,height,note\nSkerry Point,31,"white, with\na red band"\nLong Ness,24,"the ""old"" one"\n';
const JSONL = '{"light":"Skerry Point","height":31}\n\n{"light":"Long Ness","height":24}\n';

/** Documents for the parser tests that are written anew each time, by file name. */
export function madeFixtures(): Readonly<Record<string, Buffer>> {
  return {
    'sample.docx': sampleDocx(),
    'oil.xlsx': xlsx(),
    'talk.pptx': pptx(),
    'light.epub': epub(),
    'lamp.eml': Buffer.from(EML),
    'lights.csv': Buffer.from(CSV),
    'lights.jsonl': Buffer.from(JSONL),
  };
}
