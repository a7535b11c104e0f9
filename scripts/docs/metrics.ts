import { COUNTERS, GAUGES, createTelemetry } from '../../src/runtime/telemetry.js';
import type { CounterName, GaugeName } from '../../src/runtime/telemetry.js';
import { GENERATED, table } from './generated.js';

/** What `/metrics` exposes, read from the exposition itself. */
export async function metricsPage(): Promise<string> {
  const telemetry = createTelemetry();
  for (const name of Object.keys(COUNTERS)) telemetry.count(name as CounterName, 0);
  for (const name of Object.keys(GAUGES)) telemetry.gauge(name as GaugeName, () => 0);
  const { body } = await telemetry.expose();
  telemetry.close();
  const help = new Map([...body.matchAll(/^# HELP (\S+) (.*)$/gm)].map((match) => [match[1]!, match[2]!]));
  const kinds = new Map([...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1]!, match[2]!]));
  const own = [...help].filter(([name]) => !/^footnote_(process|nodejs)_/.test(name));
  return [
    '# Metrics',
    GENERATED,
    '`GET /metrics` answers in the Prometheus text format. Labels are stage names, codes and route patterns: never ids, ' +
      'paths or messages. Beside these there are the usual `footnote_process_*` and `footnote_nodejs_*`.',
    table(
      ['metric', 'kind', 'meaning'],
      own.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => [`\`${name}\``, kinds.get(name) ?? '', text]),
    ),
    'Stages of ingestion (`stage` of `footnote_stage_seconds`): `identify`, `parse`, `prepare` (chunk and analyze), ' +
      '`embed`, `write`, `commit`, `free`. Stages of a query begin with `query_`: they are the names in `timings` of the ' +
      'answer.',
  ].join('\n\n');
}
