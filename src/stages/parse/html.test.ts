import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outline, parsed, words } from '../../../test/support/parse.js';

const page = readFileSync(new URL('../../../test/fixtures/parse/page.html', import.meta.url));

describe('the HTML parser', () => {
  it('lays out text like a browser', async () => {
    const document = await parsed(page, 'page.html');
    expect(document).toMatchObject({
      title: 'Eine Seite',
      language: 'de',
      mime: 'text/html',
      charset: 'utf-8',
      warnings: [],
    });
    expect(outline(document)).toEqual([
      'heading2: Grüße',
      'paragraph: Erster Absatz mit fetten Wörtern\nund einer zweiten Zeile. <Zeichen> & mehr.',
      'list_item: - eins',
      'list_item: - zwei',
      'list_item:   3. drei',
      'list_item:   4. vier',
      'paragraph: Masse',
      'table: Name | Wert\nA | 1\nB C | 2',
      'code: let a = 1;\n  let b = 2;',
      'quote: Ein Zitat.',
      'figure: Ein Bild',
      'figure: Die Legende',
    ]);
    const table = document.blocks.find((block) => block.kind === 'table')!;
    expect(words(document, { span: table.header! })).toBe('Name | Wert');
    expect(table.parts!.map((span) => words(document, { span }))).toEqual(['A | 1', 'B C | 2']);
    expect(document.blocks.find((block) => block.kind === 'code')!.language).toBe('js');
    expect(document.images).toMatchObject([{ alt: 'Ein Bild', uri: 'bild.png' }]);
  });

  it('shows nothing that a reader does not see', async () => {
    const { text } = await parsed(page, 'page.html');
    expect(text).not.toMatch(/script|secret|hidden|invisible|decoration|template|Navigation|color/i);
  });

  it('finds the main content of a page with much around it', async () => {
    const words = 'The storm came in the night, and nobody in the harbour had seen it on the map. '.repeat(12);
    const links = Array.from({ length: 60 }, (_, i) => `<li><a href="/${i}">Section number ${i}</a></li>`).join('');
    const document = await parsed(
      `<html><head><title>Storm | The Paper</title></head><body><div class="menu"><ul>${links}</ul></div>
       <article><h1>Storm</h1><p>${words}</p><p>${words}</p></article><div class="footer">All rights</div></body></html>`,
      'a.html',
    );
    expect(document.text).toContain('nobody in the harbour');
    expect(document.text).not.toContain('Section number');
  });

  it('falls back to the whole body', async () => {
    const document = await parsed('<ul><li>one<li>two</ul><table><tr><td>a<td>b<tr><td>c<td>d</table>', 'a.html');
    expect(outline(document)).toEqual(['list_item: - one', 'list_item: - two', 'table: a | b\nc | d']);
  });

  it('reads tables of layout as blocks', async () => {
    const document = await parsed(
      '<table><tr><td><h2>Head</h2><p>text</p></td><td><p>side</p></td></tr></table>',
      'a.html',
    );
    expect(document.blocks.map((block) => block.kind)).toEqual(['heading', 'paragraph', 'paragraph']);
  });

  it('believes the declared charset', async () => {
    const bytes = Buffer.concat([Buffer.from('<meta charset="windows-1251"><p>'), Buffer.from([0xcf, 0xf0, 0xe8])]);
    expect(await parsed(bytes, 'a.html')).toMatchObject({ text: 'При', charset: 'windows-1251' });
  });

  it('writes formulas by their source', async () => {
    const document = await parsed(
      '<p>where <img class="mwe-math-fallback-image-inline" aria-hidden="true" src="x.svg" alt="{\\displaystyle x^{2}}"> is</p>',
      'a.html',
    );
    expect(document.text).toBe('where x^{2} is');
  });

  it('survives deep nesting', async () => {
    const document = await parsed(`${'<div>'.repeat(3000)}deep${'</div>'.repeat(3000)}`, 'a.html');
    expect(document.text).toBe('deep');
  });
});
