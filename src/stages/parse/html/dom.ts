import { type AnyNode, type Document, type Element, isTag, isText, type ParentNode } from 'domhandler';

export { type AnyNode, type Document, type Element, isText, type ParentNode };

/** Scripts and styles included. */
export const isElement: (node: AnyNode) => node is Element = isTag;

/**
 * Depth-first without recursion, as a document may nest deeper than the stack. `enter` returns false to leave out an
 * element's children; `leave` is called for every element that was entered.
 */
export function walk(
  root: ParentNode,
  enter: (node: AnyNode, depth: number) => boolean,
  leave?: (element: Element) => void,
): void {
  const frames: { parent: ParentNode; next: number }[] = [{ parent: root, next: 0 }];
  while (frames.length > 0) {
    const frame = frames.at(-1)!;
    const child = frame.parent.children[frame.next];
    if (!child) {
      frames.pop();
      if (frames.length > 0) leave?.(frame.parent as Element);
      continue;
    }
    frame.next += 1;
    const inside = enter(child, frames.length);
    if (!isElement(child)) continue;
    if (inside && child.children.length > 0) frames.push({ parent: child, next: 0 });
    else leave?.(child);
  }
}

/** White space as browsers fold it; invisible break opportunities and soft hyphens go, no-break spaces become spaces. */
export function fold(text: string): string {
  return text
    .replace(/[\u00ad\u200b\u2060\ufeff]/g, '')
    .replace(/[ \t\n\r\f]+/g, ' ')
    .replaceAll('\u00a0', ' ');
}

/** All text below an element on one line; blocks and line breaks inside it become spaces. */
export function flatText(root: ParentNode): string {
  const pieces: string[] = [];
  walk(
    root,
    (node) => {
      if (isText(node)) pieces.push(node.data);
      else if (isElement(node) && (node.name === 'br' || BLOCKS.has(node.name))) pieces.push(' ');
      return true;
    },
    (element) => {
      if (BLOCKS.has(element.name)) pieces.push(' ');
    },
  );
  return fold(pieces.join('')).replace(/ {2,}/g, ' ').trim();
}

/** Elements that begin and end lines (HTML Standard, rendering section), table parts included. */
export const BLOCKS: ReadonlySet<string> = new Set(
  (
    'address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer ' +
    'form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu nav ol optgroup option p plaintext pre search ' +
    'section summary table tbody td tfoot th thead tr ul xmp'
  ).split(' '),
);
