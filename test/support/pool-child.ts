import { serveProcess } from '../../src/runtime/process-child.js';
import { FootnoteError } from '../../src/core/errors.js';

/** A pool's child that does what the test asks of it. */
export type PoolJob =
  | { readonly do: 'pieces'; readonly count: number; readonly bytes: number }
  | { readonly do: 'pid' | 'spin' | 'exit' | 'throw' | 'fail' | 'environment' }
  | { readonly do: 'allocate'; readonly outside: boolean };

serveProcess(async function* (request): AsyncGenerator<unknown> {
  const job = request as PoolJob;
  switch (job.do) {
    case 'pieces':
      for (let index = 0; index < job.count; index += 1) yield { index, text: 'x'.repeat(job.bytes) };
      return;
    case 'pid':
      yield process.pid;
      return;
    case 'environment':
      yield Object.keys(process.env);
      return;
    case 'spin':
      for (;;) Math.random();
    case 'exit':
      process.exit(3);

    case 'throw':
      throw new TypeError('a bug');
    case 'fail':
      throw new FootnoteError('corrupt_document', 'broken', { details: { page: 1 } });
    case 'allocate': {
      const kept: unknown[] = [];
      for (;;) kept.push(job.outside ? Buffer.alloc(8 * 2 ** 20, 1) : Array.from({ length: 10_000 }, () => ({})));
    }
  }
});
