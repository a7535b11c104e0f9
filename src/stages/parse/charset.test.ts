import { describe, expect, it } from 'vitest';
import { decodeText } from './charset.js';

const bytes = (...values: number[]) => new Uint8Array(values);
const codes = (decoded: { warnings: readonly { code: string }[] }) => decoded.warnings.map((warning) => warning.code);

describe('decodeText', () => {
  it('believes a byte order mark', () => {
    expect(decodeText(bytes(0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde))).toMatchObject({
      text: 'a😀',
      charset: 'utf-16le',
    });
    expect(decodeText(bytes(0xfe, 0xff, 0, 0x61))).toMatchObject({ text: 'a', charset: 'utf-16be' });
    expect(decodeText(bytes(0, 0, 0xfe, 0xff, 0, 1, 0xf6, 0))).toMatchObject({ text: '😀', charset: 'utf-32be' });
    expect(decodeText(bytes(0xef, 0xbb, 0xbf, 0x61))).toMatchObject({ text: 'a', charset: 'utf-8' });
  });

  it('tells UTF-16 without a mark by its zero bytes', () => {
    expect(decodeText(Buffer.from('plain text', 'utf16le'))).toMatchObject({ text: 'plain text', charset: 'utf-16le' });
  });

  it('takes valid UTF-8 for what it is, whatever is declared', () => {
    expect(decodeText(Buffer.from('中文'), { declared: 'gb2312' })).toMatchObject({
      text: '中文',
      charset: 'utf-8',
      warnings: [],
    });
  });

  it('decodes what is declared or demanded', () => {
    expect(decodeText(bytes(0xd6, 0xd0), { declared: 'gb2312' })).toMatchObject({ text: '中', charset: 'gbk' });
    expect(decodeText(bytes(0x93, 0xfa), { charset: 'shift_jis' })).toMatchObject({ text: '日', charset: 'shift_jis' });
    expect(decodeText(bytes(0x80, 0x93), { charset: 'windows-1252' }).text).toBe('€“');
    expect(decodeText(Buffer.from('\x1b$BF|K\\\x1b(B')).text).toBe('日本');
  });

  it('refuses a charset that does not exist', () => {
    expect(() => decodeText(bytes(1), { charset: 'klingon' })).toThrowError(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('guesses old charsets and says so', () => {
    const german = Buffer.from(
      'Gr\xf6\xdfe und Ma\xdf f\xfcr Pr\xfcfungen \xfcber Stra\xdfen, sch\xf6n und \xfcbel. Das ist ein Satz.',
      'latin1',
    );
    const guessed = decodeText(german);
    expect(guessed.text).toContain('Größe und Maß für Prüfungen');
    expect(codes(guessed)).toEqual(['charset_guessed']);
  });

  it('keeps damaged UTF-8 as UTF-8', () => {
    const decoded = decodeText(Buffer.concat([Buffer.from('äöü ß éèê '), bytes(0xff), Buffer.from(' ñ')]));
    expect(decoded).toMatchObject({ text: 'äöü ß éèê \ufffd ñ', charset: 'utf-8' });
    expect(codes(decoded)).toEqual(['invalid_encoding']);
  });

  it('does not call a U+FFFD of the source damage', () => {
    expect(decodeText(Buffer.from('a\ufffdb')).warnings).toEqual([]);
  });
});
