import type { Block, Page, Region, Warning } from '../../core/document.js';
import type { Span } from '../../core/span.js';
import type { Element } from './html/dom.js';
import type { Written } from './html/write.js';
import { normalizeText } from './normalize.js';
import { corrupt, type Parts, readParts } from './office/archive.js';
import { join } from './office/join.js';
import { written } from './office/written.js';
import {
  attribute,
  childOf,
  childrenOf,
  descendants,
  escapeHtml,
  localName,
  readXml,
  relationsOf,
  textOf,
  titleOf,
} from './office/xml.js';
import type { ParsedContent, ParserInput } from './parser.js';

const PRESENTATION = 'ppt/presentation.xml';

/** PowerPoint (Office Open XML): a section a slide, under its title; tables, and the speaker's notes last. */
export function parsePptx({ bytes }: ParserInput): ParsedContent {
  const parts = readParts(bytes, (name) => /^(?:ppt|docProps)\/.*\.(?:xml|rels)$/i.test(name));
  const presentation = readXml(parts, PRESENTATION);
  if (!presentation) throw corrupt('it has no presentation');
  const relations = relationsOf(parts, PRESENTATION);
  const list = childOf(presentation, 'sldIdLst');
  const slides: Written[] = [];
  let hidden = 0;
  for (const entry of list ? childrenOf(list, 'sldId') : []) {
    const path = relations.get(entry.attribs['r:id'] ?? '')?.target;
    const slide = path === undefined ? undefined : readXml(parts, path);
    if (!slide) continue;
    if (attribute(slide, 'show') === '0') {
      hidden += 1;
      // It keeps its number: what is cited is found on the slide that the program shows under it.
      slides.push(NOTHING);
    } else slides.push(written(slideHtml(parts, path!, slide), undefined, []));
  }
  const warnings: Warning[] = [];
  if (hidden > 0)
    warnings.push({ code: 'hidden_left_out', message: `${hidden} hidden slides are not part of the text.` });
  if ([...parts.keys()].some((name) => name.startsWith('ppt/comments/'))) {
    warnings.push({ code: 'comments_left_out', message: 'Comments on slides are not part of the text.' });
  }
  const { text, blocks, images, places } = join(slides);
  const { width, height } = sizeOf(childOf(presentation, 'sldSz'));
  const pages = places.map((span, at): Page => ({ number: at + 1, span, width, height }));
  // Where on its slide something stands the shapes say in many ways; that it stands on this one is certain.
  const regions = pages
    .filter(({ span }) => span.end > span.start)
    .map(({ span, number }): Region => ({ span, page: number, box: { x0: 0, y0: 0, x1: width, y1: height } }));
  const title = titleOf(parts) ?? blocks.find(({ kind }) => kind === 'heading')?.title;
  return {
    text,
    blocks: blocks.map((block) => ({ ...block, ...pageOf(places, block) })),
    images,
    pages,
    regions,
    ...(title === undefined ? {} : { title: normalizeText(title).replace(/\s+/g, ' ').trim() }),
    warnings,
  };
}

const NOTHING: Written = { text: '', blocks: [], images: [] };
/** English Metric Units in a point. */
const EMU = 12_700;

/** In points; of the usual 4:3 where the file does not say. */
function sizeOf(size: Element | undefined): Pick<Page, 'width' | 'height'> {
  const [width, height] = ['cx', 'cy'].map((name) => Number(size && attribute(size, name)) / EMU) as [number, number];
  return { width: width > 0 ? width : 720, height: height > 0 ? height : 540 };
}

function pageOf(places: readonly Span[], { span }: Block): { page: number } {
  return { page: places.findIndex(({ start, end }) => span.start >= start && span.end <= end && start < end) + 1 };
}

function slideHtml(parts: Parts, path: string, slide: Element): string {
  const tree = childOf(slide, 'cSld', 'spTree');
  const shapes = tree ? [...descendants(tree)].filter((each) => ['sp', 'graphicFrame'].includes(localName(each))) : [];
  const title = shapes.find(isTitle);
  const words = title ? paragraphsOf(title).join(' ').replace(/\s+/g, ' ').trim() : '';
  const relations = relationsOf(parts, path);
  const body = shapes.filter((shape) => shape !== title).map((shape) => shapeHtml(parts, relations, shape));
  const notes = [...relations.values()].find(({ type }) => type === 'notesSlide');
  const heading = words === '' ? '' : `<h2>${escapeHtml(words)}</h2>`;
  return [heading, ...body, notes ? notesHtml(parts, notes.target) : ''].join('\n');
}

function placeholder(shape: Element): string | undefined {
  const mark = childOf(shape, 'nvSpPr', 'nvPr', 'ph');
  return mark && (attribute(mark, 'type') ?? 'body');
}

function isTitle(shape: Element): boolean {
  return /^(?:title|ctrTitle)$/.test(placeholder(shape) ?? '');
}

type Relations = ReturnType<typeof relationsOf>;

function shapeHtml(parts: Parts, relations: Relations, shape: Element): string {
  const table = [...descendants(shape)].find((each) => localName(each) === 'tbl');
  if (table) return tableHtml(table);
  const diagram = [...descendants(shape)].find((each) => localName(each) === 'relIds');
  if (diagram) return diagramHtml(parts, relations.get(attribute(diagram, 'dm') ?? '')?.target);
  // Numbers and dates that the layout repeats on every slide.
  if (/^(?:sldNum|dt|ftr|hdr)$/.test(placeholder(shape) ?? '')) return '';
  return paragraphsHtml(paragraphsOf(shape));
}

function paragraphsHtml(paragraphs: readonly string[]): string {
  return paragraphs
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`)
    .join('\n');
}

/** SmartArt: its words stand in a part of their own. */
function diagramHtml(parts: Parts, path: string | undefined): string {
  const data = path === undefined ? undefined : readXml(parts, path);
  if (!data) return '';
  const paragraphs = [...descendants(data)].filter((each) => localName(each) === 'p').map(paragraphText);
  return paragraphsHtml(paragraphs);
}

function paragraphsOf(shape: Element): string[] {
  const body = childOf(shape, 'txBody');
  return body ? childrenOf(body, 'p').map(paragraphText) : [];
}

function paragraphText(paragraph: Element): string {
  return childrenOf(paragraph)
    .map((run) => {
      if (localName(run) === 'br') return '\n';
      return childrenOf(run, 't').map(textOf).join('');
    })
    .join('');
}

function tableHtml(table: Element): string {
  const rows = childrenOf(table, 'tr').map((row, at) => {
    const cells = childrenOf(row, 'tc').map((cell) => {
      const body = childOf(cell, 'txBody');
      const text = body ? childrenOf(body, 'p').map(paragraphText).join(' ') : '';
      return at === 0 ? `<th>${escapeHtml(text)}</th>` : `<td>${escapeHtml(text)}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

function notesHtml(parts: Parts, path: string): string {
  const notes = readXml(parts, path);
  const tree = notes && childOf(notes, 'cSld', 'spTree');
  const shapes = tree ? childrenOf(tree, 'sp').filter((shape) => placeholder(shape) === 'body') : [];
  const said = shapes.flatMap(paragraphsOf).filter((paragraph) => paragraph.trim() !== '');
  return said.map((paragraph) => `<blockquote>${escapeHtml(paragraph)}</blockquote>`).join('\n');
}
