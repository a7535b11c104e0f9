import { childOf, childrenOf, descend, integer, isOn } from '../xml/read.js';
import type { XmlElement } from '../xml/elements.js';

/** What a paragraph's style says of its role. */
export interface ParagraphStyle {
  /** 1 to 9, as the outline has it; undefined for body text. */
  readonly outline?: number;
  readonly role?: 'title' | 'quote' | 'code';
  readonly numbering?: NumberingRef;
  readonly hidden?: boolean;
}

export interface NumberingRef {
  /** `0` takes a paragraph out of the list that its style puts it in. */
  readonly id?: string;
  readonly level?: number;
}

export interface Styles {
  /** A paragraph style with what it is based on; of the default style for undefined. */
  paragraph(id: string | undefined): ParagraphStyle;
  /** Whether text in a character style is hidden. */
  hides(id: string | undefined): boolean;
}

interface Raw extends ParagraphStyle {
  readonly basedOn?: string;
}

/** A style is based on another one, that on a third; more than this many are a loop. */
const MAX_CHAIN = 30;

/** @param root `w:styles`; a document may have none */
export function readStyles(root: XmlElement | undefined): Styles {
  const raw = new Map<string, Raw>();
  let standard: string | undefined;
  for (const style of childrenOf(root, 'w:style')) {
    const id = style.attributes['w:styleId'];
    if (id === undefined) continue;
    raw.set(id, rawStyle(style));
    const isDefault = isOn(style.attributes['w:default'], false) && style.attributes['w:type'] === 'paragraph';
    if (isDefault) standard ??= id;
  }
  const resolved = new Map<string, ParagraphStyle>();
  const resolve = (id: string | undefined): ParagraphStyle => {
    if (id === undefined) return {};
    const known = resolved.get(id);
    if (known) return known;
    let style: Raw = {};
    let at: string | undefined = id;
    for (let i = 0; at !== undefined && i < MAX_CHAIN; i += 1) {
      const next: Raw | undefined = raw.get(at);
      const numbering: NumberingRef = { ...next?.numbering, ...style.numbering };
      // What the style itself says goes before what it is based on.
      style = { ...next, ...style, ...(Object.keys(numbering).length > 0 && { numbering }) };
      at = next?.basedOn;
    }
    resolved.set(id, style);
    return style;
  };
  return {
    paragraph: (id) => resolve(id !== undefined && raw.has(id) ? id : standard),
    hides: (id) => resolve(id).hidden === true,
  };
}

function rawStyle(style: XmlElement): Raw {
  const name = (childOf(style, 'w:name')?.attributes['w:val'] ?? '').toLowerCase();
  const properties = childOf(style, 'w:pPr');
  const basedOn = childOf(style, 'w:basedOn')?.attributes['w:val'];
  const outline = outlineOf(properties) ?? namedOutline(name);
  const role = roleOf(name);
  const numbering = numberingOf(properties);
  const hidden = isHidden(childOf(style, 'w:rPr'));
  return {
    ...(basedOn !== undefined && { basedOn }),
    ...(outline !== undefined && { outline }),
    ...(role !== undefined && { role }),
    ...(numbering !== undefined && { numbering }),
    ...(hidden !== undefined && { hidden }),
  };
}

/** `heading 1`, the name of the built-in style in every language of the program. */
function namedOutline(name: string): number | undefined {
  return integer(/^heading ([1-9])$/.exec(name)?.[1]);
}

function roleOf(name: string): ParagraphStyle['role'] {
  if (name === 'title') return 'title';
  if (/^(?:quote|intense quote|block text|block quotation|quotations)$/.test(name)) return 'quote';
  return /^(?:html preformatted|macro text|preformatted text|.*\b(?:source code|code block|code listing))$|^code$/.test(
    name,
  )
    ? 'code'
    : undefined;
}

/** The outline level of paragraph properties, 1 to 9; 10 (body text) takes a paragraph out of the outline. */
export function outlineOf(properties: XmlElement | undefined): number | undefined {
  const value = integer(childOf(properties, 'w:outlineLvl')?.attributes['w:val']);
  return value === undefined ? undefined : value + 1;
}

export function numberingOf(properties: XmlElement | undefined): NumberingRef | undefined {
  const numbering = childOf(properties, 'w:numPr');
  const id = childOf(numbering, 'w:numId')?.attributes['w:val'];
  const level = integer(childOf(numbering, 'w:ilvl')?.attributes['w:val']);
  if (id === undefined && level === undefined) return undefined;
  return { ...(id !== undefined && { id }), ...(level !== undefined && { level }) };
}

/** What run properties say of hiding; undefined when nothing. */
export function isHidden(properties: XmlElement | undefined): boolean | undefined {
  const vanish = childOf(properties, 'w:vanish');
  return vanish ? isOn(vanish.attributes['w:val'], true) : undefined;
}

/** The style's id of a paragraph's or run's properties. */
export function styleIdOf(properties: XmlElement | undefined, element: 'w:pStyle' | 'w:rStyle'): string | undefined {
  return descend(properties, element)?.attributes['w:val'];
}
