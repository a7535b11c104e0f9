/** What a benchmark hands back: figures by name, and the ratios that are asserted over time. */
export interface BenchResult {
  readonly name: string;
  /** Medians over the rounds; the unit stands in the name, e.g. `tokensPerSecond`. */
  readonly figures: Readonly<Record<string, number>>;
  /** Against a baseline measured in the same run, interleaved; with the target where there is one. */
  readonly ratios: Readonly<Record<string, { readonly value: number; readonly target?: number }>>;
  readonly notes: readonly string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
