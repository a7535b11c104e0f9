import type { Span } from '../../core/span.js';
import { normalizeText } from './normalize.js';

/** How far back a mark can change what stands before it; longer runs of marks are cut by U+034F. */
const TAIL = 32;
/** COMBINING GRAPHEME JOINER: invisible, and keeps a mark from composing with what stands before it. */
const JOINER = '\u034f';

/**
 * Builds a normalized text from pieces and says where each piece stands. The whole is always NFC: when a piece begins
 * with something that composes with the text before it (an accent, a Hangul vowel), the two are composed at the seam, the
 * earlier spans stay valid and the piece's span begins after the composed character.
 */
export class TextBuilder {
  #parts: string[] = [];
  #length = 0;
  /** The last characters of the text; they are the end of the last part too. */
  #tail = '';

  get length(): number {
    return this.#length;
  }

  /** The last character, or '' for an empty text. */
  get last(): string {
    return this.#tail.slice(-1);
  }

  append(raw: string): Span {
    let piece = normalizeText(raw);
    const start = this.#length;
    if (piece === '') return { start, end: start };
    if (piece.charCodeAt(0) >= 0x300 && this.#tail !== '') piece = this.#compose(piece);
    this.#push(piece);
    return { start: Math.min(start, this.#length), end: this.#length };
  }

  /** Ends the current line, then leaves `blank` blank lines. Nothing at the beginning of the text. */
  breakLine(blank = 0): void {
    if (this.#length === 0) return;
    let have = 0;
    while (have <= blank && this.#tail.at(-1 - have) === '\n') have += 1;
    if (have <= blank) this.#push('\n'.repeat(blank + 1 - have));
  }

  toString(): string {
    if (this.#parts.length > 1) this.#parts = [this.#parts.join('')];
    return this.#parts[0] ?? '';
  }

  #push(piece: string): void {
    this.#parts.push(piece);
    this.#length += piece.length;
    this.#tail = (this.#tail + piece.slice(-TAIL)).slice(-TAIL);
    if (isLowSurrogate(this.#tail.charCodeAt(0))) this.#tail = this.#tail.slice(1);
  }

  /** Takes the text's end back where the piece changes it; returns what is to be appended then. */
  #compose(piece: string): string {
    const tail = this.#tail;
    const joined = (tail + piece).normalize('NFC');
    if (joined === tail + piece) return piece;
    const last = isLowSurrogate(tail.charCodeAt(tail.length - 1)) ? 2 : 1;
    // Only the last character may change, and the place after it must stay one between characters: spans end there.
    const kept = joined.startsWith(tail.slice(0, -last)) && !isLowSurrogate(joined.charCodeAt(tail.length));
    // A run of marks that reaches beyond the tail could change with what stands before it.
    const deep = tail.length >= TAIL - 1 && /^\p{M}+$/u.test(tail);
    if (!kept || deep || joined.length < tail.length) return JOINER + piece;
    this.#drop(tail.length);
    return joined;
  }

  #drop(length: number): void {
    this.#length -= length;
    let left = length;
    while (left > 0) {
      const part = this.#parts.pop()!;
      if (part.length > left) this.#parts.push(part.slice(0, part.length - left));
      left -= Math.min(left, part.length);
    }
    this.#tail = '';
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
