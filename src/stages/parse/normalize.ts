/**
 * The one form of every text: LF line ends, no C0 controls but tab and line feed, well-formed UTF-16 (a lone surrogate
 * becomes U+FFFD), NFC. Idempotent.
 */
export function normalizeText(raw: string): string {
  const start = raw.charCodeAt(0) === 0xfeff ? 1 : 0;
  const lines = raw
    .slice(start)
    .toWellFormed()
    .replace(/\r\n?|[\v\f]/g, '\n')

    .replace(/[\u0000-\u0008\u000e-\u001f]/g, '');
  return lines.normalize('NFC');
}
