/** Text as it is read: invisible break opportunities and soft hyphens go, no-break spaces become spaces. */
export function plainText(text: string): string {
  return text.replace(/[\u00ad\u200b\u2060\ufeff]/g, '').replaceAll('\u00a0', ' ');
}

/** Without white space at the ends of its lines. */
export function trimLines(text: string): string {
  return text.replace(/[ \t]+$/gm, '').trim();
}

/** On one line, white space folded. */
export function oneLine(text: string): string {
  return plainText(text).replace(/\s+/g, ' ').trim();
}
