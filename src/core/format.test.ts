import { describe, expect, it } from 'vitest';
import { readFormat, type StoredShape } from './format.js';

const SHAPE: StoredShape = { what: 'The shape s', newest: 3, oldest: 2 };

describe('readFormat', () => {
  it('gives a format that is read, also from text', () => {
    expect([readFormat(2, SHAPE), readFormat(3, SHAPE), readFormat('3', SHAPE)]).toEqual([2, 3, 3]);
  });

  it('refuses a newer one and says what to do', () => {
    for (const found of [4, '99']) {
      expect(() => readFormat(found, { ...SHAPE, orElse: 'or delete it' })).toThrow(
        expect.objectContaining({
          code: 'data_newer',
          message: expect.stringMatching(
            /^The shape s has format \d+; .* up to 3: upgrade Footnote, or delete it\.$/,
          ) as string,
        }) as Error,
      );
    }
    expect(() => readFormat(4, SHAPE)).toThrow(/: upgrade Footnote\.$/);
  });

  it('refuses one that no software reads any more, and what is no format', () => {
    expect(() => readFormat(1, SHAPE)).toThrow(/^The shape s has format 1, older/);
    for (const found of [undefined, null, 0, -1, 1.5, NaN, Infinity, '', 'two', '1e3', '-1', {}, [2], true]) {
      expect(() => readFormat(found, { ...SHAPE, mend: 'look at it' })).toThrow(
        expect.objectContaining({
          code: 'data_corrupt',
          message: 'The shape s carries no readable format: look at it.',
        }) as Error,
      );
    }
  });
});
