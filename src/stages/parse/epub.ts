import { load } from 'cheerio';
import type { Warning } from '../../core/document.js';
import { decodeText } from './charset.js';
import { removeUnseen } from './html/clean.js';
import { type Written, writeText } from './html/write.js';
import { normalizeText } from './normalize.js';
import { corrupt, readParts } from './office/archive.js';
import { join } from './office/join.js';
import { attribute, childOf, childrenOf, readXml, resolveIn, textOf } from './office/xml.js';
import type { ParsedContent, ParserInput } from './parser.js';

const READ = /\.(?:x?html?|xml|opf)$/i;

/** EPUB 2 and 3: the chapters in reading order. */
export function parseEpub({ bytes }: ParserInput): ParsedContent {
  const parts = readParts(bytes, (name) => READ.test(name));
  const container = readXml(parts, 'META-INF/container.xml');
  const root = container && childOf(container, 'rootfiles', 'rootfile');
  const path = root && attribute(root, 'full-path');
  const book = path === undefined ? undefined : readXml(parts, path);
  const [manifest, spine] = ['manifest', 'spine'].map((name) => book && childOf(book, name));
  if (!path || !book || !manifest || !spine) throw corrupt('it has no package document');
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const items = new Map(childrenOf(manifest, 'item').map((item) => [attribute(item, 'id') ?? '', item]));
  const chapters: Written[] = [];
  let missing = 0;
  for (const reference of childrenOf(spine, 'itemref')) {
    const item = items.get(attribute(reference, 'idref') ?? '');
    const href = item && attribute(item, 'href');
    const chapter = href === undefined ? undefined : parts.get(resolveIn(folder, decoded(href)));
    if (!chapter) {
      missing += 1;
      continue;
    }
    const document = load(decodeText(chapter).text).root()[0]!;
    removeUnseen(document);
    chapters.push(writeText(document));
  }
  const { text, blocks, images } = join(chapters);
  const warnings: Warning[] =
    missing === 0
      ? []
      : [{ code: 'chapters_missing', message: `${missing} chapters that the book lists are not in it.` }];
  const metadata = childOf(book, 'metadata');
  const [title, language] = ['title', 'language'].map((name) => metadata && childOf(metadata, name));
  const named = title && normalizeText(textOf(title)).replace(/\s+/g, ' ').trim();
  const primary = /^[a-z]{2,3}(?=$|[-_])/i.exec(language ? textOf(language).trim() : '')?.[0].toLowerCase();
  return {
    text,
    blocks,
    images,
    ...(named ? { title: named } : {}),
    ...(primary ? { language: primary } : {}),
    warnings,
  };
}

function decoded(href: string): string {
  const path = href.split('#')[0]!;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
