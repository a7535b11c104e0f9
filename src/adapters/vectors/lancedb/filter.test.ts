import { describe, expect, it } from 'vitest';
import { compileFilter } from './compile.js';

describe('compileFilter', () => {
  it('doubles quotes and has no other escapes', () => {
    expect(compileFilter({ eq: ['key', `a'b\\"`] })).toBe(`(key IS NOT NULL AND key IN ('a''b\\"'))`);
  });
});
