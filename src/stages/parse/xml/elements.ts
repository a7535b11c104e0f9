import { SaxesParser, type SaxesTagNS } from 'saxes';
import { damaged } from '../zip.js';
import { prefixOf } from './namespaces.js';

/** Deeper than any program nests; what reads the trees recurses. */
const MAX_DEPTH = 400;

/** Declarations of namespaces are no attributes. */
const XMLNS = 'http://www.w3.org/2000/xmlns/';

/** An element as a small tree. Names carry the prefix of xml/namespaces.ts; names without a namespace carry none. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

export interface XmlSource {
  /** For messages. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** What a document type declaration is: refused (Office files may not have one), or passed over. Default: refused. */
  readonly doctype?: 'refuse' | 'skip';
}

/**
 * The elements that `wanted` picks, each as a whole when it has ended, so that a large part is never in memory at once.
 * Nothing is looked for inside a wanted element. No entity but XML's own five is known and nothing outside is fetched: a
 * document that uses others is refused.
 * @param wanted told an element's name and its parent's, which is '' for the root
 * @throws FootnoteError corrupt_document when it is not well-formed or nests deeper than 400 elements
 */
export async function* xmlElements(
  { name, bytes, doctype = 'refuse' }: XmlSource,
  wanted: (name: string, parent: string) => boolean,
): AsyncGenerator<XmlElement> {
  const done: XmlElement[] = [];
  const collector = new Collector(wanted, done);
  const parser = new SaxesParser({ xmlns: true, position: false });
  parser.on('error', (error) => {
    throw damaged(`${name} is not well-formed XML (${error.message.slice(0, 200)})`, error);
  });
  parser.on('doctype', () => {
    if (doctype === 'refuse') throw damaged(`${name} has a document type declaration, which Office files may not have`);
  });
  parser.on('opentag', (tag) => {
    if (collector.open(tag) > MAX_DEPTH) throw damaged(`${name} nests more than ${MAX_DEPTH} elements`);
  });
  parser.on('closetag', () => collector.close());
  parser.on('text', (text) => collector.text(text));
  parser.on('cdata', (text) => collector.text(text));
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  for await (const chunk of bytes) {
    decoder ??= new TextDecoder(encodingOf(chunk));
    parser.write(decoder.decode(chunk, { stream: true }));
    yield* done.splice(0);
  }
  parser.write(decoder?.decode() ?? '');
  parser.close();
  yield* done.splice(0);
}

/** The whole tree. @throws FootnoteError as `xmlElements` */
export async function xmlRoot(source: XmlSource): Promise<XmlElement> {
  for await (const root of xmlElements(source, (_, parent) => parent === '')) return root;
  throw damaged(`${source.name} is empty`);
}

interface Open {
  readonly name: string;
  /** Set inside a wanted element. */
  readonly children: (XmlElement | string)[] | undefined;
}

class Collector {
  readonly #wanted: (name: string, parent: string) => boolean;
  readonly #done: XmlElement[];
  readonly #open: Open[] = [];
  /** The wanted element that is open. */
  #top: XmlElement | undefined;

  constructor(wanted: (name: string, parent: string) => boolean, done: XmlElement[]) {
    this.#wanted = wanted;
    this.#done = done;
  }

  /** Returns the depth. */
  open(tag: SaxesTagNS): number {
    const name = qualified(tag.uri, tag.local);
    const above = this.#open.at(-1);
    const inside = above?.children !== undefined;
    if (!inside && !this.#wanted(name, above?.name ?? '')) {
      this.#open.push({ name, children: undefined });
      return this.#open.length;
    }
    const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
    for (const { uri, local, value } of Object.values(tag.attributes)) {
      if (uri !== XMLNS) attributes[qualified(uri, local)] = value;
    }
    const children: (XmlElement | string)[] = [];
    const element: XmlElement = { name, attributes, children };
    if (inside) above.children.push(element);
    else this.#top = element;
    this.#open.push({ name, children });
    return this.#open.length;
  }

  close(): void {
    this.#open.pop();
    if (this.#top === undefined || this.#open.at(-1)?.children !== undefined) return;
    this.#done.push(this.#top);
    this.#top = undefined;
  }

  text(text: string): void {
    this.#open.at(-1)?.children?.push(text);
  }
}

function qualified(namespace: string, local: string): string {
  const prefix = prefixOf(namespace);
  return prefix === '' ? local : `${prefix}:${local}`;
}

/** UTF-16 by its byte order mark or first character, else UTF-8: what XML in Office files and EPUB may be in. */
function encodingOf(start: Uint8Array): string {
  const [a, b] = start;
  if ((a === 0xff && b === 0xfe) || (a === 0x3c && b === 0)) return 'utf-16le';
  if ((a === 0xfe && b === 0xff) || (a === 0 && b === 0x3c)) return 'utf-16be';
  return 'utf-8';
}
