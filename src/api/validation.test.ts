import { describe, expect, it } from 'vitest';
import { BatchSchema } from '../core/schemas/documents.js';
import { SearchSchema } from '../core/schemas/query.js';
import type { FootnoteError } from '../core/errors.js';
import { check, parseJson, pathText } from './validation.js';

function refused(run: () => unknown): { code: string; message: string; problems: { path: string; message: string }[] } {
  try {
    run();
  } catch (thrown) {
    const { code, message, details } = thrown as FootnoteError;
    return { code, message, problems: (details?.problems ?? []) as { path: string; message: string }[] };
  }
  throw new Error('was accepted');
}

describe('check', () => {
  it('names unknown fields by their path', () => {
    const { code, problems } = refused(() =>
      check(SearchSchema, { query: 'x', as: { principals: [], a: 1 } }, 'the body'),
    );
    expect(code).toBe('invalid_request');
    expect(problems).toEqual([{ path: 'as.a', message: 'is not a known field' }]);
  });

  it('tells a wrong filter by its own code and the path inside it', () => {
    const filter = { and: [{ eq: ['metadata.year', 1] }, { near: ['source', 'x'] }] };
    const { code, problems } = refused(() => check(SearchSchema, { query: 'x', filter }, 'the body'));
    expect(code).toBe('invalid_filter');
    expect(problems[0]!.path).toMatch(/^filter\.and\[1\]/);
  });

  it('means the alternative that fits best', () => {
    const { problems } = refused(() =>
      check(BatchSchema, { documents: [{ key: 'a', txt: 'x', text: 'y' }] }, 'the body'),
    );
    expect(problems).toEqual([{ path: 'documents[0].txt', message: 'is not a known field' }]);
  });

  it('asks for exactly one content', () => {
    const { problems } = refused(() => check(BatchSchema, { documents: [{ key: 'a' }] }, 'the body'));
    expect(problems).toEqual([{ path: 'documents[0].text', message: 'give exactly one of text and base64' }]);
  });
});

describe('parseJson', () => {
  const parse = (text: string | Uint8Array) =>
    parseJson(typeof text === 'string' ? Buffer.from(text) : text, 'the body');

  it('refuses what is not UTF-8 or not JSON, without quoting it', () => {
    expect(refused(() => parse(Uint8Array.of(0x22, 0xff, 0x22))).message).toMatch(/not valid UTF-8/);
    const broken = refused(() => parse('{"password": "hunter2", }'));
    expect(broken.code).toBe('invalid_request');
    expect(broken.message).not.toContain('hunter2');
  });

  it('names the place of a lone surrogate, in values and in names', () => {
    expect(refused(() => parse(String.raw`{"a":[1,{"b":"x\ud800"}]}`)).problems[0]!.path).toBe('a[1].b');
    expect(refused(() => parse(String.raw`{"a":{"\udc00":1}}`)).problems[0]!.path).toMatch(/^a\./);
    expect(parse(String.raw`"\ud83d\udd11"`)).toBe('🔑');
  });

  it('bounds the nesting', () => {
    expect(refused(() => parse('['.repeat(100) + ']'.repeat(100))).problems[0]!.message).toMatch(/nested deeper/);
    expect(refused(() => parse('['.repeat(100_000))).code).toBe('invalid_request');
  });
});

it('writes paths as people do', () => {
  expect(pathText(['filter', 'and', 0, 'eq', 1])).toBe('filter.and[0].eq[1]');
});
