import { FootnoteError } from '../../../core/errors.js';

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Turns what the file system throws into a FootnoteError that says what to do. Errors of other kinds pass unchanged. */
export function fileError(error: unknown, folder: string): unknown {
  if (error instanceof FootnoteError) return error;
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new FootnoteError('disk_full', `No space left below ${folder}: free some; work goes on by itself then.`, {
        cause: error,
      });
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new FootnoteError(
        'read_only',
        `${folder} cannot be written: check its permissions and how it is mounted.`,
        {
          cause: error,
          permanence: 'transient',
        },
      );
    default:
      return error;
  }
}
