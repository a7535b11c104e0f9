import { describe, expect, it } from 'vitest';
import { FootnoteError } from '../../../core/errors.js';
import { isConflict, lanceError } from './errors.js';

describe('lanceError', () => {
  it.each([
    ['lance error: LanceError(IO): Generic LocalFileSystem error: No space left on device (os error 28)', 'disk_full'],
    ['LanceError(IO): Disk quota exceeded (os error 122)', 'disk_full'],
    ['LanceError(IO): Read-only file system (os error 30)', 'read_only'],
    ['LanceError(IO): Permission denied (os error 13)', 'read_only'],
    ['LanceError(IO): Too many open files (os error 24)', 'unavailable'],
    ["Table 'g-1' was not found", 'not_found'],
    ['lance error: Not found: data/g-1.lance/data/0001.lance', 'data_corrupt'],
    ['Generic LocalFileSystem error: failed to fill whole buffer', 'data_corrupt'],
    ['something else', 'internal'],
  ])('%s is %s', (message, code) => {
    expect(lanceError(new Error(message), 'g-1')).toMatchObject({ code });
  });

  it('goes by the code of file system errors and leaves typed errors alone', () => {
    expect(lanceError(Object.assign(new Error('x'), { code: 'ENOSPC' }), 'g')).toMatchObject({ code: 'disk_full' });
    expect(lanceError(Object.assign(new Error('x'), { code: 'EROFS' }), 'g')).toMatchObject({ code: 'read_only' });
    const typed = new FootnoteError('cancelled', 'x');
    expect(lanceError(typed, 'g')).toBe(typed);
  });

  it('knows conflicts', () => {
    expect(isConflict(new Error('Retryable commit conflict for version 5'))).toBe(true);
    expect(isConflict(new Error('No space left on device'))).toBe(false);
  });
});
