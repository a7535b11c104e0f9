import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { outline, parsed, words } from '../../../test/support/parse.js';

const sample = readFileSync(new URL('../../../test/fixtures/parse/sample.md', import.meta.url));

describe('the Markdown parser', () => {
  it('keeps the source as its text and the structure in blocks', async () => {
    const document = await parsed(sample, 'sample.md');
    expect(document.text).toBe(sample.toString());
    expect(document).toMatchObject({
      title: 'A sample: café',
      language: 'en',
      mime: 'text/markdown',
      charset: 'utf-8',
      warnings: [],
    });
    expect(outline(document)).toEqual([
      expect.stringMatching(/^front_matter: ---\ntitle/),
      'paragraph: Intro paragraph with **bold** words\nover two lines.',
      'heading1: # First heading with `code` and *stars*',
      'list_item: - one',
      'list_item: - two with a [link](https://example.org)',
      'list_item: - nested item',
      'list_item: 1. first',
      'list_item: 2. second',
      'paragraph: a paragraph inside the second item',
      'code: ```js\n   const inside = 1;\n   ```',
      'quote: > A quote\n> over two lines.',
      'quote: > [!NOTE]',
      'heading2: ## A heading in a quote',
      'quote: and text',
      expect.stringMatching(/^table: \| Name/),
      expect.stringMatching(/^code: ```python/),
      'figure: ![A picture](picture.png)',
      'other: <details>raw html</details>',
      'heading2: Setext heading\n--------------',
      'paragraph: Footnote[^1] and hard  \nbreak.',
      'paragraph: [^1]: The note.',
      'other: [ref]: https://example.org',
    ]);
  });

  it('names headings by their words, tables by their rows and code by its definitions', async () => {
    const document = await parsed(sample, 'sample.md');
    const block = (kind: string, index = 0) => document.blocks.filter((one) => one.kind === kind)[index]!;
    expect(block('heading').title).toBe('First heading with code and stars');
    const table = block('table');
    expect(words(document, { span: table.header! })).toBe('| Name | Value |');
    expect(table.parts!.map((span) => words(document, { span }))).toEqual(['| a    | 1     |', '| b 😀 | 2     |']);
    const code = block('code', 1);
    expect(code.language).toBe('python');
    expect(code.parts!.map((span) => words(document, { span }))).toEqual([
      'def first():\n    return 1',
      'def second():\n    return 2',
    ]);
    expect(document.images).toEqual([
      { at: document.text.indexOf('![A picture]'), alt: 'A picture', uri: 'picture.png' },
    ]);
  });

  it('takes the title from the first top heading', async () => {
    expect((await parsed('## Two\n\n# One\n\n# Other', 'a.md')).title).toBe('One');
    expect((await parsed('no heading', 'a.md')).title).toBeUndefined();
  });

  it('warns of bad front matter and goes on', async () => {
    const document = await parsed('---\ntitle: [unclosed\n---\n\n# H', 'a.md');
    expect(document.title).toBe('H');
    expect(document.warnings.map((warning) => warning.code)).toEqual(['front_matter_invalid']);
  });

  it('does not expand hostile front matter', async () => {
    const bomb = Array.from(
      { length: 12 },
      (_, i) =>
        `a${i}: &a${i} [${
          i === 0
            ? 'x'
            : Array(9)
                .fill(`*a${i - 1}`)
                .join(',')
        }]`,
    );
    const document = await parsed(`---\n${bomb.join('\n')}\n---\ntext`, 'a.md');
    expect(document.warnings.map((warning) => warning.code)).toEqual(['front_matter_invalid']);
  });

  it.each([
    ['quotes', '>'.repeat(100_000)],
    ['brackets', '['.repeat(100_000)],
    ['lists', '- '.repeat(50_000)],
    ['emphasis', '**a_ '.repeat(30_000)],
  ])('reads hostile nesting of %s as plain text', async (_, source) => {
    const document = await parsed(`before\n\n${source}\n\nafter`, 'a.md');
    expect(document.warnings.map((warning) => warning.code)).toEqual(['markdown_too_complex']);
    expect(document.blocks).toHaveLength(3);
  });

  it('does not take rules and tables for nesting', async () => {
    const source = `${'-'.repeat(300)}\n\n${'* '.repeat(40)}\n\n| a |${' --- |'.repeat(200)}\n`;
    expect((await parsed(source, 'a.md')).warnings).toEqual([]);
  });
});
