import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FootnoteError } from '../core/errors.js';
import { STATUS_OF, problemOf, problemResponse } from './problems.js';

describe('problems', () => {
  it('have a status for every code there is', () => {
    const source = readFileSync(new URL('../core/errors.ts', import.meta.url), 'utf8');
    const union = source.slice(
      source.indexOf('export type ErrorCode'),
      source.indexOf(';', source.indexOf('ErrorCode')),
    );
    const codes = [...union.matchAll(/\| '(\w+)'/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(40);
    expect(Object.keys(STATUS_OF).sort()).toEqual([...codes].sort());
  });

  it('tell nothing of internal errors but the request id', async () => {
    const response = problemResponse(new TypeError('secret at /home/x.ts:1'), { requestId: 'r-1' });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(text).not.toContain('secret');
    expect(JSON.parse(text)).toMatchObject({ code: 'internal', requestId: 'r-1', status: 500 });
  });

  it('carry Retry-After when trying again makes sense', () => {
    const given = new FootnoteError('overloaded', 'Too much.', { retryAfter: 2.2 });
    expect(problemResponse(given).headers.get('retry-after')).toBe('3');
    expect(problemResponse(new FootnoteError('unavailable', 'Not now.')).headers.get('retry-after')).toBe('1');
    expect(problemResponse(new FootnoteError('not_found', 'No.')).headers.has('retry-after')).toBe(false);
  });

  it('name the wrong fields and keep other details', () => {
    const problems = [{ path: 'limit', message: 'too big' }];
    const error = new FootnoteError('invalid_request', 'Wrong.', { details: { problems, at: 3n } });
    expect(problemOf(error)).toMatchObject({ errors: problems, details: { at: '3' } });
  });
});
