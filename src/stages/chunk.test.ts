import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block, BlockKind, Chunk, ParsedDocument } from '../core/document.js';
import { DEFAULT_CHUNKER, chunkDocument, chunkerFingerprint } from './chunk.js';
import type { ChunkerOptions } from './chunk.js';
import { modelInput } from './model-input.js';

const of = { documentId: '3f0c2f6e-4a3b-5d1c-8e9f-0a1b2c3d4e5f', revision: 'r1' };

/** Like WordPiece: white space separates, six characters a token, so that counts of pieces add up exactly. */
const countWord = (text: string): number =>
  text.split(/\s+/).reduce((sum, word) => sum + Math.ceil([...word].length / 6), 0);
const count = (texts: readonly string[]): number[] => texts.map(countWord);

function parsed(text: string, blocks: readonly Block[], more: Partial<ParsedDocument> = {}): ParsedDocument {
  return { text, blocks, images: [], warnings: [], mime: 'text/plain', parser: 'test@1', ...more };
}

/** A document of blocks put together with blank lines; `kind` null is text outside any block. */
function build(parts: readonly { kind: BlockKind | null; text: string; level?: number }[]): ParsedDocument {
  let text = '';
  const blocks: Block[] = [];
  for (const part of parts) {
    if (text !== '') text += '\n\n';
    const start = text.length;
    text += part.text;
    if (part.kind === null || part.text.trim() === '') continue;
    const span = { start, end: text.length };
    blocks.push(
      part.kind === 'heading' ? { kind: part.kind, span, level: part.level ?? 1 } : { kind: part.kind, span },
    );
  }
  return parsed(text, blocks);
}

const sentence = 'The key turns in the lock and the door opens for the guest. ';
const paragraph = (sentences: number, text = sentence): string => text.repeat(sentences).trim();

/** Everything that must hold of any chunks of any document. */
function checkLaws(document: ParsedDocument, chunks: readonly Chunk[], options: ChunkerOptions): void {
  const { text } = document;
  const covered = new Uint8Array(text.length);
  let last = 0;
  chunks.forEach((chunk, i) => {
    expect(chunk.ordinal).toBe(i);
    expect(text.slice(chunk.span.start, chunk.span.end)).toBe(chunk.text);
    expect(chunk.text).not.toBe('');
    expect(chunk.text).toBe(chunk.text.trim());
    expect(chunk.text.isWellFormed()).toBe(true);
    expect(chunk.span.start).toBeGreaterThanOrEqual(last);
    last = chunk.span.end;
    covered.fill(1, chunk.span.start, chunk.span.end);
    const exact = options.specialTokens + countWord(options.prefix + modelInput(chunk.context + chunk.text));
    expect(exact).toBeLessThanOrEqual(options.maxTokens);
    // After the full stops of scripts without spaces this counter rounds up once more.
    if (/[。！？；]/.test(chunk.text)) expect(chunk.tokens).toBeGreaterThanOrEqual(exact);
    else expect(chunk.tokens).toBe(exact);
    // Never inside a word, unless the word alone is too long for a chunk.
    for (const cut of [chunk.span.start, chunk.span.end]) {
      if (cut === 0 || cut === text.length || /\s/.test(text.charAt(cut - 1) + text.charAt(cut))) continue;
      const word = (/\S*$/.exec(text.slice(0, cut))?.[0] ?? '') + (/^\S*/.exec(text.slice(cut))?.[0] ?? '');
      const room = options.maxTokens - options.specialTokens - countWord(options.prefix);
      const most = room - Math.min(options.contextTokens, Math.floor(room / 2));
      const tooLong = countWord(word) > most || word.length > Math.max(64, 24 * Math.min(most, options.targetTokens));
      expect(tooLong || /[。！？；]$/.test(text.slice(0, cut))).toBe(true);
    }
  });
  for (let i = 0; i < text.length; i++) if (!covered[i]) expect(text.charAt(i)).toMatch(/\s/);
  expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(chunks.length);
}

describe('chunkDocument', () => {
  it('keeps every law on random documents', () => {
    const word = fc.oneof(
      { weight: 20, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
      { weight: 3, arbitrary: fc.constantFrom('Dr.', 'e.g.', 'naïve', '東京都は大きい。', '👩‍👩‍👧‍👦', '|', 'a.b.c', 'end.') },
      { weight: 1, arbitrary: fc.integer({ min: 30, max: 400 }).map((n) => 'x'.repeat(n)) },
      { weight: 1, arbitrary: fc.integer({ min: 20, max: 90 }).map((n) => '👍🏽'.repeat(n)) },
    );
    const text = fc.array(fc.tuple(word, fc.constantFrom(' ', '\n', '  ', '\t')), { maxLength: 120 }).map((words) =>
      words
        .map(([w, s]) => w + s)
        .join('')
        .toWellFormed(),
    );
    const kinds = fc.constantFrom<(BlockKind | null)[]>(
      'heading',
      'paragraph',
      'list_item',
      'table',
      'code',
      'quote',
      null,
    );
    const part = fc.record({ kind: kinds, text, level: fc.integer({ min: 1, max: 6 }) });
    const documents = fc.array(part, { maxLength: 12 }).map(build);
    const options = fc.record({
      targetTokens: fc.integer({ min: 4, max: 60 }),
      contextTokens: fc.integer({ min: 0, max: 30 }),
      maxTokens: fc.integer({ min: 16, max: 100 }),
      specialTokens: fc.constantFrom(0, 2),
      prefix: fc.constantFrom('', 'passage: '),
    });
    fc.assert(
      fc.property(documents, options, fc.option(fc.string(), { nil: undefined }), (document, given, title) => {
        const chunks = chunkDocument(document, title === undefined ? of : { ...of, title }, given, count);
        checkLaws(document, chunks, given);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it('gives heading paths as context, outside the span, and never joins two sections', () => {
    const document = build([
      { kind: 'heading', text: '# Manual' },
      { kind: 'paragraph', text: paragraph(1) },
      { kind: 'heading', text: '## Keys', level: 2 },
      { kind: 'heading', text: '### Turning', level: 3 },
      { kind: 'paragraph', text: paragraph(2) },
      { kind: 'heading', text: '## Doors', level: 2 },
      { kind: 'paragraph', text: paragraph(1) },
    ]);
    const titled = {
      ...document,
      blocks: document.blocks.map((block) =>
        block.kind === 'heading'
          ? { ...block, title: document.text.slice(block.span.start, block.span.end).replace(/^#+ /, '') }
          : block,
      ),
    };
    const chunks = chunkDocument(titled, of, DEFAULT_CHUNKER, count);
    expect(chunks.map((chunk) => chunk.headings)).toEqual([
      ['Manual'],
      ['Manual', 'Keys', 'Turning'],
      ['Manual', 'Doors'],
    ]);
    expect(chunks[1]?.context).toBe('Manual › Keys › Turning\n');
    expect(chunks[1]?.text).toMatch(/^## Keys\n\n### Turning\n\nThe key/);
    const other = chunkDocument(titled, { ...of, title: 'The house' }, DEFAULT_CHUNKER, count);
    expect(other[0]?.headings).toEqual(['The house', 'Manual']);
  });

  it('repeats a table header as context of the chunks that continue the table, and cuts between rows', () => {
    const header = '| name | meaning |\n| --- | --- |';
    const rows = Array.from({ length: 80 }, (_, i) => `| row ${i} | what row ${i} means |`);
    const text = [header, ...rows].join('\n');
    const document = parsed(text, [
      { kind: 'table', span: { start: 0, end: text.length }, header: { start: 0, end: header.length } },
    ]);
    const chunks = chunkDocument(document, of, DEFAULT_CHUNKER, count);
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks[0]?.context).toBe('');
    for (const chunk of chunks.slice(1)) {
      expect(chunk.context).toBe(`${header}\n`);
      expect(chunk.text).toMatch(/^\| row \d+ \|/);
      expect(chunk.kind).toBe('table');
    }
    checkLaws(document, chunks, DEFAULT_CHUNKER);
  });

  it('keeps a section whole that fits the model, and cuts a longer one small', () => {
    const section = (sentences: number) => [
      { kind: 'heading' as const, text: 'Part', level: 1 },
      { kind: 'paragraph' as const, text: paragraph(sentences) },
      { kind: 'paragraph' as const, text: paragraph(sentences) },
    ];
    const cut = (sentences: number) => {
      const document = build(section(sentences));
      const chunks = chunkDocument(document, of, DEFAULT_CHUNKER, count);
      checkLaws(document, chunks, DEFAULT_CHUNKER);
      return { chunks, total: count([document.text])[0] ?? 0 };
    };
    const short = cut(8);
    expect(short.total).toBeGreaterThan(DEFAULT_CHUNKER.targetTokens);
    expect(short.chunks).toHaveLength(1);
    const long = cut(24);
    expect(long.total).toBeGreaterThan(DEFAULT_CHUNKER.maxTokens);
    expect(Math.max(...long.chunks.map((chunk) => chunk.tokens))).toBeLessThan(DEFAULT_CHUNKER.targetTokens + 60);
  });

  it('counts a rule as the three signs that the model gets of it', () => {
    const dashes = '-'.repeat(400);
    expect(modelInput(`| ${dashes} |\na--b ____ 1.5`)).toBe('| --- |\na--b ___ 1.5');
    const table = `| Name | Meaning |\n| ${dashes} | ${dashes} |\n| a | the first |\n| b | the second |`;
    const document = build([{ kind: 'table', text: table }]);
    const chunks = chunkDocument(document, of, DEFAULT_CHUNKER, count);
    checkLaws(document, chunks, DEFAULT_CHUNKER);
    expect(chunks).toHaveLength(1);
  });

  it('changes only the chunks near an edited paragraph', () => {
    const words = (i: number): string =>
      paragraph(1 + (i % 4), `Sentence ${i} of the long text says this and that again. `);
    const parts = Array.from({ length: 200 }, (_, i) => ({ kind: 'paragraph' as const, text: words(i) }));
    const edited = parts.map((part, i) =>
      i === 100 ? { ...part, text: paragraph(3, 'Wholly other words stand here. ') } : part,
    );
    const texts = (list: typeof parts): string[] =>
      chunkDocument(build(list), of, DEFAULT_CHUNKER, count).map((chunk) => chunk.text);
    const before = texts(parts);
    const known = new Set(before);
    const changed = texts(edited).filter((text) => !known.has(text));
    expect(before.length).toBeGreaterThan(50);
    expect(changed.length).toBeLessThanOrEqual(4);
  });

  it('cuts a hostile line of 10 MB in bounded time, without splitting pairs', () => {
    const quick = (texts: readonly string[]): number[] => texts.map((text) => Math.ceil(text.length / 4));
    for (const text of ['a'.repeat(10_000_000), '𝕏'.repeat(250_000), 'ab. '.repeat(2_500_000), '.'.repeat(5_000_000)]) {
      const chunks = chunkDocument(parsed(text, []), of, DEFAULT_CHUNKER, quick);
      expect(chunks.every((chunk) => chunk.text.isWellFormed() && chunk.tokens <= 256)).toBe(true);
      expect(chunks.reduce((sum, chunk) => sum + chunk.text.replace(/\s/g, '').length, 0)).toBe(
        text.replace(/\s/g, '').length,
      );
    }
  }, 120_000);

  it('stays within the limit for a tokenizer whose counts do not add up', () => {
    const glued = (texts: readonly string[]): number[] =>
      texts.map((text) => Math.ceil(text.length / 3) + (text.length > 200 ? 90 : 0));
    const document = build([{ kind: 'paragraph', text: paragraph(60) }]);
    for (const chunk of chunkDocument(document, of, { ...DEFAULT_CHUNKER, targetTokens: 200, maxTokens: 230 }, glued)) {
      expect((glued([chunk.context + chunk.text])[0] ?? 0) + 2).toBeLessThanOrEqual(230);
    }
  });

  it('counts each piece of text about once', () => {
    let counted = 0;
    const document = build(
      Array.from({ length: 100 }, (_, i) => ({ kind: 'paragraph' as const, text: paragraph(1 + (i % 12)) })),
    );
    chunkDocument(document, of, DEFAULT_CHUNKER, (texts) => {
      counted += texts.reduce((sum, text) => sum + text.length, 0);
      return count(texts);
    });
    expect(counted).toBeLessThan(1.05 * document.text.length);
  });

  it('knows pages, kinds and empty documents', () => {
    const document = build([
      { kind: 'paragraph', text: paragraph(6) },
      { kind: 'code', text: `let a = 1;\n${'b(a);\n'.repeat(200)}` },
    ]);
    const half = document.blocks[1]?.span.start ?? 0;
    const page = (number: number, start: number, end: number) => ({
      number,
      span: { start, end },
      width: 1,
      height: 1,
    });
    const paged = { ...document, pages: [page(1, 0, half), page(2, half, document.text.length)] };
    const chunks = chunkDocument(paged, of, DEFAULT_CHUNKER, count);
    expect(chunks[0]?.page).toBe(1);
    expect(chunks.at(-1)).toMatchObject({ page: 2, kind: 'code' });
    expect(chunkDocument(parsed('', []), of, DEFAULT_CHUNKER, count)).toEqual([]);
    expect(chunkDocument(parsed(' \n ', []), of, DEFAULT_CHUNKER, count)).toEqual([]);
    expect(() => chunkDocument(paged, of, { ...DEFAULT_CHUNKER, maxTokens: 2 }, count)).toThrow(RangeError);
  });

  it('has a fingerprint of every option', () => {
    const base = chunkerFingerprint(DEFAULT_CHUNKER);
    expect(base).toMatch(/^[0-9a-f]{16}$/);
    const others: ChunkerOptions[] = [
      { ...DEFAULT_CHUNKER, targetTokens: 97 },
      { ...DEFAULT_CHUNKER, contextTokens: 1 },
      { ...DEFAULT_CHUNKER, maxTokens: 512 },
      { ...DEFAULT_CHUNKER, specialTokens: 0 },
      { ...DEFAULT_CHUNKER, prefix: 'passage: ' },
    ];
    expect(new Set([base, ...others.map(chunkerFingerprint)]).size).toBe(6);
  });
});
