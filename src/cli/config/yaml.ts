import type { Document } from 'yaml';
import { LineCounter, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { z } from 'zod';
import { FootnoteError } from '../../core/errors.js';
import type { Host } from '../host.js';
import { interpolate } from '../interpolate.js';

export interface Problem {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

/** A YAML file with the environment's values in it. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** A problem at a field, with its line. */
  readonly at: (path: readonly PropertyKey[], message: string) => Problem;
}

/** @throws FootnoteError invalid_config: what is no YAML, and variables that the environment does not have */
export function readYaml(text: string, file: string, env: Host['env']): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    throw refusal(
      file,
      document.errors.map((error) => ({
        path: '',
        line: lines.linePos(error.pos[0]).line,
        message: error.message,
      })),
    );
  }
  const missing = interpolate(document, env, lines);
  if (missing.length > 0) {
    throw refusal(
      file,
      missing.map(({ name, path, line }) => ({
        path: path.join('.'),
        line,
        message: `the environment has no ${name}: set it, or write \${${name}:-otherwise}`,
      })),
    );
  }
  return {
    file,
    value: document.toJS({ maxAliasCount: 100 }),
    at(path, message) {
      const line = lineOf(document, lines, path);
      return { path: path.join('.'), message: lowerFirst(message), ...(line === undefined ? {} : { line }) };
    },
  };
}

/** What a schema says against the file. @param unknown what to say of a field that it does not know */
export function problemsOf(
  { at }: YamlFile,
  error: z.ZodError,
  unknown: (path: readonly PropertyKey[]) => string,
): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    if (issue.code !== 'unrecognized_keys') return [at(issue.path, issue.message)];
    return issue.keys.map((key) => [...issue.path, key]).map((path) => at(path, unknown(path)));
  });
}

/** Where the innermost part of a path that is there stands. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const name = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(name))
      : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

export function refusal(file: string, problems: readonly Problem[]): FootnoteError {
  const told = problems.map(({ path, line, message }) => {
    const place = line === undefined ? file : `${file}:${line}`;
    return `${place}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  return new FootnoteError('invalid_config', told.join('\n'), { details: { file, problems } });
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
