import type { ParsedContent, ParserInput } from './parser.js';
import { parseText } from './text.js';
export function parsePdf(input: ParserInput): ParsedContent {
  return parseText(input);
}
