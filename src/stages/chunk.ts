import type { Block, Chunk, ChunkKind, ParsedDocument } from '../core/document.js';
import { chunkId, sha256 } from '../core/ids.js';
import { canonicalJson } from '../core/json.js';
import type { Span } from '../core/span.js';
import { countOnce, headerContext, pathContext } from './chunk/context.js';
import type { Context, CountTokens } from './chunk/context.js';
import { cutRun, piecesOf, wordsOf } from './chunk/pieces.js';
import { sectionsOf, trim } from './chunk/sections.js';
import type { Section } from './chunk/sections.js';
import { modelInput } from './model-input.js';

export type { CountTokens } from './chunk/context.js';

/** Raised whenever the same document and options could give other chunks. Part of the fingerprint. */
const CHUNKER_VERSION = 2;

/** Plain values only: a generation stores them as they are. */
export interface ChunkerOptions {
  /** Tokens of text that a chunk of a section too long for the model aims at; not exceeded where its pieces can be cut. */
  readonly targetTokens: number;
  /** Tokens that heading path and table header may take. */
  readonly contextTokens: number;
  /** The model's limit: prefix, context, text and special tokens together. */
  readonly maxTokens: number;
  /** Special tokens that the model adds to an input, [CLS] and [SEP] for BERT. */
  readonly specialTokens: number;
  /** The model's prefix for documents; empty where it has none. */
  readonly prefix: string;
}

/**
 * One default for all sets: a section that the model takes whole stays whole, a longer one is cut small, because passages of
 * this size carry the most evidence a token (docs/decisions/0004-chunking-and-packing.md); the packer puts neighbours
 * together again.
 */
export const DEFAULT_CHUNKER: ChunkerOptions = {
  targetTokens: 96,
  contextTokens: 48,
  maxTokens: 256,
  specialTokens: 2,
  prefix: '',
};

/** Names everything that decides where chunks begin and end and what their context is. 16 hex digits. */
export function chunkerFingerprint(options: ChunkerOptions): string {
  const { targetTokens, contextTokens, maxTokens, specialTokens, prefix } = options;
  const decides = { version: CHUNKER_VERSION, targetTokens, contextTokens, maxTokens, specialTokens, prefix };
  return sha256(canonicalJson(decides)).slice(0, 16);
}

/** No chunk is longer, whatever the tokenizer says: WordPiece calls a word of a megabyte one unknown token. */
const MAX_CHARS_PER_TOKEN = 24;

/** A block this much of the target long begins a new chunk, so that cuts fall into step again soon after an edit. */
const OWN_CHUNK_SHARE = 0.5;

interface Limits {
  readonly target: number;
  /** Text tokens that fit the model beside the longest context. */
  readonly hard: number;
  readonly chars: number;
}

interface Sized extends Span {
  readonly tokens: number;
  /** Made of parts that meet inside a run without white space, where counts need not add up. */
  readonly glued: boolean;
}

/** A piece of a block with its size. Pieces of a section lie next to each other. */
interface Piece extends Sized {
  readonly block: Block;
  /** First piece of its block. */
  readonly first: boolean;
  /** Tokens of the whole block. */
  blockTokens: number;
}

interface Draft {
  readonly start: number;
  end: number;
  tokens: number;
  glued: boolean;
  readonly blocks: Block[];
  /** Set when the chunk continues a table whose header it does not hold. */
  readonly header?: string;
}

/**
 * Cuts a parsed document into chunks along its structure: never across a heading with text under it. A section that the
 * model takes whole stays whole; a longer one is cut at blocks (paragraph, list item, table, code) where possible, else at
 * rows, lines or sentences, else between words. A run without white space is cut only when it alone exceeds the model's
 * limit, or 24 characters for each token aimed at, then at a word boundary or grapheme. All text but white space is in
 * exactly one chunk; chunks are in order and do not overlap.
 *
 * Size is counted by the embedder's tokenizer, a piece at a time, each piece once (pieces that turn out too long, a second
 * time as words). The sum is exact for tokenizers that split at white space first (WordPiece); where it comes near the
 * model's limit, the input is counted as a whole and cut again if need be, so that no input ever exceeds `maxTokens`.
 *
 * @throws RangeError when the options leave no room for text
 */
export function chunkDocument(
  parsed: ParsedDocument,
  of: { readonly documentId: string; readonly revision: string; readonly title?: string },
  options: ChunkerOptions,
  countTokens: CountTokens,
): Chunk[] {
  const countInputs: CountTokens = (texts) => countTokens(texts.map(modelInput));
  const count = countOnce(countInputs);
  const prefixTokens = count(options.prefix);
  const room = options.maxTokens - options.specialTokens - prefixTokens;
  const contextTokens = Math.min(options.contextTokens, Math.floor(room / 2));
  const hard = room - contextTokens;
  const target = Math.min(options.targetTokens, hard);
  if (target < 1) throw new RangeError(`chunks of at most ${options.maxTokens} tokens have no room for text`);
  const spare = Math.max(room - target - contextTokens, Math.floor(contextTokens / 2));
  const limits: Limits = { target, hard, chars: Math.max(64, target * MAX_CHARS_PER_TOKEN) };
  const fingerprint = chunkerFingerprint(options);
  const title = of.title ?? parsed.title;
  const sections = sectionsOf(parsed, title === undefined ? undefined : title.replace(/\s+/g, ' ').trim());
  const pieces = measure(parsed.text, sections, limits, countInputs);
  const chunks: Chunk[] = [];
  const contexts = new Map<string, Context>();
  const contextOf = (headings: readonly string[], header: string | undefined): Context => {
    const key = `${header ?? ''}\n${headings.join('\n')}`;
    const known = contexts.get(key);
    if (known) return known;
    const repeated = header === undefined ? { text: '', tokens: 0 } : headerContext(header, spare, count);
    // What the header takes beyond the room beside a full chunk and its path, the path gives up.
    const left = Math.min(contextTokens, room - target - repeated.tokens);
    const path = pathContext(headings, left, count);
    const context = { text: path.text + repeated.text, tokens: path.tokens + repeated.tokens };
    contexts.set(key, context);
    return context;
  };
  const emit = (section: Section, draft: Draft, span: Span, textTokens: number): void => {
    const context = contextOf(section.headings, draft.header);
    const text = parsed.text.slice(span.start, span.end);
    let tokens = options.specialTokens + prefixTokens + context.tokens + textTokens;
    if (draft.glued || tokens > 0.75 * options.maxTokens) {
      tokens = options.specialTokens + (countTokens([options.prefix + modelInput(context.text + text)])[0] ?? 0);
      if (tokens > options.maxTokens) {
        for (const half of halves(parsed.text, span)) emit(section, draft, half, countInputs([slice(half)])[0] ?? 0);
        return;
      }
    }
    const page = pageOf(parsed, draft.blocks[0], span.start);
    chunks.push({
      id: chunkId(of.documentId, of.revision, fingerprint, chunks.length),
      documentId: of.documentId,
      revision: of.revision,
      ordinal: chunks.length,
      span,
      text,
      headings: section.headings,
      tokens,
      ...(page === undefined ? {} : { page }),
      kind: kindOf(draft.blocks),
      context: context.text,
    });
  };
  const slice = (span: Span): string => parsed.text.slice(span.start, span.end);
  sections.forEach((section, i) => {
    const list = pieces[i] ?? [];
    const whole = wholeDraft(parsed.text, list, room - contextOf(section.headings, undefined).tokens, limits);
    for (const draft of whole ? [whole] : fill(parsed.text, list, limits)) {
      const span = trim(parsed.text, draft);
      if (span) emit(section, draft, span, draft.tokens);
    }
  });
  return chunks;
}

/** The pieces of every section with their sizes: two calls of the tokenizer for a document, few more for monsters. */
function measure(text: string, sections: readonly Section[], limits: Limits, count: CountTokens): Piece[][] {
  const spans: { span: Span; block: Block; first: boolean }[][] = sections.map((section, s) => {
    const next = sections[s + 1]?.blocks[0]?.span.start ?? text.length;
    return section.blocks.flatMap((block, b) => {
      const end = section.blocks[b + 1]?.span.start ?? next;
      return piecesOf(text, block, end).map((span, i) => ({ span, block, first: i === 0 }));
    });
  });
  const counted = countSpans(
    text,
    spans.flat().map((piece) => piece.span),
    limits.chars,
    count,
  );
  let at = 0;
  return spans.map((list) => {
    const pieces: Piece[] = [];
    for (const { span, block, first } of list) {
      const tokens = counted[at++] ?? 0;
      const fits = tokens <= limits.target && span.end - span.start <= limits.chars;
      const parts = fits ? [{ ...span, tokens, glued: false }] : divide(text, span, tokens, limits, count);
      parts.forEach((part, i) => pieces.push({ ...part, block, first: first && i === 0, blockTokens: 0 }));
    }
    let total = 0;
    for (let i = pieces.length - 1; i >= 0; i--) {
      const piece = pieces[i] as Piece;
      total += piece.tokens;
      if (!piece.first) continue;
      piece.blockTokens = total;
      total = 0;
    }
    return pieces;
  });
}

/** Sizes of spans. What is too long in characters anyway is not counted as a whole. */
function countSpans(text: string, spans: readonly Span[], chars: number, count: CountTokens): number[] {
  const short = spans.filter((span) => span.end - span.start <= chars);
  const counts = count(short.map((span) => text.slice(span.start, span.end)));
  let at = 0;
  return spans.map((span) => (span.end - span.start <= chars ? (counts[at++] ?? 0) : Infinity));
}

/** Cuts a piece that is too long between words; a word that alone is too long, inside. */
function divide(text: string, span: Span, tokens: number, limits: Limits, count: CountTokens): Sized[] {
  const words = wordsOf(text, span);
  const counts = countSpans(text, words, limits.chars, count);
  const out: Sized[] = [];
  const aim = Number.isFinite(tokens) ? tokens / Math.ceil(tokens / limits.target) : limits.target;
  let open: Sized | undefined;
  words.forEach((word, i) => {
    const size = counts[i] ?? 0;
    const fits = size <= limits.hard && word.end - word.start <= limits.chars;
    const parts = fits ? [{ ...word, tokens: size, glued: false }] : divideWord(text, word, size, limits, count);
    for (const part of parts) {
      const joined =
        open !== undefined && open.tokens + part.tokens <= limits.target && open.tokens + part.tokens / 2 <= aim;
      if (open !== undefined && joined && part.end - open.start <= limits.chars) {
        const glued = open.glued || part.glued || part.start === open.end;
        open = { start: open.start, end: part.end, tokens: open.tokens + part.tokens, glued };
      } else {
        if (open !== undefined) out.push(open);
        open = part;
      }
    }
  });
  if (open !== undefined) out.push(open);
  return out;
}

/** Cuts one long run; the pieces shrink until each fits, which is at the latest at one character a token. */
function divideWord(text: string, span: Span, tokens: number, limits: Limits, count: CountTokens): Sized[] {
  const length = span.end - span.start;
  const perToken = Number.isFinite(tokens) ? length / tokens : 4;
  let most = Math.max(2, Math.min(limits.chars, Math.floor(limits.target * perToken)));
  const parts = (pieces: readonly Span[]): Sized[] => {
    const counts = count(pieces.map((piece) => text.slice(piece.start, piece.end)));
    return pieces.map((piece, i) => ({ ...piece, tokens: counts[i] ?? 0, glued: false }));
  };
  const out: Sized[] = [];
  let rest = parts(cutRun(text, span, most));
  while (rest.length > 0) {
    const long: Span[] = [];
    for (const part of rest) {
      if (part.tokens <= limits.hard || most <= 2) out.push(part);
      else long.push(part);
    }
    most = Math.max(2, most >> 1);
    rest = parts(long.flatMap((piece) => cutRun(text, piece, most)));
  }
  return out.sort((a, b) => a.start - b.start);
}

/** A section that the model takes as a whole, beside its heading path, stays one chunk: nothing is torn that belongs together. */
function wholeDraft(text: string, pieces: readonly Piece[], room: number, limits: Limits): Draft | undefined {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (!first || !last) return undefined;
  const tokens = pieces.reduce((sum, piece) => sum + piece.tokens, 0);
  if (tokens > room || last.end - first.start > 2 * limits.chars) return undefined;
  const blocks = pieces.filter((piece) => piece.first).map((piece) => piece.block);
  const glued = pieces.some((piece, i) => piece.glued || meets(text, pieces[i - 1], piece));
  return { start: first.start, end: last.end, tokens, glued, blocks };
}

/**
 * Fills chunks with a section's pieces. A block that is long by itself begins a new chunk, and so does one that no longer
 * fits; a block longer than a chunk is cut into about equal parts. Headings and lines that announce what follows (they end
 * in a colon) stay with what follows where that fits.
 */
function fill(text: string, pieces: readonly Piece[], limits: Limits): Draft[] {
  const drafts: Draft[] = [];
  let open: Draft | undefined;
  let onlyHeadings = false;
  let aim = limits.target;
  for (const piece of pieces) {
    const heading = piece.block.kind === 'heading';
    if (piece.first) aim = piece.blockTokens / Math.ceil(piece.blockTokens / limits.target);
    if (open !== undefined) {
      const size = open.tokens + piece.tokens;
      const chars = piece.end - open.start;
      const bound = onlyHeadings ? limits.hard : limits.target;
      const own = piece.first && piece.blockTokens > OWN_CHUNK_SHARE * limits.target && !announces(text, open);
      const balanced = !piece.first && open.tokens + piece.tokens / 2 > aim;
      const starts = size > bound || chars > 2 * limits.chars || (!onlyHeadings && (own || balanced));
      if (starts) {
        drafts.push(open);
        open = undefined;
      }
    }
    if (open === undefined) {
      const header = piece.first ? undefined : headerOf(text, piece.block);
      open = {
        start: piece.start,
        end: piece.end,
        tokens: piece.tokens,
        blocks: [piece.block],
        glued: piece.glued,
        ...(header === undefined ? {} : { header }),
      };
      onlyHeadings = heading;
    } else {
      open.glued ||= piece.glued || meets(text, open, piece);
      open.end = piece.end;
      open.tokens += piece.tokens;
      if (open.blocks.at(-1) !== piece.block) open.blocks.push(piece.block);
      onlyHeadings &&= heading;
    }
  }
  if (open !== undefined) drafts.push(open);
  return drafts;
}

/** White space, or a full stop of a script without spaces: tokenizers split after both. */
const ENDS_APART = /[\s。！？；]/;

/** Whether two pieces meet inside a run, where the tokenizer may join what stands on both sides. */
function meets(text: string, before: Span | undefined, piece: Span): boolean {
  return piece.start === before?.end && !ENDS_APART.test(text.charAt(before.end - 1));
}

function announces(text: string, draft: Draft): boolean {
  return /[:：]\s*$/.test(text.slice(Math.max(draft.start, draft.end - 16), draft.end));
}

function headerOf(text: string, block: Block): string | undefined {
  return block.header === undefined ? undefined : text.slice(block.header.start, block.header.end).trim();
}

/** Two parts of a span, cut between words near its middle. Only for tokenizers whose counts do not add up. */
function halves(text: string, span: Span): Span[] {
  const words = wordsOf(text, span);
  const cut = words.length > 1 ? (words[words.length >> 1] as Span).start : undefined;
  const parts: Span[] =
    cut === undefined
      ? cutRun(text, span, Math.max(2, (span.end - span.start) >> 1))
      : [
          { start: span.start, end: cut },
          { start: cut, end: span.end },
        ];
  return parts.map((part) => trim(text, part)).filter((part) => part !== undefined);
}

function kindOf(blocks: readonly Block[]): ChunkKind {
  const kinds = new Set(blocks.filter((block) => block.kind !== 'heading').map((block) => block.kind));
  if (kinds.size !== 1) return 'text';
  const [only] = kinds;
  return only === 'table' || only === 'code' ? only : only === 'figure' ? 'image' : 'text';
}

/** The page that the chunk begins on. */
function pageOf(parsed: ParsedDocument, block: Block | undefined, at: number): number | undefined {
  const { pages } = parsed;
  if (pages === undefined) return block?.page;
  let low = 0;
  let high = pages.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pages[middle]?.span.start ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return pages[low]?.number ?? block?.page;
}
