import { Random } from '../../../src/runtime/random.js';
import { encryptedPdf } from '../../support/encrypted-pdf.js';
import { bytesOf } from '../kill/corpus.js';

const KiB = 1024;
/** Largest value of a record, and longest text with its structure, in bytes, before and after somebody has raised them. */
export const LIMITS = {
  tight: { record: 160 * KiB, text: 64 * KiB },
  raised: { record: 2048 * KiB, text: 4096 * KiB },
};

/** What is bad about a message, who finds out, what is told, and whether raised limits mend it. */
export const POISON = {
  noJson: { at: 'connector', code: 'corrupt_document', mended: false },
  noContent: { at: 'connector', code: 'invalid_request', mended: false },
  largeRecord: { at: 'connector', code: 'document_too_large', mended: true },
  largeDocument: { at: 'engine', code: 'parse_output', mended: true },
  damaged: { at: 'engine', code: 'corrupt_document', mended: false },
  locked: { at: 'engine', code: 'password_required', mended: false },
} as const;

export type Poison = keyof typeof POISON;
export const KINDS = Object.keys(POISON) as readonly Poison[];

export interface PoisonMessage {
  readonly key: string;
  /** As it stands in the topic. */
  readonly value: string;
  /** The document's bytes, where the record can be read that far. */
  readonly content?: Buffer;
  readonly poison?: Poison;
}

export interface Messages {
  readonly seed: number;
  readonly count: number;
  /** Share of bad ones; with 0 the same documents are sound. */
  readonly share: number;
}

/**
 * New documents, of which `share` are bad, kinds in turn; besides them each kind once as a change of a document that was
 * sound before, at the end. The same options give the same messages, and other shares the same sound ones.
 */
export function makeMessages({ seed, count, share }: Messages): PoisonMessage[] {
  const random = new Random(seed);
  const every = share > 0 ? Math.round(1 / share) : Infinity;
  return Array.from({ length: count }, (_, n) => {
    const key = `${seed}-${String(n).padStart(5, '0')}.md`;
    const bad = n % every === every - 1;
    const kind = KINDS[Math.floor(n / every) % KINDS.length]!;
    // Drawn in both cases, so that the others are the same.
    const version = random.below(5);
    return bad ? badMessage(key, kind) : soundMessage(key, version);
  });
}

export function soundMessage(key: string, version: number): PoisonMessage {
  return message(key, bytesOf(key, { version, broken: false }));
}

export function badMessage(key: string, poison: Poison): PoisonMessage {
  switch (poison) {
    case 'noJson':
      return { key, value: `{"content": "${key}`, poison };
    case 'noContent':
      return { key, value: JSON.stringify({ mime: 'text/markdown', body: key }), poison };
    case 'largeRecord':
      return { ...message(key, long(key, LIMITS.tight.record)), poison };
    case 'largeDocument':
      return { ...message(key, long(key, LIMITS.tight.text)), poison };
    case 'damaged':
      return { ...message(key, Buffer.from(`%PDF-1.7\n${key} is damaged\n`), 'application/pdf'), poison };
    case 'locked':
      return { ...message(key, encryptedPdf(`${key} is locked.`, 'secret'), 'application/pdf'), poison };
  }
}

function message(key: string, content: Buffer, mime = 'text/markdown'): PoisonMessage {
  return { key, value: JSON.stringify({ content: content.toString('base64'), mime }), content };
}

/** A sound document of more than `bytes`. */
function long(key: string, bytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let length = 0, version = 0; length <= bytes; version += 1) {
    parts.push(bytesOf(key, { version, broken: false }));
    length += parts.at(-1)!.length;
  }
  return Buffer.concat(parts);
}
