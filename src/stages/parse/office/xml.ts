import { load } from 'cheerio';
import { type Element, isElement, isText, type ParentNode } from '../html/dom.js';
import type { Parts } from './archive.js';
import { corrupt } from './archive.js';

/** Deeper trees are hostile: Office nests a few dozen. */
const MAX_DEPTH = 256;

/** A part's root element. Prefixes are dropped from names and attributes: strict and transitional files differ in them. */
export function readXml(parts: Parts, name: string): Element | undefined {
  const bytes = parts.get(name);
  if (!bytes) return undefined;
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes);
  // Office has no use for them, and they expand or read other files.
  if (/<!DOCTYPE/i.test(text)) throw corrupt(`${name} declares a document type, which may not be there`);
  const root = load(text, { xml: true }).root()[0]!.children.find(isElement);
  if (!root) throw corrupt(`${name} is empty`);
  return root;
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

export function localName({ name }: Element): string {
  return name.slice(name.indexOf(':') + 1);
}

/** An attribute by its local name. */
export function attribute({ attribs }: Element, name: string): string | undefined {
  if (attribs[name] !== undefined) return attribs[name];
  return Object.entries(attribs).find(([key]) => key.endsWith(`:${name}`))?.[1];
}

export function childrenOf(parent: ParentNode, name?: string): Element[] {
  return parent.children.filter(isElement).filter((child) => name === undefined || localName(child) === name);
}

export function childOf(parent: ParentNode, ...path: string[]): Element | undefined {
  let at: Element | undefined;
  for (const name of path) {
    at = childrenOf(at ?? parent, name)[0];
    if (!at) return undefined;
  }
  return at;
}

/** Elements below, in document order; `enter` false: what is in it is left out. */
export function* descendants(parent: ParentNode, depth = 0): Generator<Element> {
  if (depth > MAX_DEPTH) throw corrupt('its elements are nested too deeply');
  for (const child of childrenOf(parent)) {
    yield child;
    yield* descendants(child, depth + 1);
  }
}

/** Targets of a part's relationships by id, as names in the container. */
export function relationsOf(parts: Parts, part: string): ReadonlyMap<string, { type: string; target: string }> {
  const at = part.lastIndexOf('/');
  const folder = part.slice(0, at + 1);
  const root = readXml(parts, `${folder}_rels/${part.slice(at + 1)}.rels`);
  const relations = new Map<string, { type: string; target: string }>();
  for (const relation of root ? childrenOf(root, 'Relationship') : []) {
    const [id, target, type] = ['Id', 'Target', 'Type'].map((name) => attribute(relation, name) ?? '') as [
      string,
      string,
      string,
    ];
    if (attribute(relation, 'TargetMode') === 'External') continue;
    relations.set(id, { type: type.slice(type.lastIndexOf('/') + 1), target: resolveIn(folder, target) });
  }
  return relations;
}

/** A reference of one part to another, as a name in the container. */
export function resolveIn(folder: string, reference: string): string {
  const path: string[] = [];
  for (const step of (reference.startsWith('/') ? reference : `${folder}${reference}`).split('/')) {
    if (step === '..') path.pop();
    else if (step !== '' && step !== '.') path.push(step);
  }
  return path.join('/');
}

/** The title in the document's properties. */
export function titleOf(parts: Parts): string | undefined {
  try {
    const core = readXml(parts, 'docProps/core.xml');
    const title = core && childOf(core, 'title');
    return (title && textOf(title).trim()) || undefined;
  } catch {
    return undefined;
  }
}

export function textOf(element: ParentNode): string {
  return element.children.map((child) => (isText(child) ? child.data : isElement(child) ? textOf(child) : '')).join('');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
