import { describe, expect, it } from 'vitest';
import { xmlElements, xmlRoot, type XmlElement } from './elements.js';
import { childOf, textOf } from './read.js';

async function* pieces(xml: string | Buffer, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(xml as string);
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
const source = (xml: string | Buffer) => ({ name: 'part.xml', bytes: pieces(xml) });
const W = 'xmlns:x="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';

describe('XML', () => {
  it('names elements by their vocabulary, whatever prefix is used', async () => {
    const strict = 'xmlns="http://purl.oclc.org/ooxml/wordprocessingml/main"';
    for (const xml of [`<x:p ${W} x:val="1" own="2"><x:t>é😀</x:t></x:p>`, `<p ${strict}><t>é😀</t></p>`]) {
      const root = await xmlRoot(source(xml));
      expect(root.name).toBe('w:p');
      expect(textOf(childOf(root, 'w:t'))).toBe('é😀');
    }
    expect((await xmlRoot(source(`<x:p ${W} x:val="1" own="2"/>`))).attributes).toEqual({ 'w:val': '1', own: '2' });
    expect((await xmlRoot(source('<a xmlns="urn:of:another"/>'))).name).toBe('?:a');
  });

  it('gives the wanted elements one by one', async () => {
    const found: XmlElement[] = [];
    const xml = '<body><p>1</p><q><p>2</p></q><p><p>3</p></p></body>';
    for await (const element of xmlElements(source(xml), (name, parent) => name === 'p' && parent !== ''))
      found.push(element);
    expect(found.map((element) => element.children)).toEqual([
      ['1'],
      ['2'],
      [expect.objectContaining({ children: ['3'] })],
    ]);
  });

  it('reads UTF-16', async () => {
    const root = await xmlRoot(source(Buffer.from('\ufeff<?xml version="1.0" encoding="UTF-16"?><a>é</a>', 'utf16le')));
    expect(textOf(root)).toBe('é');
  });

  const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
  it.each([
    ['an entity bomb', `<!DOCTYPE a [<!ENTITY l0 "lol">${laughs}]><a>&l9;</a>`],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['an external document type', '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['nesting without end', '<a>'.repeat(100_000)],
    ['an end that is missing', '<a><b></b>'],
    ['tags that cross', '<a><b></a></b>'],
    ['a prefix that is not declared', '<w:p/>'],
    ['no root', ''],
    ['text after the root', '<a/>b'],
    ['a control character', '<a>&#1;</a>'],
  ])('refuses %s', async (_, xml) => {
    await expect(xmlRoot(source(xml))).rejects.toMatchObject({ code: 'corrupt_document' });
  });

  it('knows no entity of a document type that it passes over', async () => {
    const skipping = (xml: string) => xmlRoot({ ...source(xml), doctype: 'skip' });
    expect(textOf(await skipping('<!DOCTYPE a SYSTEM "a.dtd"><a>&amp;</a>'))).toBe('&');
    const external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
    await expect(skipping(external)).rejects.toMatchObject({ code: 'corrupt_document' });
  });
});
