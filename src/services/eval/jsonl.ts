import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ZodType } from 'zod';
import { FootnoteError } from '../../core/errors.js';

/** Reads a file of JSON lines, each checked. @throws FootnoteError invalid_request with file and line, not_found */
export async function* readJsonLines<T>(path: string, schema: ZodType<T>): AsyncGenerator<T> {
  const input = createReadStream(path, 'utf8');
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (line.trim() === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (error) {
        throw new FootnoteError('invalid_request', `${path}, line ${number}: not JSON.`, { cause: error });
      }
      const parsed = schema.safeParse(value);
      if (!parsed.success) {
        const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
        throw new FootnoteError('invalid_request', `${path}, line ${number}: ${problems}.`);
      }
      yield parsed.data;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new FootnoteError('not_found', `There is no file ${path}.`, { cause: error });
    }
    throw error;
  } finally {
    input.destroy();
  }
}
