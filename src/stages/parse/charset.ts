import chardet from 'chardet';
import type { Warning } from '../../core/document.js';
import { FootnoteError } from '../../core/errors.js';

export interface Decoded {
  readonly text: string;
  /** Lower-case label of the WHATWG Encoding Standard, or utf-32le/utf-32be. */
  readonly charset: string;
  readonly warnings: readonly Warning[];
}

const SAMPLE = 64 * 1024;
/** 0x80 to 0x9F of windows-1252 (WHATWG Encoding Standard); some runtimes decode them as Latin-1. */
const CP1252 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/**
 * Bytes to text. Order of belief: what the caller's options say, a byte order mark, UTF-16 by its zero bytes, valid UTF-8,
 * what the document or its source declares, damaged UTF-8, a guess by letter statistics.
 * @throws FootnoteError invalid_request for a charset in `options` that doesn't exist
 */
export function decodeText(bytes: Uint8Array, options: { charset?: string; declared?: string } = {}): Decoded {
  if (options.charset !== undefined) return decodeAs(bytes, knownCharset(options.charset), []);
  const marked = byteOrderMark(bytes) ?? wideWithoutMark(bytes);
  if (marked) return decodeAs(bytes, marked, []);
  const declared = options.declared === undefined ? undefined : supported(options.declared);
  if (declared === 'iso-2022-jp' || /\x1b\$[@B]/.test(ascii(bytes.subarray(0, SAMPLE)))) {
    return decodeAs(bytes, 'iso-2022-jp', []);
  }
  if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes), charset: 'utf-8', warnings: [] };
  if (declared && declared !== 'utf-8' && !declared.startsWith('utf-16')) return decodeAs(bytes, declared, []);
  if (declared === 'utf-8' || mostlyUtf8(bytes)) return decodeAs(bytes, 'utf-8', []);
  const guess = guessCharset(bytes);
  return decodeAs(bytes, guess, [
    {
      code: 'charset_guessed',
      message: `The text says nothing of its charset; read as ${guess}. Set parse.charset to correct it.`,
    },
  ]);
}

/** The charset that a byte order mark stands for. */
export function byteOrderMark(bytes: Uint8Array): string | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? 'utf-32le' : 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'utf-32be';
  return undefined;
}

/** UTF-16 without a mark, told by zero bytes on one side of each pair (Latin text has them). */
export function wideWithoutMark(bytes: Uint8Array): string | undefined {
  const length = Math.min(bytes.length, 4096) & ~1;
  if (length < 4) return undefined;
  let even = 0;
  let odd = 0;
  for (let i = 0; i < length; i += 2) {
    if (bytes[i] === 0) even += 1;
    if (bytes[i + 1] === 0) odd += 1;
  }
  const pairs = length / 2;
  if (odd > pairs * 0.5 && even < pairs * 0.05) return 'utf-16le';
  if (even > pairs * 0.5 && odd < pairs * 0.05) return 'utf-16be';
  return undefined;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function decodeAs(bytes: Uint8Array, charset: string, before: readonly Warning[]): Decoded {
  const text = charset.startsWith('utf-32')
    ? decodeUtf32(bytes, charset === 'utf-32le')
    : charset === 'windows-1252'
      ? decode1252(bytes)
      : new TextDecoder(charset).decode(bytes);
  const warnings = [...before];
  const damaged = text.includes('\ufffd') && !(charset === 'utf-8' && isUtf8(bytes));
  if (damaged) {
    warnings.push({
      code: 'invalid_encoding',
      message: `Some bytes are not valid ${charset}; they are shown as U+FFFD. Save the document as UTF-8.`,
    });
  }
  return { text, charset, warnings };
}

function decodeUtf32(bytes: Uint8Array, little: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: string[] = [];
  for (let i = 4; i + 4 <= bytes.length; i += 4) {
    const code = view.getUint32(i, little);
    pieces.push(code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? '\ufffd' : String.fromCodePoint(code));
  }
  return pieces.join('');
}

function decode1252(bytes: Uint8Array): string {
  const latin = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  return latin.replace(/[\x80-\x9f]/g, (char) => CP1252[char.charCodeAt(0) - 0x80]!);
}

function supported(label: string): string | undefined {
  if (/^utf-32(le|be)$/i.test(label.trim())) return label.trim().toLowerCase();
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

function knownCharset(label: string): string {
  const charset = supported(label);
  if (charset) return charset;
  throw new FootnoteError(
    'invalid_request',
    `The charset ${JSON.stringify(label)} is unknown: use a name of the WHATWG Encoding Standard, for example windows-1252.`,
  );
}

/** Text in UTF-8 with a few damaged places: most multi-byte sequences are whole. */
function mostlyUtf8(bytes: Uint8Array): boolean {
  let whole = 0;
  let broken = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]!;
    if (byte < 0x80) continue;
    const more = byte >= 0xf0 && byte < 0xf5 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2 ? 1 : 0;
    let ok = more > 0 && byte < 0xf5;
    for (let k = 1; ok && k <= more; k += 1) ok = ((bytes[i + k] ?? 0) & 0xc0) === 0x80;
    if (ok) {
      whole += 1;
      i += more;
    } else broken += 1;
  }
  return whole >= 2 && whole >= broken * 4;
}

/** Statistics over a sample around the first byte that is not ASCII. */
function guessCharset(bytes: Uint8Array): string {
  const first = bytes.findIndex((byte) => byte >= 0x80);
  const from = Math.max(0, first - SAMPLE / 4);
  for (const match of chardet.analyse(bytes.subarray(from, from + SAMPLE))) {
    const charset = supported(match.name);
    if (charset && !charset.startsWith('utf-')) return charset;
  }
  return 'windows-1252';
}

function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
