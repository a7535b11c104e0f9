import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Buckets in seconds, from a catalog read to a slow parse. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** From a small change that meets an idle worker to one that waited for a backlog, in seconds. */
const WAITING = [
  0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300,
];

/** The timer whose lateness tells how long the event loop was busy, ms. */
const DELAY_RESOLUTION = 10;

/** What the HTTP API reports. */
export interface HttpTelemetry {
  /** One request, by the route's pattern (never the path itself). */
  http(route: string, method: string, status: number, seconds: number): void;
  count(name: CounterName, by?: number): void;
}

/** Metrics of one engine. Labels are codes and stage names, never ids or messages. */
export interface Telemetry extends HttpTelemetry {
  /** Time of one stage of ingestion or of a query. */
  observe(stage: string, seconds: number): void;
  /** Source event to searchable. */
  freshness(seconds: number): void;
  /** The log's record to searchable, of what is served. */
  searchable(seconds: number): void;
  /** Ends of changes, by outcome and error code. */
  outcome(outcome: string, code?: string): void;
  gauge(name: GaugeName, read: () => number | Promise<number>): void;
  expose(): Promise<{ contentType: string; body: string }>;
  /** Stops watching the event loop. */
  close(): void;
}

/** Counters by name, each `footnote_NAME_total`, with what it counts. */
export const COUNTERS = {
  queries_truncated: "Queries longer than the model's limit.",
  vectors_cached: 'Chunks whose vector was known already.',
  vectors_embedded: 'Chunks whose vector was computed.',
  hits_dropped: 'Hits that the catalog did not let through.',
  refills: 'Searches that asked the store again because hits were dropped.',
  retries: 'Changes tried again after a transient error.',
  overloads: 'Requests refused because too much waited.',
} as const;
export type CounterName = keyof typeof COUNTERS;

/** Gauges by name, each `footnote_NAME`, with what it measures. */
export const GAUGES = {
  lag: 'Events that the generations have not yet applied.',
  stores_away: 'Servers among the stores that do not answer; what needs them waits.',
  embed_queue: 'Texts that wait for the model.',
  parse_queue: 'Documents that wait for a parsing process.',
} as const;
export type GaugeName = keyof typeof GAUGES;

export function createTelemetry(): Telemetry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'footnote_' });
  const stages = new Histogram({
    name: 'footnote_stage_seconds',
    help: 'Time of one stage of ingestion or of a query.',
    labelNames: ['stage'],
    buckets: SECONDS,
    registers: [registry],
  });
  const fresh = new Histogram({
    name: 'footnote_freshness_seconds',
    help: 'From the source event to searchable.',
    buckets: SECONDS,
    registers: [registry],
  });
  const searchable = new Histogram({
    name: 'footnote_searchable_seconds',
    help: 'From appended to the log to searchable, of new content in the generation that is served.',
    buckets: WAITING,
    registers: [registry],
  });
  const outcomes = new Counter({
    name: 'footnote_changes_total',
    help: 'Changes by how they ended.',
    labelNames: ['outcome', 'code'],
    registers: [registry],
  });
  const requests = new Histogram({
    name: 'footnote_http_seconds',
    help: 'Time of a request until its answer was sent or broken off (499: the client went away).',
    labelNames: ['route', 'method', 'status'],
    buckets: SECONDS,
    registers: [registry],
  });
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION });
  delay.enable();
  new Gauge({
    name: 'footnote_event_loop_delay_seconds',
    help: 'How late the event loop was since the last scrape.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      // The histogram holds whole intervals; what is beyond the interval itself is the delay.
      const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - DELAY_RESOLUTION / 1e3);
      this.set({ quantile: '0.5' }, late(delay.percentile(50)));
      this.set({ quantile: '0.99' }, late(delay.percentile(99)));
      this.set({ quantile: '1' }, late(delay.max));
      delay.reset();
    },
  });
  const counters = new Map<CounterName, Counter>();
  return {
    observe: (stage, seconds) => stages.observe({ stage }, seconds),
    http: (route, method, status, seconds) => requests.observe({ route, method, status: String(status) }, seconds),
    freshness: (seconds) => fresh.observe(Math.max(0, seconds)),
    searchable: (seconds) => searchable.observe(Math.max(0, seconds)),
    outcome: (outcome, code) => outcomes.inc({ outcome, code: code ?? '' }),
    count(name, by = 1) {
      let counter = counters.get(name);
      if (!counter) {
        counter = new Counter({
          name: `footnote_${name}_total`,
          help: COUNTERS[name],
          registers: [registry],
        });
        counters.set(name, counter);
      }
      counter.inc(by);
    },
    gauge(name, read) {
      new Gauge({
        name: `footnote_${name}`,
        help: GAUGES[name],
        registers: [registry],
        async collect() {
          // While what it asks is away nobody knows; the other metrics are wanted then most of all.
          this.set(
            await Promise.resolve()
              .then(read)
              .catch(() => NaN),
          );
        },
      });
    },
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    close: () => void delay.disable(),
  };
}
