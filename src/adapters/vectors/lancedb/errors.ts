import { FootnoteError } from '../../../core/errors.js';
import { missing } from '../spec.js';

/**
 * Turns what LanceDB and the file system throw into a FootnoteError. LanceDB has no error codes: its messages wrap those
 * of the operating system.
 */
export function lanceError(error: unknown, generation: string): FootnoteError {
  if (error instanceof FootnoteError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const message = error instanceof Error ? error.message : String(error);
  const what = `the vectors of ${generation}`;
  if (code === 'ENOSPC' || code === 'EDQUOT' || /no space left on device|disk quota exceeded/i.test(message)) {
    return new FootnoteError('disk_full', `No space left to write ${what}: free some; work goes on by itself then.`, {
      cause: error,
    });
  }
  if (['EROFS', 'EACCES', 'EPERM'].includes(code) || /read-only file system|permission denied/i.test(message)) {
    return new FootnoteError(
      'read_only',
      `${what} can't be written: check permissions and mount of the data directory.`,
      {
        cause: error,
        permanence: 'transient',
      },
    );
  }
  if (['EMFILE', 'ENFILE'].includes(code) || /too many open files/i.test(message)) {
    return new FootnoteError('unavailable', `Too many open files for ${what}: raise the limit (ulimit -n).`, {
      cause: error,
    });
  }
  if (/^Table '.*' was not found/i.test(message) || /table .*not found/i.test(message))
    return missing(generation, error);
  if (
    /corrupt|magic|not found: .*\.(lance|manifest|idx|txn)|invalid (manifest|footer|file)|failed to decode|protobuf|truncated|unexpected eof|failed to fill whole buffer|Not found: /i.test(
      message,
    )
  ) {
    return new FootnoteError(
      'data_corrupt',
      `Files of ${what} are damaged or missing: restore from a backup or reindex the collection.`,
      { cause: error },
    );
  }
  return new FootnoteError('internal', `The vector store failed: ${message.split('\n')[0]?.slice(0, 500)}`, {
    cause: error,
    permanence: 'transient',
  });
}

/** Lance commits optimistically: another commit came first and trying again helps. */
export function isConflict(error: unknown): boolean {
  return error instanceof Error && /commit conflict|concurrent (commit|modification)|retryable/i.test(error.message);
}
