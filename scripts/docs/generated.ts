/** Stands under the title of every generated page. */
export const GENERATED = '<!-- Made by scripts/docs.ts: do not edit. -->';

/** A Markdown table; cells may hold Markdown, but no line breaks. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
