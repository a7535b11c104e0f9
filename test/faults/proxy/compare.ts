import type { CanonicalChunk } from '../../../src/core/schemas/operations.js';
import { differences, duplicates } from '../kill/compare.js';
import type { End } from './inspect.js';

/** What is wrong with how a history ended behind the proxy, in words; empty when it ended as without one. */
export function violations(struck: End, clean: End): string[] {
  const found = [...struck.problems, ...documents(struck.canonical, clean.canonical)];
  const twice = duplicates(struck.points);
  if (twice.length > 0) found.push(`${twice.length} chunks have two points, ${twice[0]}`);
  found.push(
    ...differences(
      'points against visible chunks',
      struck.points,
      struck.canonical.map(({ id }) => id),
    ),
    ...differences('blobs', struck.blobs, clean.blobs),
    // An event that was accepted twice, because its first acceptance was not heard, fails twice.
    ...differences('dead letters', distinct(struck.letters), distinct(clean.letters)),
  );
  return found;
}

/** Document by document, so that it can be told what became of each. */
function documents(struck: readonly CanonicalChunk[], clean: readonly CanonicalChunk[]): string[] {
  const [actual, expected] = [byKey(struck), byKey(clean)];
  const found: string[] = [];
  for (const [key, lines] of expected) {
    const other = actual.get(key);
    if (other === undefined) found.push(`lost: ${key}`);
    else if (other.join() !== lines.join()) found.push(`stale: ${key}: ${other[0]} | ${lines[0]}`);
  }
  for (const key of actual.keys()) if (!expected.has(key)) found.push(`resurrected: ${key}`);
  return found;
}

function byKey(canonical: readonly CanonicalChunk[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of canonical) {
    const lines = found.get(line.key) ?? [];
    found.set(line.key, lines);
    lines.push(JSON.stringify(line));
  }
  return found;
}

function distinct(list: readonly string[]): string[] {
  return [...new Set(list)];
}
