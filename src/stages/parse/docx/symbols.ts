/** Characters of Microsoft's sign fonts that documents use for lists, boxes and arrows, by font and code. */
const SIGNS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  wingdings: {
    0x6e: '■',
    0x6f: '□',
    0x71: '❑',
    0x72: '❒',
    0x75: '◆',
    0x76: '❖',
    0x9f: '•',
    0xa7: '▪',
    0xa8: '☐',
    0xd8: '➢',
    0xdf: '←',
    0xe0: '→',
    0xe1: '↑',
    0xe2: '↓',
    0xe8: '➔',
    0xf0: '⇨',
    0xfb: '✗',
    0xfc: '✓',
    0xfd: '☒',
    0xfe: '☑',
  },
  'wingdings 2': { 0x4f: '✗', 0x50: '✓', 0x51: '☒', 0x52: '☑', 0xa3: '☐' },
  symbol: {
    0x2d: '−',
    0xa3: '≤',
    0xa5: '∞',
    0xac: '←',
    0xad: '↑',
    0xae: '→',
    0xaf: '↓',
    0xb0: '°',
    0xb1: '±',
    0xb3: '≥',
    0xb4: '×',
    0xb7: '•',
    0xb8: '÷',
    0xb9: '≠',
    0xba: '≡',
    0xbb: '≈',
    0xd6: '√',
    0xe5: '∑',
    0xf2: '∫',
  },
};

/** Letters of the Symbol font in the order of their codes, A to Z and a to z. */
const GREEK = 'ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ';
const SMALL_GREEK = 'αβχδεφγηιϕκλμνοπθρστυϖωξψζ';

/** A `w:sym`'s character (ECMA-376 part 1, 17.3.3.30); its own code where the font's sign is not known here. */
export function symbol(font: string | undefined, hex: string | undefined): string {
  if (hex === undefined || !/^[0-9a-f]{1,4}$/i.test(hex)) return '';
  const code = Number.parseInt(hex, 16);
  // Sign fonts are addressed through the private use area.
  const index = code >= 0xf000 && code <= 0xf0ff ? code - 0xf000 : code;
  const name = (font ?? '').toLowerCase();
  const sign = SIGNS[name]?.[index];
  if (sign !== undefined) return sign;
  if (name === 'symbol' && index >= 0x41 && index <= 0x5a) return GREEK[index - 0x41]!;
  if (name === 'symbol' && index >= 0x61 && index <= 0x7a) return SMALL_GREEK[index - 0x61]!;
  if (index >= 0x20 && index < 0x7f && name === 'symbol') return String.fromCharCode(index);
  return String.fromCharCode(code);
}
