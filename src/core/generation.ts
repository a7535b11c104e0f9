/** Chunker parameters; see stages/chunk.ts for their meaning. Opaque to everything but the chunker. */
export type ChunkerOptions = Readonly<Record<string, string | number | boolean>>;

/** Everything that decides what a generation's points are, besides the events and the parsers. */
export interface GenerationSpec {
  readonly chunker: { readonly options: ChunkerOptions; readonly fingerprint: string };
  readonly analyzer: { readonly version: string };
  /** By vector name. `build` is pinned: a worker with another build refuses the generation. */
  readonly models: Readonly<
    Record<
      string,
      {
        readonly model: string;
        readonly space: string;
        readonly build: string;
        readonly dims: number;
        readonly maxTokens: number;
      }
    >
  >;
}

export type GenerationState = 'draft' | 'building' | 'shadow' | 'live' | 'retired' | 'dropped';

/**
 * States in which a generation's group follows the log; retired ones do, so that rolling back is instant and deletions reach
 * them. Not those that are being built: see buildGeneration.
 */
export const CONSUMING_STATES = ['shadow', 'live', 'retired'] as const satisfies readonly GenerationState[];

export function consumes(state: GenerationState): boolean {
  return (CONSUMING_STATES as readonly GenerationState[]).includes(state);
}

export interface Generation {
  /** `g-` and a short random id; also the name of its tables and its consumer group. */
  readonly id: string;
  readonly tenant: string;
  readonly collection: string;
  readonly state: GenerationState;
  readonly spec: GenerationSpec;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Every move, oldest first. */
  readonly history: readonly { readonly state: GenerationState; readonly at: string; readonly reason?: string }[];
}

/** What a query runs against (law 9). The catalog's row is the only truth about what is live. */
export interface Release {
  readonly tenant: string;
  readonly collection: string;
  /** Raised by each switch; the compare-and-set token. */
  readonly number: number;
  readonly generation: string;
  /** The generation served before, for rollback. */
  readonly previous?: string;
  readonly spaces: Readonly<Record<string, string>>;
  readonly retrieval: Readonly<Record<string, string | number | boolean>>;
  readonly promptVersion?: string;
  readonly at: string;
}

/** The stream of a collection in the log. */
export function streamOf(tenant: string, collection: string): string {
  return `${tenant}/${collection}`;
}

/** The hold on the log that a generation's build takes. */
export function buildHold(generation: string): string {
  return `build:${generation}`;
}
