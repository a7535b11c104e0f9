import { describe, expect, it } from 'vitest';
import { Pace } from './progress.js';

describe('the pace', () => {
  it('is not told while it would be a guess', () => {
    const pace = new Pace('files');
    expect(pace.tell(0, 0, 10)).toBe('');
    expect(pace.tell(60_000, 1, 10)).toBe('');
    expect(pace.tell(60_999, 9, 10)).toBe('');
    expect(pace.tell(99_999, 1, 10)).toBe('');
  });

  it('is measured from the first thing done, with the time that is left', () => {
    const pace = new Pace('files');
    pace.tell(0, 0, 21);
    pace.tell(60_000, 1, 21);
    expect(pace.tell(62_000, 6, 21)).toBe('2.5/s, 6.0 s left');
    expect(pace.tell(62_000, 21, 21)).toBe('10/s');
    expect(pace.tell(62_000, 21, undefined)).toBe('10/s');
  });

  it('of bytes is told in their units', () => {
    const pace = new Pace('bytes');
    pace.tell(0, 2 ** 20, 3 * 2 ** 20);
    expect(pace.tell(1000, 2 * 2 ** 20, 3 * 2 ** 20)).toBe('1.0 MiB/s, 1.0 s left');
  });
});
