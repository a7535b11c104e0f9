import { createHash } from 'node:crypto';
import { Random } from '../../../src/runtime/random.js';

/** What a document holds: one of its texts, or bytes that no parser can read. */
export interface Content {
  readonly version: number;
  readonly broken: boolean;
}

const WORDS =
  'valve pump pressure gauge engine filter bearing shaft torque seal coolant sensor relay circuit voltage current ground cable panel switch motor gear chain lever spring hinge bracket plate screw nut washer gasket pipe hose tank level flow rate limit alarm safety guard operator manual shift report order stock parts supplier invoice contract warranty service visit calendar team office region branch customer request answer ticket status open closed waiting'.split(
    ' ',
  );

/** A function of key and content alone. Neighbouring versions differ in one paragraph. */
export function bytesOf(key: string, { version, broken }: Content): Buffer {
  if (broken) return Buffer.from(`%PDF-1.7\n${key} is damaged (${version})\n`);
  const random = new Random(numberOf(key));
  const count = 3 + random.below(6);
  const paragraphs = Array.from({ length: count }, (_, i) => paragraph(key, i, revisionOf(i, version, count)));
  const title = `${sentence(random, 4)} (${key})`;
  if (key.endsWith('.html')) {
    const body = paragraphs.map((each, i) => `<h2>Part ${i + 1}</h2><p>${each}</p>`).join('\n');
    return Buffer.from(
      `<!doctype html><html><head><title>${title}</title></head><body><article><h1>${title}</h1>\n${body}\n</article></body></html>\n`,
    );
  }
  if (key.endsWith('.txt')) return Buffer.from(`${title}\n\n${paragraphs.join('\n\n')}\n`);
  return Buffer.from(`# ${title}\n\n${paragraphs.map((each, i) => `## Part ${i + 1}\n\n${each}`).join('\n\n')}\n`);
}

/** How often paragraph `i` of `count` has changed by this version: each version changes the next one. */
function revisionOf(i: number, version: number, count: number): number {
  return Math.floor((version + count - 1 - i) / count);
}

function paragraph(key: string, index: number, revision: number): string {
  const random = new Random(numberOf(`${key} ${index} ${revision}`));
  return Array.from({ length: 3 + random.below(8) }, () => sentence(random, 6 + random.below(10))).join(' ');
}

function sentence(random: Random, words: number): string {
  const text = Array.from({ length: words }, () => random.pick(WORDS)).join(' ');
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function numberOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE();
}
