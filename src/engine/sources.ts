import { connectors } from '../../connectors/registry.js';
import type { SourceConfig } from '../core/config/sources.js';
import { sourceNameOf } from '../core/config/sources.js';
import { FootnoteError } from '../core/errors.js';
import type { Connector } from '../core/ports/connector.js';

/** A configured source with its connector and that connector's checked options. */
export interface ConfiguredSource {
  readonly name: { readonly tenant: string; readonly collection: string; readonly source: string };
  readonly connector: Connector<unknown>;
  readonly options: unknown;
  readonly config: SourceConfig;
}

export interface SourceProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** @throws FootnoteError invalid_config with the path of each problem */
export function configuredSources(sources: readonly SourceConfig[]): ConfiguredSource[] {
  const { found, problems } = checkSources(sources);
  if (problems.length === 0) return found;
  const told = problems.map(({ path, message }) => ({ path: path.join('.'), message }));
  throw new FootnoteError(
    'invalid_config',
    `In the configuration: ${told.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`,
    { details: { problems: told } },
  );
}

/** Checks what the configuration's own schema can't: whether each connector is there, and its options. */
export function checkSources(sources: readonly SourceConfig[]): {
  readonly found: ConfiguredSource[];
  readonly problems: SourceProblem[];
} {
  const problems: SourceProblem[] = [];
  const found = sources.flatMap((config, index): ConfiguredSource[] => {
    const connector = connectorNamed(config.connector);
    if (!connector) {
      const message = `there is no connector ${config.connector}: one of ${Object.keys(connectors).join(', ')}`;
      problems.push({ path: ['sources', index, 'connector'], message });
      return [];
    }
    if (config.watch && !connector.watch) {
      problems.push({ path: ['sources', index, 'watch'], message: `${connector.name} can't watch: leave it off` });
    }
    const options = connector.config.safeParse(config.options);
    if (!options.success) {
      for (const issue of options.error.issues) {
        const at = ['sources', index, 'options', ...issue.path];
        const unknown = issue.code === 'unrecognized_keys' ? issue.keys : undefined;
        if (!unknown) problems.push({ path: at, message: issue.message });
        for (const key of unknown ?? []) problems.push({ path: [...at, key], message: 'is not a known setting' });
      }
      return [];
    }
    const { tenant, collection } = config;
    const name = { tenant, collection, source: sourceNameOf(config) };
    return [{ name, connector, options: options.data, config }];
  });
  return { found, problems };
}

function connectorNamed(name: string): Connector<unknown> | undefined {
  return Object.entries(connectors).find(([each]) => each === name)?.[1];
}
