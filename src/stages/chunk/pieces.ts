import type { Block } from '../../core/document.js';
import type { Span } from '../../core/span.js';

/**
 * Places where a block may be cut, coarse to fine. Pieces lie next to each other: each takes the white space after it
 * along, so that a tokenizer sees the same text as in the whole.
 */

/** Longer blocks are cut into sentences or lines before they are counted; shorter ones usually fit as they are. */
const WHOLE_BLOCK_CHARS = 360;

/** Lines are counted together up to about this many characters: fewer calls, same cuts nearly always. */
const LINE_GROUP_CHARS = 100;

/** A sentence's last sign with closing quotes, before white space; or one that needs none. */
const SENTENCE_END = /[.!?…:;]["'”’»)\]*_`]{0,8}(?=\s)|[。！？；]/g;

/** The pieces of a block: itself if short, else its parts, lines or sentences. `end` is where the next block begins. */
export function piecesOf(text: string, block: Block, end: number): Span[] {
  const whole = { start: block.span.start, end };
  if (block.span.end - block.span.start <= WHOLE_BLOCK_CHARS || block.kind === 'heading') return [whole];
  switch (block.kind) {
    case 'code':
    case 'table':
    case 'front_matter':
      return linesOf(text, whole, block.parts ?? []);
    default:
      return sentencesOf(text, whole);
  }
}

function sentencesOf(text: string, span: Span): Span[] {
  const cuts: number[] = [];
  const inside = text.slice(span.start, span.end);
  for (const match of inside.matchAll(SENTENCE_END)) {
    cuts.push(afterSpace(text, span.start + match.index + match[0].length, span.end));
  }
  return between(span, cuts);
}

/** Lines in groups; a part (a table's row, a definition) begins a new group. */
function linesOf(text: string, span: Span, parts: readonly Span[]): Span[] {
  const begins = new Set(parts.map((part) => part.start));
  const cuts: number[] = [];
  let group = span.start;
  let at = text.indexOf('\n', span.start);
  while (at !== -1 && at + 1 < span.end) {
    const line = at + 1;
    if (line - group >= LINE_GROUP_CHARS || begins.has(line)) {
      cuts.push(line);
      group = line;
    }
    at = text.indexOf('\n', line);
  }
  return between(span, cuts);
}

/** Words of a piece, without the white space between them. */
export function wordsOf(text: string, span: Span): Span[] {
  const words: Span[] = [];
  for (const match of text.slice(span.start, span.end).matchAll(/\S+/g)) {
    const start = span.start + match.index;
    words.push({ start, end: start + match[0].length });
  }
  return words;
}

function between(span: Span, cuts: readonly number[]): Span[] {
  const pieces: Span[] = [];
  let start = span.start;
  for (const cut of cuts) {
    if (cut <= start || cut >= span.end) continue;
    pieces.push({ start, end: cut });
    start = cut;
  }
  pieces.push({ start, end: span.end });
  return pieces;
}

const SPACE = /\s/;

function afterSpace(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && SPACE.test(text.charAt(at))) at++;
  return at;
}

/** Code units on both sides of a wanted cut that are looked at for a better one. */
const WINDOW = 48;

/**
 * Cuts a run without white space that is too long for one chunk: at a word boundary near the limit (scripts without
 * spaces have them, paths and dotted names too), else between graphemes (UAX #29). Never inside a surrogate pair.
 *
 * @param most longest piece in UTF-16 code units, at least 2
 */
export function cutRun(text: string, span: Span, most: number): Span[] {
  const words = new Intl.Segmenter('und', { granularity: 'word' });
  const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });
  const cuts: number[] = [];
  let start = span.start;
  while (span.end - start > most) {
    const wanted = start + most;
    const from = beforePair(text, Math.max(start, wanted - WINDOW));
    const window = text.slice(from, Math.min(span.end, wanted + WINDOW));
    let cut: number;
    if (ASCII.test(window)) {
      cut = wanted;
      while (cut > from && isWordSign(text, cut - 1) === isWordSign(text, cut)) cut--;
      if (cut <= from) cut = wanted;
    } else {
      const boundary = (segmenter: Intl.Segmenter): number =>
        from + (segmenter.segment(window).containing(wanted - from)?.index ?? 0);
      cut = boundary(words);
      if (cut <= from) cut = boundary(graphemes);
      if (cut <= from) cut = beforePair(text, wanted);
    }
    if (cut <= start) cut = wanted + 1;
    cuts.push(cut);
    start = cut;
  }
  return between(span, cuts);
}

const ASCII = /^[\x00-\x7f]*$/;
function isWordSign(text: string, at: number): boolean {
  return /[a-z0-9_]/i.test(text.charAt(at));
}

/** `at`, or the place before it when a surrogate pair stands across. */
function beforePair(text: string, at: number): number {
  const low = text.charCodeAt(at);
  const high = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff && high >= 0xd800 && high <= 0xdbff ? at - 1 : at;
}
