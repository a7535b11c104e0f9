import type { Document, LineCounter } from 'yaml';
import { isScalar, visit } from 'yaml';

/** `${NAME}`, `${NAME:-otherwise}`; `$${` stands for `${`. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g;

export interface MissingVariable {
  readonly name: string;
  readonly path: readonly PropertyKey[];
  readonly line: number;
}

/**
 * Puts the environment's values into the strings of a YAML document: how secrets come into a configuration that is kept
 * with the code. A value that is all reference stays a string, unless what it stands in for is a number or a truth value.
 */
export function interpolate(
  document: Document,
  env: Readonly<Record<string, string | undefined>>,
  lines: LineCounter,
): MissingVariable[] {
  const missing: MissingVariable[] = [];
  visit(document, {
    Scalar(key, node, path) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      node.value = node.value.replace(REFERENCE, (all, name: string | undefined, otherwise: string | undefined) => {
        if (name === undefined) return '${';
        const value = env[name];
        if (value !== undefined && value !== '') return value;
        if (otherwise !== undefined) return otherwise;
        missing.push({ name, path: pathOf(path), line: lines.linePos(node.range?.[0] ?? 0).line });
        return all;
      });
      if (node.type === 'PLAIN') node.value = plain(String(node.value));
    },
  });
  return missing;
}

/** As YAML reads a plain scalar: a port or a switch may come from the environment, too. */
function plain(text: string): string | number | boolean {
  if (/^(?:true|false)$/.test(text)) return text === 'true';
  return /^-?\d{1,15}(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

function pathOf(ancestors: readonly unknown[]): PropertyKey[] {
  const path: PropertyKey[] = [];
  for (const [at, node] of ancestors.entries()) {
    if (typeof node !== 'object' || node === null) continue;
    if ('key' in node && isScalar(node.key)) path.push(String(node.key.value));
    const parent = node as { items?: unknown[] };
    const next = ancestors[at + 1];
    if (
      Array.isArray(parent.items) &&
      next !== undefined &&
      !(typeof next === 'object' && next !== null && 'key' in next)
    ) {
      path.push(parent.items.indexOf(next));
    }
  }
  return path;
}
