/** `{column}` stands for the column's value, `{{` and `}}` for braces. */
export type Template = readonly (string | { readonly column: string })[];

/** A column's text by its name; null is SQL's NULL. */
export type Values = (column: string) => string | null;

/** @returns what is wrong with it, as a string */
export function parseTemplate(text: string): Template | string {
  const parts: (string | { column: string })[] = [];
  let literal = '';
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    if (sign !== '{' && sign !== '}') {
      literal += sign;
    } else if (text[at + 1] === sign) {
      literal += sign;
      at += 1;
    } else {
      const end = text.indexOf('}', at);
      const column = text.slice(at + 1, end);
      if (sign === '}' || end < 0 || column === '' || column.includes('{')) {
        return `has a lone ${sign} (write ${sign}${sign} for the sign itself, {name} for a column)`;
      }
      if (literal !== '') parts.push(literal);
      parts.push({ column });
      literal = '';
      at = end;
    }
  }
  if (literal !== '') parts.push(literal);
  return parts;
}

export function columnsOf(template: Template): string[] {
  return template.flatMap((part) => (typeof part === 'string' ? [] : [part.column]));
}

/** NULL leaves nothing behind. */
export function render(
  template: Template,
  values: Values,
  encode: (value: string) => string = (value) => value,
): string {
  return template.map((part) => (typeof part === 'string' ? part : encode(values(part.column) ?? ''))).join('');
}

/** A template that is one column and nothing else. */
export function onlyColumn(template: Template): string | undefined {
  const [part] = template;
  return template.length === 1 && typeof part === 'object' ? part.column : undefined;
}
