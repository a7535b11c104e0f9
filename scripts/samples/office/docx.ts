import { coreProperties, escape, NAMESPACES, officePackage, type PackageSpec } from './package.js';

export interface DocxSpec {
  /** XML of the body's children. */
  readonly body: string;
  readonly styles?: string;
  readonly numbering?: string;
  readonly footnotes?: string;
  readonly header?: string;
  readonly title?: string;
  readonly charts?: Readonly<Record<string, string>>;
}

/** A small word-processing document. */
export function docx(spec: DocxSpec): Buffer {
  return officePackage(docxSpec(spec));
}

export function docxSpec({ body, styles, numbering, footnotes, header, title, charts = {} }: DocxSpec): PackageSpec {
  const parts: Record<string, string> = { 'word/document.xml': root('document', `<w:body>${body}</w:body>`) };
  const relations: [string, string, string][] = [];
  const add = (type: string, name: string, xml: string | undefined): void => {
    if (xml === undefined) return;
    parts[`word/${name}.xml`] = root(name.replace(/\d+$/, ''), xml);
    relations.push([name, type, `${name}.xml`]);
  };
  add('styles', 'styles', styles);
  add('numbering', 'numbering', numbering);
  add('footnotes', 'footnotes', footnotes);
  add('header', 'hdr1', header);
  for (const [id, xml] of Object.entries(charts)) {
    parts[`word/charts/${id}.xml`] = `<c:chartSpace ${NAMESPACES}>${xml}</c:chartSpace>`;
    relations.push([id, 'chart', `charts/${id}.xml`]);
  }
  if (title !== undefined) parts['docProps/core.xml'] = coreProperties(title);
  return {
    main: 'word/document.xml',
    parts,
    relations: {
      ...(title !== undefined && { '': [['core', 'core-properties', 'docProps/core.xml'] as const] }),
      'word/document.xml': relations,
    },
  };
}

function root(name: string, inside: string): string {
  return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<w:${name} ${NAMESPACES}>${inside}</w:${name}>`;
}

/** A paragraph: its text, style, list and further properties. */
export function paragraph(text: string, { style, list, more = '' }: { style?: string; list?: readonly [id: number, level: number]; more?: string } = {}): string {
  const properties =
    (style === undefined ? '' : `<w:pStyle w:val="${style}"/>`) +
    (list === undefined ? '' : `<w:numPr><w:ilvl w:val="${list[1]}"/><w:numId w:val="${list[0]}"/></w:numPr>`);
  return `<w:p><w:pPr>${properties}${more}</w:pPr>${text === '' ? '' : run(text)}</w:p>`;
}

export function run(text: string): string {
  return `<w:r><w:t xml:space="preserve">${escape(text)}</w:t></w:r>`;
}

export function table(rows: readonly (readonly string[])[], { header = false } = {}): string {
  const cells = (row: readonly string[]) => row.map((text) => `<w:tc>${paragraph(text)}</w:tc>`).join('');
  const lines = rows.map((row, index) => {
    const properties = header && index === 0 ? '<w:trPr><w:tblHeader/></w:trPr>' : '';
    return `<w:tr>${properties}${cells(row)}</w:tr>`;
  });
  return `<w:tbl><w:tblPr><w:tblLook w:val="04A0"/></w:tblPr>${lines.join('')}</w:tbl>`;
}

export const STYLES =
  '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>' +
  '<w:style w:type="paragraph" w:styleId="Titel"><w:name w:val="Title"/></w:style>' +
  '<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>' +
  '<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/><w:basedOn w:val="berschrift1"/></w:style>' +
  '<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Our section"/><w:basedOn w:val="berschrift2"/></w:style>' +
  '<w:style w:type="paragraph" w:styleId="Zitat"><w:name w:val="Quote"/></w:style>' +
  '<w:style w:type="paragraph" w:styleId="Code"><w:name w:val="HTML Preformatted"/></w:style>' +
  '<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>';

const level = (index: number, format: string, text: string, start = 1) =>
  `<w:lvl w:ilvl="${index}"><w:start w:val="${start}"/><w:numFmt w:val="${format}"/><w:lvlText w:val="${text}"/></w:lvl>`;

/** List 1 counts `1.`, `a)`, `1.a.i`; list 2 has bullets; list 3 is list 1, counting again from 5. */
export const NUMBERING =
  `<w:abstractNum w:abstractNumId="1">${level(0, 'decimal', '%1.')}${level(1, 'lowerLetter', '%2)')}${level(2, 'lowerRoman', '%1.%2.%3')}</w:abstractNum>` +
  `<w:abstractNum w:abstractNumId="2">${level(0, 'bullet', '\uf0b7')}${level(1, 'bullet', 'o')}</w:abstractNum>` +
  '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>' +
  '<w:num w:numId="3"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>';

/** One of everything that the parser tells apart. */
export function sampleDocx(): Buffer {
  return docx({
    title: 'The harbour manual',
    styles: STYLES,
    numbering: NUMBERING,
    footnotes: `<w:footnote w:id="0" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2">${paragraph('Measured at low water.')}</w:footnote>`,
    header: paragraph('Page header'),
    body: [
      paragraph('Harbour manual', { style: 'Titel' }),
      paragraph('Moorings', { style: 'berschrift1' }),
      `<w:p>${run('The pier is 120 m long')}<w:r><w:footnoteReference w:id="2"/></w:r>${run('; the cafe\u0301 is beside it.')}</w:p>`,
      paragraph('Winter', { style: 'berschrift2' }),
      paragraph('Take the buoys ashore', { list: [1, 0] }),
      paragraph('the red ones', { list: [1, 1] }),
      paragraph('then the green ones', { list: [1, 1] }),
      paragraph('Lock the crane', { list: [1, 0] }),
      paragraph('A bullet', { list: [2, 0] }),
      table(
        [
          ['Berth', 'Depth'],
          ['North', '4.5 m'],
          ['South', '3 m'],
        ],
        { header: true },
      ),
      paragraph('The sea gives and takes.', { style: 'Zitat' }),
      paragraph('open gate', { style: 'Code' }),
      paragraph('  wait 5', { style: 'Code' }),
      `<w:p><w:ins w:id="1">${run('Inserted. ')}</w:ins><w:del w:id="2"><w:r><w:delText>Deleted.</w:delText></w:r></w:del>${run('Kept.')}</w:p>`,
      `<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Hidden.</w:t></w:r>${run('Seen.')}</w:p>`,
      '<w:p><w:r><w:drawing><wp:inline><wp:docPr id="1" name="Picture" descr="A chart of the harbour"/></wp:inline></w:drawing></w:r></w:p>',
    ].join(''),
  });
}
