import type { NoteRef } from './docx/inline.js';
import { Numbering } from './docx/numbering.js';
import { readStyles } from './docx/styles.js';
import { DocumentWriter } from './docx/write.js';
import { writeGraphic } from './ooxml/graphics.js';
import { openPackage, type OfficePackage } from './ooxml/package.js';
import { titleOf } from './ooxml/properties.js';
import { LeftOuts } from './ooxml/warnings.js';
import type { ParsedContent, ParserInput } from './parser.js';
import type { XmlElement } from './xml/elements.js';
import { childrenOf, descendantsOf, textOf } from './xml/read.js';
import { damaged } from './zip.js';

/**
 * Text of a word-processing document (DOCX and its kin) with headings, numbered lists, tables and notes. Tracked
 * insertions are read as accepted, tracked deletions, hidden text, comments, page headers and footers are left out.
 */
export async function parseDocx({ bytes }: ParserInput): Promise<ParsedContent> {
  const document = await openPackage(bytes, 'word/document.xml');
  const byRelation = await document.relationships(document.main);
  const relationships = [...byRelation.values()];
  const rootOf = async (type: string): Promise<XmlElement | undefined> => {
    const found = relationships.find((relationship) => relationship.type === type && !relationship.external);
    return found && document.has(found.target) ? document.root(found.target) : undefined;
  };
  const leftOut = new LeftOuts();
  const styles = readStyles(await rootOf('styles'));
  const numbering = new Numbering(await rootOf('numbering'), styles);
  const notes = {
    footnote: byId(await rootOf('footnotes')),
    endnote: byId(await rootOf('endnotes')),
  };
  const writer = new DocumentWriter({
    styles,
    numbering,
    leftOut,
    note: ({ kind, id }: NoteRef) => notes[kind].get(id),
    drawn: (element, out) => writeGraphic(document, byRelation, element, out),
  });
  let hasBody = false;
  const inBody = (name: string, parent: string): boolean => {
    hasBody ||= name === 'w:body';
    return parent === 'w:body';
  };
  for await (const element of document.elements(document.main, inBody)) await writer.write(element);
  if (!hasBody) throw damaged('it has no body');
  await writer.end();
  for (const { type, target, external } of relationships) {
    const furniture = (type === 'header' || type === 'footer') && !external && document.has(target);
    if (furniture && (await hasWords(document, target))) leftOut.add('headers_and_footers_left_out');
  }
  const { builder, blocks, images } = writer.out;
  const heading = blocks.find((block) => block.kind === 'heading' && block.level === 1)?.title;
  const title = (await titleOf(document)) ?? writer.title ?? heading;
  return {
    text: builder.toString(),
    blocks,
    images,
    ...(title !== undefined && { title }),
    warnings: leftOut.warnings(),
  };
}

function byId(root: XmlElement | undefined): Map<string, XmlElement> {
  return new Map([...childrenOf(root)].map((note) => [note.attributes['w:id'] ?? '', note]));
}

async function hasWords(document: OfficePackage, part: string): Promise<boolean> {
  for (const element of descendantsOf(await document.root(part))) {
    if (element.name === 'w:t' && /\p{L}/u.test(textOf(element))) return true;
  }
  return false;
}
