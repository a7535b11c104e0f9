import type { XmlElement } from './elements.js';

/** Child elements, all or those of one name. */
export function* childrenOf(element: XmlElement | undefined, name?: string): Generator<XmlElement> {
  for (const child of element?.children ?? []) {
    if (typeof child !== 'string' && (name === undefined || child.name === name)) yield child;
  }
}

/** The first child element of a name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  for (const child of childrenOf(element, name)) return child;
  return undefined;
}

/** The element at the end of a path of first children. */
export function descend(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  return path.reduce((at, name) => childOf(at, name), element);
}

/** All elements below, depth first; nothing inside those that `skip` names. */
export function* descendantsOf(element: XmlElement, skip?: (name: string) => boolean): Generator<XmlElement> {
  for (const child of childrenOf(element)) {
    yield child;
    if (!skip?.(child.name)) yield* descendantsOf(child, skip);
  }
}

/** The text directly inside an element. */
export function textOf(element: XmlElement | undefined): string {
  return element === undefined ? '' : element.children.filter((child) => typeof child === 'string').join('');
}

/** A whole number; undefined when it is none. */
export function integer(value: string | undefined): number | undefined {
  return value !== undefined && /^[+-]?\d{1,15}$/.test(value.trim()) ? Number(value) : undefined;
}

/** XML Schema's and Office's ways to say yes: absent as `absent` says, else anything but a no. */
export function isOn(value: string | undefined, absent: boolean): boolean {
  return value === undefined ? absent : !/^(?:0|false|off|f)$/.test(value);
}
