/** How passages are written. Placeholders: `{n}` in `marker`; `{marker}`, `{text}`, `{title}`, `{uri}`, `{headings}` in `passage`. */
export interface ContextTemplate {
  readonly marker: string;
  readonly passage: string;
  readonly separator: string;
}

/** Short, because markers and titles are paid for out of the budget. */
export const DEFAULT_TEMPLATE: ContextTemplate = {
  marker: '[{n}]',
  passage: '{marker} {title}\n{text}',
  separator: '\n\n',
};

/** What a passage's placeholders stand for. */
export interface PassageLabels {
  readonly title?: string | undefined;
  readonly uri?: string | undefined;
  readonly headings?: readonly string[] | undefined;
}

export function markerOf(template: ContextTemplate, n: number): string {
  return template.marker.replaceAll('{n}', String(n));
}

const PLACEHOLDER = /\{(marker|text|title|uri|headings)\}/g;

/**
 * A passage as it stands in the context. A placeholder without a value leaves nothing, nor blanks before a line's end.
 * Values are put in once: braces in a text are no placeholders.
 */
export function renderPassage(template: ContextTemplate, marker: string, labels: PassageLabels, text: string): string {
  const values: Readonly<Record<string, string>> = {
    marker,
    title: oneLine(labels.title ?? ''),
    uri: oneLine(labels.uri ?? ''),
    headings: oneLine((labels.headings ?? []).join(' › ')),
  };
  const at = template.passage.indexOf('{text}');
  const fill = (part: string): string => part.replace(PLACEHOLDER, (_, name: string) => values[name] ?? text);
  const before = fill(template.passage.slice(0, at)).replace(/[ \t]+(?=\n)/g, '');
  return before + text + fill(template.passage.slice(at + '{text}'.length));
}

function oneLine(value: string): string {
  return value.replace(/\s+/g, ' ').trim();
}
