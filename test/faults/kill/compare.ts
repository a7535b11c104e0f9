import type { Inspection } from './inspect.js';
import type { KillReport } from './run.js';

/** What is wrong with a run, in words; empty when it ended as a clean one does. */
export function violations({ killed, clean, end }: KillReport): string[] {
  const found: string[] = [];
  for (const [name, run] of Object.entries({ killed, clean, end })) {
    for (const problem of run.problems) found.push(`${name}: ${problem}`);
    const twice = duplicates(run.points);
    if (twice.length > 0) found.push(`${name}: ${twice.length} chunks have two points, ${twice[0]}`);
    const ids = run.canonical.map((line) => (JSON.parse(line) as { id: string }).id);
    found.push(...differences(`${name}: points against visible chunks`, run.points, ids));
  }
  found.push(...differences('canonical, killed against clean', killed.canonical, clean.canonical));
  found.push(...differences('canonical, killed against one build of the end', killed.canonical, end.canonical));
  for (const part of ['blobs', 'letters'] as const) {
    found.push(...differences(`${part}, killed against clean`, killed[part], clean[part]));
  }
  if (killed.cachedVectors !== clean.cachedVectors) {
    found.push(`cached vectors: ${killed.cachedVectors} against ${clean.cachedVectors}`);
  }
  return found;
}

export function totalOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

export function differences(what: string, actual: Inspection['points'], expected: Inspection['points']): string[] {
  const lost = missing(expected, actual);
  const extra = missing(actual, expected);
  if (lost.length + extra.length === 0) return [];
  return [`${what}: ${lost.length} missing, ${extra.length} too many; ${lost[0] ?? ''} | ${extra[0] ?? ''}`];
}

/** Of `from`, what `within` has not (each entry as often as it stands there). */
function missing(from: readonly string[], within: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const each of within) left.set(each, (left.get(each) ?? 0) + 1);
  return from.filter((each) => {
    const count = left.get(each) ?? 0;
    if (count > 0) left.set(each, count - 1);
    return count === 0;
  });
}

export function duplicates(list: readonly string[]): string[] {
  return list.filter((each, i) => list.indexOf(each) !== i);
}
