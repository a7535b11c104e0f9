import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { ConfigInput } from '../core/config.js';
import { parseConfig } from '../core/config.js';
import type { Chunk, ParsedDocument } from '../core/document.js';
import { FootnoteError } from '../core/errors.js';
import { documentId, revisionId, sha256 } from '../core/ids.js';
import { createTelemetry } from '../runtime/telemetry.js';
import { Models, modelStore } from './models.js';
import { LOCAL, type EngineOptions } from './open.js';
import { createParsing } from './parsing.js';

/** The models of one engine that only parses. */
export interface Parser {
  /**
   * What `ingest` would index of a file; nothing is stored. Ids are those of tenant `default`, source `files`.
   * @throws FootnoteErrors with the codes of parsing
   */
  parse(
    path: string,
    of: { readonly key?: string; readonly collection?: string; readonly password?: string },
    signal: AbortSignal,
  ): Promise<{ documentId: string; revision: string; parsed: ParsedDocument; chunks: Chunk[] }>;
  close(): Promise<void>;
}

/** For `footnote parse`: parsers and chunker without a data directory. */
export async function openParser(input: ConfigInput = {}, options: EngineOptions = {}): Promise<Parser> {
  const config = parseConfig(input);
  const telemetry = createTelemetry();
  const models = new Models({
    config,
    telemetry,
    tokenizerPaths: false,
    onProgress: options.onModelProgress,
  });
  const parsing = createParsing(config);
  return {
    async parse(path, of, signal) {
      const file = resolve(path);
      const hints = {
        name: basename(file),
        ...(of.password === undefined ? {} : { options: { password: of.password } }),
      };
      const { parser, mime } = await parsing.identify({ path: file }, hints).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        throw new FootnoteError('not_found', `There is no file ${path}.`, { cause: error });
      });
      const parsed = await parsing.parse({ path: file }, hints, signal);
      const id = documentId({
        tenant: LOCAL.tenant,
        collection: of.collection ?? 'default',
        source: 'files',
        key: of.key ?? basename(file),
      });
      const revision = revisionId({ contentSha256: sha256(await readFile(file)), parser, options: { mime } });
      const spec = await models.newSpec();
      const { preparing } = await models.for(config.embedding.model);
      const chunks = await preparing.prepare(parsed, { documentId: id, revision }, spec, signal);
      return { documentId: id, revision, parsed, chunks };
    },
    async close() {
      await parsing.close();
      await models.close();
      telemetry.close();
    },
  };
}

/** The models on this machine: list, pull, verify. */
export function openModels(input: ConfigInput = {}): ReturnType<typeof modelStore> {
  return modelStore(parseConfig(input));
}
