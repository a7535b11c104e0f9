import { stringify } from 'yaml';
import { connectors } from '../../connectors/registry.js';
import type { Connector } from '../../src/core/ports/connector.js';
import { FIELD_HEADINGS, fieldRows } from './fields.js';
import { GENERATED, table } from './generated.js';

/** Every connector of the registry with its options and its example. */
export function connectorsPage(): string {
  const all: [string, Connector<unknown>][] = Object.entries(connectors);
  return [
    '# Connectors',
    GENERATED,
    'What stands under `options` of a source in `footnote.yaml`. The fields around it, schedule, policy and brake among ' +
      'them, are in [the configuration](configuration.md); how a connector is made: [the standard](../connectors.md).',
    ...all.sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, connector]) => sectionOf(name, connector)),
  ].join('\n\n');
}

function sectionOf(name: string, connector: Connector<unknown>): string[] {
  const { summary, config, example } = connector;
  const sources = [{ collection: 'handbook', connector: name, options: example }];
  return [
    `## ${name}`,
    `${summary} ${connector.watch ? 'It can watch (`watch: true`).' : 'It reads by its schedule.'}`,
    `\`\`\`yaml\n${stringify({ sources }).trimEnd()}\n\`\`\``,
    table(FIELD_HEADINGS, fieldRows(config)),
  ];
}
