import { describe, expect, it } from 'vitest';
import { outline, parsed } from '../../../test/support/parse.js';

describe('the text parser', () => {
  it('finds paragraphs in normalized text', async () => {
    const document = await parsed('\ufeffFirst\r\nline\r\n\r\n \r\ne\u0301 second\u0000\n', 'a.txt');
    expect(document.text).toBe('First\nline\n\n \n\u00e9 second\n');
    expect(outline(document)).toEqual(['paragraph: First\nline', 'paragraph: \u00e9 second']);
  });

  it('warns of an empty document', async () => {
    for (const content of ['', ' \n\n']) {
      const document = await parsed(content, 'a.txt');
      expect(document.blocks).toEqual([]);
      expect(document.warnings.map((warning) => warning.code)).toEqual(['empty_document']);
    }
  });

  it('mends lone surrogates', async () => {
    const bytes = new Uint8Array([0xff, 0xfe, 0x61, 0, 0, 0xd8, 0x62, 0]);
    expect((await parsed(bytes, 'a.txt')).text).toBe('a\ufffdb');
  });
});

describe('the code parser', () => {
  it('cuts at top-level definitions with their comments', async () => {
    const source =
      'import a\n\n# about f\n@deco\ndef f():\n    x = 1\n\n    return x\n\nif a:\n    b()\n\nelse:\n    c()\n';
    const document = await parsed(source, 'a.py');
    expect(document.text).toBe(source);
    expect(document.blocks.every((block) => block.language === 'python')).toBe(true);
    expect(outline(document)).toEqual([
      'code: import a',
      'code: # about f\n@deco\ndef f():\n    x = 1\n\n    return x',
      'code: if a:\n    b()\n\nelse:\n    c()',
    ]);
  });

  it('gives long definitions parts', async () => {
    const body = Array.from({ length: 12 }, (_, i) => `  method${i}() {\n    return ${i};\n  }\n`).join('\n');
    const document = await parsed(`class A {\n${body}}\n`, 'a.ts');
    expect(document.blocks).toHaveLength(1);
    expect(document.blocks[0]!.parts).toHaveLength(12);
  });

  it('reads very many blank lines and one very long line', async () => {
    await parsed('x\n\n'.repeat(200_000), 'a.c');
    await parsed('x'.repeat(3_000_000), 'a.json');
  });
});
