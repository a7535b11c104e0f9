import { type Parser, parserId } from './parser.js';
import { textParser } from './text.js';
export const htmlParser: Parser = {
  name: 'html',
  version: 1,
  mimes: ['text/html'],
  parse: async (i) => ({ ...(await textParser.parse(i)), parser: parserId(htmlParser) }),
};
