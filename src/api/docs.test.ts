import { describe, expect, it } from 'vitest';
import { docsPage } from './docs.js';
import { openApiDocument } from './openapi.js';

describe('the rendered reference', () => {
  const { html } = docsPage(openApiDocument('1.2.3'));

  it('holds every place that it links to, inside a fold, so that browsers open it', () => {
    const targets = [...html.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]!);
    const places = new Set([...html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!));
    expect(targets.length).toBeGreaterThan(50);
    expect(targets.filter((target) => !places.has(target))).toEqual([]);
    expect(html).not.toMatch(/<details id=/);
  });

  it('shows code as code, and nothing of the document as markup', () => {
    const prose = html.replaceAll(/<pre>.*?<\/pre>/gs, '').replaceAll(/<code>.*?<\/code>/gs, '');
    expect(prose).not.toContain('`');
    expect(docsPage({ ...openApiDocument('<b>'), tags: [] }).html).not.toContain('<b>');
  });
});
