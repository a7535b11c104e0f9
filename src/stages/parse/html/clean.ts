import { isCDATA, isComment, isDirective } from 'domhandler';
import type { Document, Element } from './dom.js';
import { isElement, walk } from './dom.js';

/** Never shown as text, or a control and not content. */
const DROPPED: ReadonlySet<string> = new Set(
  (
    'script style template noscript iframe object embed applet audio video canvas map svg head link meta base ' +
    'input select textarea button datalist progress meter annotation annotation-xml rp'
  ).split(' '),
);

export interface Cleaned {
  /** Deepest nesting of elements. */
  readonly depth: number;
}

/** Removes what a reader doesn't see: scripts, styles, controls, comments, hidden elements. In place. */
export function removeUnseen(document: Document): Cleaned {
  const gone: { parent: { children: unknown[] } | null }[] = [];
  let deepest = 0;
  walk(document, (node, depth) => {
    // Class names of formula renderers look like those of menus to the search for the main content.
    if (isElement(node) && /^mjx-|^math$/.test(node.name)) delete node.attribs.class;
    deepest = Math.max(deepest, depth);
    if (isComment(node) || isDirective(node) || isCDATA(node)) gone.push(node);
    if (!isElement(node)) return false;
    if (!DROPPED.has(node.name) && !isHidden(node)) return true;
    gone.push(node);
    return false;
  });
  removeAll(gone);
  return { depth: deepest };
}

/** Removes lists of links to other pages. In place. */
export function removeNavigation(document: Document): void {
  removeWhere(document, (node) => node.name === 'nav' || node.attribs.role === 'navigation');
}

const BESIDE = /^(?:navigation|complementary|banner|contentinfo|search|dialog|menu|menubar)$/;

/** Removes what stands beside the main content: navigation, side bars, page headers and footers, dialogs. In place. */
export function removeFurniture(document: Document): void {
  removeWhere(document, (node) => {
    if (node.name === 'nav' || node.name === 'aside' || node.name === 'dialog') return true;
    if ((node.name === 'header' || node.name === 'footer') && !insideArticle(node)) return true;
    return BESIDE.test(node.attribs.role ?? '');
  });
}

function removeWhere(document: Document, beside: (node: Element) => boolean): void {
  const gone: Element[] = [];
  walk(document, (node) => {
    if (!isElement(node)) return false;
    if (!beside(node)) return true;
    gone.push(node);
    return false;
  });
  removeAll(gone);
}

/** A picture of a formula; its alternative text is the formula, so that the text holds it. */
export function isFormula(element: Element): boolean {
  return element.name === 'img' && /\b(?:mwe-math|math|tex|latex)/i.test(element.attribs.class ?? '');
}

function isHidden(element: Element): boolean {
  if (isFormula(element)) return false;
  const { hidden, style } = element.attribs;
  if (hidden !== undefined && hidden !== 'until-found') return true;
  if (element.attribs['aria-hidden'] === 'true' && element.name !== 'body' && element.name !== 'html') return true;
  return style !== undefined && /(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)/i.test(style);
}

function insideArticle(element: Element): boolean {
  for (let at = element.parent; at; at = at.parent) {
    if (isElement(at) && (at.name === 'article' || at.name === 'main')) return true;
  }
  return false;
}

/** One pass a parent: removing one by one is quadratic where a parent has many such children. */
function removeAll(nodes: readonly { parent: { children: unknown[] } | null }[]): void {
  const gone = new Set<unknown>(nodes);
  for (const parent of new Set(nodes.map((node) => node.parent))) {
    if (parent) parent.children = parent.children.filter((child) => !gone.has(child));
  }
}
