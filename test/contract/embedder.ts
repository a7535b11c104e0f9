import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Embedder } from '../../src/core/ports/models.js';

export interface EmbedderUnderTest {
  readonly embedder: Embedder;
  /** Queries cut so far. */
  readonly truncated: () => number;
}

export type MakeEmbedder = (options: { queueBytes: number }) => Promise<EmbedderUnderTest>;

const QUEUE = 8 * 1024 * 1024;

/** Texts of many lengths, languages and shapes; all different. */
function manyTexts(count: number): string[] {
  const words =
    'the quick brown fox jumps over a lazy dog while größere Züge 東京 к северу 😀 and x+y=3 (see table)'.split(' ');
  return Array.from({ length: count }, (_, index) => {
    const length = 1 + ((index * 7) % 23) + (index % 50 === 0 ? 60 : 0);
    return `${index} ${Array.from({ length }, (_, at) => words[(index * 31 + at * 17) % words.length]).join(' ')}`;
  });
}

const bits = (vector: Float32Array): string =>
  Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('hex');

/** What every Embedder must do. */
export function describeEmbedderContract(name: string, make: MakeEmbedder): void {
  describe(`Embedder contract: ${name}`, () => {
    let subject: EmbedderUnderTest;
    let embedder: Embedder;
    beforeAll(async () => {
      subject = await make({ queueBytes: QUEUE });
      embedder = subject.embedder;
    });
    afterAll(async () => {
      await embedder?.close();
    });

    it('gives bit-equal vectors alone, among others, in any order and at the same time (law 3)', async () => {
      const texts = manyTexts(200);
      const alone: string[] = [];
      for (const text of texts) alone.push(bits((await embedder.embed([text], 'document'))[0]!));
      const reversed = [...texts].reverse();
      const half = texts.length / 2;
      const [together, backwards, first, second, query] = await Promise.all([
        embedder.embed(texts, 'document'),
        embedder.embed(reversed, 'document'),
        embedder.embed(texts.slice(0, half), 'document'),
        embedder.embed(texts.slice(half), 'document'),
        embedder.embed(['a question'], 'query'),
      ]);
      expect(together.map(bits)).toEqual(alone);
      expect(backwards.map(bits).reverse()).toEqual(alone);
      expect([...first, ...second].map(bits)).toEqual(alone);
      expect((await embedder.embed(['a question'], 'query')).map(bits)).toEqual(query.map(bits));
      expect(new Set(alone).size).toBe(texts.length);
    });

    it('gives unit vectors of its dimensions that share no memory', async () => {
      const vectors = await embedder.embed(['one', 'two', 'three'], 'document');
      for (const vector of vectors) {
        expect(vector).toHaveLength(embedder.dims);
        expect(vector.buffer.byteLength).toBe(embedder.dims * 4);
        expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      }
    });

    it('names its space and build by fingerprints that a second instance shares', async () => {
      const twin = await make({ queueBytes: QUEUE });
      try {
        expect(embedder.space).toMatch(/^[0-9a-f]{64}$/);
        expect(embedder.build).toMatch(/^[0-9a-f]{64}$/);
        expect([twin.embedder.space, twin.embedder.build]).toEqual([embedder.space, embedder.build]);
        const [a, b] = await Promise.all([
          embedder.embed(['same'], 'document'),
          twin.embedder.embed(['same'], 'document'),
        ]);
        expect(bits(a[0]!)).toBe(bits(b[0]!));
      } finally {
        await twin.embedder.close();
      }
    });

    it('takes an empty list, an empty text, lone surrogates, emoji and control characters', async () => {
      expect(await embedder.embed([], 'document')).toEqual([]);
      expect(await embedder.countTokens([])).toEqual([]);
      const odd = ['', ' \n\t ', '\ud83d', 'a\udc00b', '👩‍👩‍👧‍👦 family', '\u0000\u0007\ufeff', 'x'.repeat(5000)];
      const vectors = await embedder.embed(odd, 'document');
      expect(vectors).toHaveLength(odd.length);
      for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      expect(await embedder.countTokens(['', ' \n\t '])).toEqual([0, 0]);
    });

    it('counts tokens in order, special tokens left out', async () => {
      const texts = manyTexts(40);
      const counts = await embedder.countTokens(texts);
      const single = await Promise.all(texts.map(async (text) => (await embedder.countTokens([text]))[0]));
      expect(counts).toEqual(single);
      const [one, two] = await embedder.countTokens(['word', 'word word']);
      expect(two).toBe(2 * one!);
    });

    it('refuses a document beyond its limit and embeds one that just fits', async () => {
      const [each] = await embedder.countTokens(['word']);
      const fits = Array.from({ length: (embedder.maxTokens - 2) / each! }, () => 'word').join(' ');
      await expect(embedder.embed([fits], 'document')).resolves.toHaveLength(1);
      await expect(embedder.embed(['fine', `${fits} word`], 'document')).rejects.toMatchObject({
        code: 'invalid_request',
      });
      await expect(embedder.embed(['fine'], 'document')).resolves.toHaveLength(1);
    });

    it('cuts a query at its limit and says so', async () => {
      const before = subject.truncated();
      await embedder.embed(['a short question'], 'query');
      expect(subject.truncated()).toBe(before);
      const [vector] = await embedder.embed(['word '.repeat(embedder.maxTokens * 2)], 'query');
      expect(vector).toHaveLength(embedder.dims);
      expect(subject.truncated()).toBe(before + 1);
    });

    it('rejects an aborted call at once and drops its waiting work', async () => {
      await expect(embedder.embed(['late'], 'document', AbortSignal.abort())).rejects.toMatchObject({
        code: 'cancelled',
      });
      const controller = new AbortController();
      const long = embedder.embed(manyTexts(400), 'document', controller.signal);
      const other = embedder.embed(['stays'], 'document');
      controller.abort();
      await expect(long).rejects.toMatchObject({ code: 'cancelled' });
      await expect(other).resolves.toHaveLength(1);
    });

    it('refuses work beyond its queue with a retryable error, and takes it later', async () => {
      const small = await make({ queueBytes: 4000 });
      try {
        const texts = Array.from({ length: 10 }, (_, index) => `${index} ${'word '.repeat(30)}`);
        const first = small.embedder.embed(texts, 'document');
        await expect(small.embedder.embed(texts, 'document')).rejects.toMatchObject({
          code: 'overloaded',
          permanence: 'transient',
        });
        await expect(first).resolves.toHaveLength(10);
        await expect(small.embedder.embed(texts, 'document')).resolves.toHaveLength(10);
        await expect(small.embedder.embed([...texts, ...texts], 'document')).rejects.toMatchObject({
          code: 'request_too_large',
        });
      } finally {
        await small.embedder.close();
      }
    });

    it('ends what waits when it is closed, and takes nothing more', async () => {
      const closing = await make({ queueBytes: QUEUE });
      const waiting = closing.embedder.embed(manyTexts(100), 'document');
      const ended = expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
      await closing.embedder.close();
      await ended;
      await expect(closing.embedder.embed(['more'], 'document')).rejects.toMatchObject({ code: 'unavailable' });
      await closing.embedder.close();
    });
  });
}
