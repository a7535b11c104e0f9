import { FootnoteError } from '../../core/errors.js';

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

/** Turns what SQLite throws into a FootnoteError that says what to do. Errors of other kinds pass unchanged. */
export function sqliteError(error: unknown, file: string): unknown {
  if (error instanceof FootnoteError) return error;
  const code = codeOf(error);
  if (code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR_WRITE') || code === 'ENOSPC') {
    return new FootnoteError('disk_full', `No space left to write ${file}: free some; work goes on by itself then.`, {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new FootnoteError('read_only', `${file} cannot be written: check its permissions and how it is mounted.`, {
      cause: error,
      permanence: 'transient',
    });
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new FootnoteError(
      'data_corrupt',
      `${file} is damaged: move it away and restore it from a backup (footnote restore).`,
      { cause: error },
    );
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new FootnoteError('unavailable', `${file} is locked by another program: close whatever holds it open.`, {
      cause: error,
    });
  }
  return error;
}
