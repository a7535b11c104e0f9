import type { Block, ParsedDocument } from '../../src/core/document.js';
import { violations } from '../../src/stages/parse/check.js';
import { parseDocument } from '../../src/stages/parse/parse.js';

/** Parses a text or bytes under a name and fails when the output breaks its contract. */
export async function parsed(content: string | Uint8Array, name: string): Promise<ParsedDocument> {
  const document = await parseDocument(typeof content === 'string' ? Buffer.from(content) : content, { name });
  const found = violations(document);
  if (found.length > 0) throw new Error(`${name}: ${found.join('; ')}`);
  return document;
}

/** Blocks as `kind: text`, for comparing. */
export function outline(document: ParsedDocument): string[] {
  return document.blocks.map((block) => `${block.kind}${block.level ?? ''}: ${words(document, block)}`);
}

export function words(document: ParsedDocument, { span }: Pick<Block, 'span'>): string {
  return document.text.slice(span.start, span.end);
}
