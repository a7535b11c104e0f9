import { describe, expect, it } from 'vitest';
import { pace } from './progress.js';

describe('pace', () => {
  it('tells nothing while it would be a guess', () => {
    expect(pace(999, 5, 10, 'files')).toBe('');
    expect(pace(60_000, 0, 10, 'files')).toBe('');
  });

  it('tells rate and time left', () => {
    expect(pace(2000, 5, 20, 'files')).toBe('2.5/s, 6.0 s left');
    expect(pace(2000, 20, 20, 'files')).toBe('10/s');
    expect(pace(2000, 20, undefined, 'files')).toBe('10/s');
    expect(pace(1000, 2 ** 20, 2 ** 21, 'bytes')).toBe('1.0 MiB/s, 1.0 s left');
  });
});
