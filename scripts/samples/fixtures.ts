import { PdfPage, writePdf } from './pdf.js';
import { specificationSheet } from './specification-sheet.js';

/** PDFs for the parser tests, by file name. */
export function fixturePdfs(): Readonly<Record<string, Buffer>> {
  return { 'columns-and-table.pdf': specificationSheet(), 'rotated.pdf': rotated(), 'no-text.pdf': noText(), 'hyphens.pdf': hyphens() };
}

function rotated(): Buffer {
  const upright = new PdfPage(400, 300).text(40, 60, 'Chapter one', 18, 'bold').text(40, 90, 'The page is upright.');
  const turned = new PdfPage(400, 300, 90).text(40, 60, 'This page is shown turned by a quarter.');
  return writePdf([upright, turned]);
}

function noText(): Buffer {
  return writePdf([new PdfPage().line(50, 50, 500, 500, 2)], { title: 'A drawing' });
}

function hyphens(): Buffer {
  const page = new PdfPage();
  const lines = ['A word that is divided at the end of a line is inter-', 'esting to a search that looks for it whole, but a twenty-', 'Two stays as it is.'];
  lines.forEach((line, index) => page.text(60, 80 + index * 13, line));
  page.text(60, 160, '1. The first step').text(60, 174, '2. The second step (with a bracket)');
  return writePdf([page], { title: 'untitled.docx' });
}
