import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A folder or file of the shared test data beside the repository; undefined where it is absent (an error in CI). */
export function sharedData(name: string): string | undefined {
  const here = fileURLToPath(import.meta.url).replace(/\/dist\/test\//, '/test/');
  const path = fileURLToPath(new URL(`../../../shared/data/${name}`, `file://${here}`));
  if (existsSync(path)) return path;
  if (process.env.CI) throw new Error(`The shared test data ${name} is missing.`);
  return undefined;
}
