const TEMPLATE = 'dddd-dd-ddTdd:dd:dd';
const DIGITS = 14;

/**
 * A number for any text that never goes down where texts (by UTF-16 code units) go up, and that tells ISO 8601 times
 * apart to the second: 2026-01-02T03:04:05 is 20260102030405. What leaves that form is put at the end of its block that
 * it sorts to.
 */
export function timeOrder(text: string): number {
  let value = 0;
  let left = DIGITS;
  for (let i = 0; i < TEMPLATE.length; i++) {
    const expected = TEMPLATE.charAt(i);
    const character = text.charAt(i);
    const [lowest, highest] = expected === 'd' ? ['0', '9'] : [expected, expected];
    // An empty text is below all.
    if (character < lowest) return value * 10 ** left;
    if (character > highest) return (value + 1) * 10 ** left - 1;
    if (expected !== 'd') continue;
    value = 10 * value + Number(character);
    left -= 1;
  }
  return value;
}
