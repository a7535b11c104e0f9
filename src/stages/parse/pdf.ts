import { type Parser, parserId } from './parser.js';
import { textParser } from './text.js';
export const pdfParser: Parser = {
  name: 'pdf',
  version: 1,
  mimes: ['application/pdf'],
  parse: async (i) => ({ ...(await textParser.parse(i)), parser: parserId(pdfParser) }),
};
