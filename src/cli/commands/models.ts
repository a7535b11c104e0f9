import type { Command } from 'commander';
import { FootnoteError } from '../../core/errors.js';
import type { Ending, Run } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import type { Host } from '../host.js';
import { size } from '../output.js';
import { ModelProgress } from '../target.js';

export function models(program: Command, host: Host, ending: Ending): void {
  const group = addGroup(program, 'models', 'the embedding models on this machine');
  const named = (command: Command) =>
    command.argument('[model]', 'a name, or the path of a model folder (default: the configured one)');

  addCommand(group, host, ending, {
    usage: 'list',
    summary: 'list the built-in models and what of them is here',
    examples: ['list'],
    async run(run) {
      const { store } = await open(run, undefined);
      const listed = await store.listModels();
      if (run.json) return run.out.json({ models: listed });
      await run.out.table(
        ['MODEL', 'STATE', 'SIZE', 'DIMENSIONS', 'TOKENS', 'LANGUAGES', 'LICENCE'],
        listed.map((model) => [
          model.name,
          model.state,
          size(model.bytes),
          model.dims,
          model.maxTokens,
          model.languages.join(', '),
          model.licence,
        ]),
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'pull',
    summary: 'download a model, or go on with it',
    description: 'A damaged file is fetched again. Nothing is used that does not have the hash of the manifest.',
    examples: ['pull', 'pull all-MiniLM-L6-v2'],
    flags: named,
    async run(run, [model]) {
      const { store, name } = await open(run, model as string | undefined);
      const progress = new ModelProgress(host);
      try {
        const pulled = await store.pullModel(name, { onProgress: progress.show, signal: run.signal });
        progress.stop();
        if (run.json) await run.out.json({ model: pulled.manifest.name, paths: pulled.paths, sha256: pulled.hashes });
        else await run.out.line(`${pulled.manifest.name} is here: ${pulled.paths.model}`);
      } finally {
        progress.stop();
      }
    },
  });
  addCommand(group, host, ending, {
    usage: 'verify',
    summary: 'hash every file of a model',
    description: 'Exit code 1 when a file is not the one that the manifest means.',
    examples: ['verify'],
    flags: named,
    async run(run, [model]) {
      const { store, name } = await open(run, model as string | undefined);
      const files = await store.verifyModel(name, run.signal);
      const ok = files.every((file) => file.ok);
      if (!ok) run.fail();
      if (run.json) return run.out.json({ model: name, ok, files });
      await run.out.table(
        ['FILE', 'OK', 'SHA-256', 'PATH'],
        files.map((file) => [file.file, file.ok ? 'yes' : 'NO', file.actual, file.path]),
      );
      if (!ok) await run.err.line(`Run: footnote models pull ${name}`);
    },
  });
}

async function open(run: Run, model: string | undefined) {
  const { config } = await run.config();
  const name = model === undefined ? config.embedding.model : /[\\/]/.test(model) ? run.path(model) : model;
  if (/^test-hash(:|$)/.test(name)) {
    throw new FootnoteError('model_unsupported', 'test-hash is computed, it has no files.');
  }
  const { openModels } = await import('../../engine.js');
  return { store: openModels(config), name };
}
