import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { docsPage } from './docs.js';
import { openApiDocument } from './openapi.js';
import { endpoints } from './routes.js';

const document = openApiDocument('1.2.3');
const schemas = document.components?.schemas ?? {};

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(JSON.parse(JSON.stringify(document)) as object);
    expect(result).toMatchObject({ valid: true });
    expect(document.openapi).toBe('3.1.0');
  });

  it('names each operation once and gives each a summary and a tag that is listed', () => {
    const ids = endpoints.map(({ spec }) => spec.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = new Set(document.tags?.map(({ name }) => name));
    for (const { spec } of endpoints) {
      expect(tags).toContain(spec.tag);
      expect(spec.summary).not.toBe('');
    }
  });

  it('names the schema of every JSON body and answer', () => {
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      if (path === '/openapi.json') continue;
      for (const operation of Object.values(item as Record<string, { requestBody?: object; responses: object }>)) {
        const contents = JSON.stringify([operation.requestBody ?? {}, operation.responses]);
        for (const match of contents.matchAll(/"(application\/[\w.+-]*json)":\{"schema":(\{[^}]*\})/g)) {
          expect(match[2], `${path} ${match[1]}`).toMatch(/^\{"\$ref":"#\/components\/schemas\//);
        }
      }
    }
  });

  it('gives problems for what any route may refuse', () => {
    for (const item of Object.values(document.paths ?? {})) {
      for (const operation of Object.values(item as Record<string, { responses: Record<string, object> }>)) {
        expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['400', '403', '500', '503']));
      }
    }
  });

  it('has examples that its own schemas accept', () => {
    const ajv = new Ajv2020({ strict: false });
    formats.default(ajv);
    ajv.addFormat('binary', true);
    ajv.addSchema({ ...document, $id: 'api' });
    let examples = 0;
    for (const [name, schema] of Object.entries(schemas)) {
      if (!('example' in schema)) continue;
      examples += 1;
      const validate = ajv.compile({ $ref: `api#/components/schemas/${name}` });
      expect(validate(schema.example), `${name}: ${ajv.errorsText(validate.errors)}`).toBe(true);
    }
    expect(examples).toBeGreaterThan(20);
  });

  it('accepts the filters of the language and refuses others', () => {
    const ajv = new Ajv2020({ strict: false });
    ajv.addSchema({ ...document, $id: 'api' });
    const validate = ajv.compile({ $ref: 'api#/components/schemas/Filter' });
    expect(validate({ and: [{ in: ['source', ['wiki']] }, { not: { contains: ['metadata.tags', 'x'] } }] })).toBe(true);
    expect(validate({ exists: ['metadata.year'] })).toBe(true);
    expect(validate({ eq: ['source'] })).toBe(false);
    expect(validate({ eq: ['source', 'a'], ne: ['source', 'b'] })).toBe(false);
    expect(validate({ near: ['source', 'a'] })).toBe(false);
  });
});

describe('the rendered document', () => {
  it('shows every operation and schema, loads nothing and runs nothing', () => {
    const { html, policy } = docsPage(document);
    for (const { spec } of endpoints) expect(html).toContain(`id="${spec.operationId}"`);
    for (const name of Object.keys(schemas)) expect(html).toContain(`id="schema-${name}"`);
    for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(html).toContain(`id="${target}"`);
    expect(html).not.toMatch(/<script|\bsrc=|https?:\/\/(?!example\.com)[^"]*\.(js|css)/);
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-/);
  });
});
