import { createHash } from 'node:crypto';
import type { OpenApiDocument } from './openapi.js';

type Json = Record<string, unknown>;

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--dim:#888;--mark:#0a7d55}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:66rem;padding:1.5rem}
h1{margin:0 0 .5rem}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}
nav a{margin-right:1rem;white-space:nowrap}a{color:inherit}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary code{font-weight:600;margin-right:.3rem}
.method{display:inline-block;min-width:4.6rem;color:var(--mark);font-weight:700}
.dim{color:var(--dim)}h4{margin:1rem 0 .3rem}
.place{scroll-margin-top:4rem}
table{border-collapse:collapse;width:100%}td{border-bottom:1px solid var(--line);padding:.25rem .8rem .25rem 0;text-align:left;vertical-align:top}
tr:last-child td{border:0}td:first-child{width:9rem}td:last-child{width:100%}td:not(:last-child){white-space:nowrap}
pre{overflow:auto;background:#8881;padding:.6rem;border-radius:6px;margin:.3rem 0}
code{font:13px/1.45 ui-monospace,monospace}
`;

/**
 * The document as one page of HTML: no script, nothing loaded, the style allowed by its hash. Names that are linked to stand
 * inside their fold, so that browsers open it.
 */
export function docsPage(document: OpenApiDocument): { html: string; policy: string } {
  const tags = (document.tags ?? []).map((tag) => tag.name);
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, operation]) => ({ path, method, operation: operation as Json })),
  );
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags as string[]).includes(tag));
    return `<h2 id="${slug(tag)}">${text(tag)}</h2>${own.map(operationHtml).join('')}`;
  });
  const schemas = Object.entries(document.components?.schemas ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(document.info.title)} API</title><style>${STYLE}</style></head><body>
<h1>${text(document.info.title)} API <span class="dim">${text(document.info.version)}</span></h1>
<p>${prose(document.info.description ?? '')} <a href="openapi.json">openapi.json</a></p>
<nav>${[...tags, 'Schemas'].map((tag) => `<a href="#${slug(tag)}">${text(tag)}</a>`).join('')}</nav>
${sections.join('\n')}
<h2 id="schemas">Schemas</h2>${schemas.map(([name, schema]) => schemaHtml(name, schema as Json)).join('')}
</body></html>`;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return { html, policy: `default-src 'none'; style-src 'sha256-${hash}'; frame-ancestors 'none'; base-uri 'none'` };
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Json }): string {
  const parameters = (operation.parameters as Json[] | undefined) ?? [];
  const body = operation.requestBody as Json | undefined;
  const problems = Object.entries(operation.responses as Json).filter(([, answer]) => isProblem(answer as Json));
  const answers = Object.entries(operation.responses as Json).filter(([, answer]) => !isProblem(answer as Json));
  return `<details><summary><span class="method">${text(method.toUpperCase())}</span>
<code>${text(path)}</code> <span class="dim">${prose(operation.summary)}</span></summary>
<div class="place" id="${text(operation.operationId)}">
${operation.description ? `<p>${prose(operation.description)}</p>` : ''}
${parameters.length > 0 ? `<h4>Parameters</h4><table>${parameters.map(parameterHtml).join('')}</table>` : ''}
${body ? `<h4>Body${body.required ? '' : ' (optional)'}</h4>${contentHtml(body.content as Json)}` : ''}
<h4>Answers</h4><table>${answers.map(answerHtml).join('')}</table>
${problems.length > 0 ? `<h4>Problems (${schemaLink(PROBLEM)})</h4><table>${problems.map(problemHtml).join('')}</table>` : ''}</div></details>`;
}

const PROBLEM = { $ref: '#/components/schemas/Problem' };

function isProblem(answer: Json): boolean {
  return Object.keys((answer.content as Json | undefined) ?? {}).join() === 'application/problem+json';
}

function answerHtml([status, answer]: [string, unknown]): string {
  const { description, content } = answer as Json;
  return `<tr><td><code>${text(status)}</code></td><td>${prose(description)}${contentHtml(content as Json | undefined)}</td></tr>`;
}

function problemHtml([status, answer]: [string, unknown]): string {
  const description = String((answer as Json).description).replace(/^Codes: (.*)\.$/, (_, codes: string) =>
    codes.replaceAll(/\w+/g, '`$&`'),
  );
  return `<tr><td><code>${text(status)}</code></td><td>${prose(description)}</td></tr>`;
}

function parameterHtml(parameter: Json): string {
  const description = parameter.description ?? (parameter.schema as Json | undefined)?.description ?? '';
  return `<tr><td><code>${text(parameter.name)}</code></td><td class="dim">${text(parameter.in)}${
    parameter.required ? ', required' : ''
  }</td><td>${schemaLink(parameter.schema as Json)}</td><td>${prose(description)}</td></tr>`;
}

function contentHtml(content: Json | undefined): string {
  if (!content) return '';
  return Object.entries(content)
    .map(([type, media]) => `<div><code>${text(type)}</code> ${schemaLink((media as Json).schema as Json)}</div>`)
    .join('');
}

/** A link to a named schema, or the schema itself. */
function schemaLink(schema: Json | undefined): string {
  if (!schema) return '';
  const reference = schema.$ref ?? (schema.items as Json | undefined)?.$ref;
  if (typeof reference === 'string') {
    const name = reference.slice(reference.lastIndexOf('/') + 1);
    return `<a href="#schema-${text(name)}">${text(name)}${schema.items ? '[]' : ''}</a>`;
  }
  const { description: _, example: __, type, ...rest } = schema;
  if (typeof type !== 'string') return `<code>${text(JSON.stringify({ type, ...rest }))}</code>`;
  return [type, ...Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`)]
    .map((part) => `<code>${text(part)}</code>`)
    .join('<br>');
}

function schemaHtml(name: string, schema: Json): string {
  const { example, ...rest } = schema;
  return `<details><summary><code>${text(name)}</code> <span class="dim">${prose(
    schema.description ?? '',
  )}</span></summary><div class="place" id="schema-${text(name)}"><pre><code>${text(JSON.stringify(rest, null, 2))}</code></pre>${
    example === undefined ? '' : `<h4>Example</h4><pre><code>${text(JSON.stringify(example, null, 2))}</code></pre>`
  }</div></details>`;
}

/** Text with `code` in it. */
function prose(value: unknown): string {
  return text(value).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function slug(tag: string): string {
  return tag.toLowerCase().replaceAll(/\W+/g, '-');
}

function text(value: unknown): string {
  const plain = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
