import { describe, expect, it } from 'vitest';
import { parseConfig } from '../core/config.js';
import type { EngineProcess } from '../core/ports/catalog.js';
import { checkRole, hasConsumers, problemOfAll } from './roles.js';

const process = (role: string, problems: EngineProcess['detail'] = {}): EngineProcess => ({
  id: `${role} ${JSON.stringify(problems)}`,
  role,
  startedAt: '2026-01-01T00:00:00.000Z',
  expiresAt: 0,
  detail: { problems },
});
const mismatch = { g: { code: 'build_mismatch', message: 'Another build.' } };

describe('roles', () => {
  it('of several processes need stores that several can reach', () => {
    const embedded = parseConfig({});
    expect(() => checkRole(embedded, 'worker')).toThrow(/footnote serve, which does everything/);
    for (const role of ['all', 'serve', 'connect', 'command'] as const) checkRole(embedded, role);
    const mixed = parseConfig({ stores: { catalog: { kind: 'postgres', url: 'postgres://u@h/d' } } });
    expect(() => checkRole(mixed, 'worker')).toThrow(/stores/);
  });

  it('tell why nobody follows a generation only when all that could have a reason', () => {
    expect(problemOfAll([process('serve'), process('worker', mismatch)], 'g')).toMatchObject({
      code: 'build_mismatch',
    });
    expect(problemOfAll([process('worker'), process('worker', mismatch)], 'g')).toBeUndefined();
    expect(problemOfAll([process('worker', mismatch)], 'other')).toBeUndefined();
    expect(problemOfAll([process('serve'), process('connect')], 'g')).toBeUndefined();
    expect(hasConsumers([process('serve'), process('connect')])).toBe(false);
    expect(hasConsumers([process('serve'), process('all')])).toBe(true);
  });
});
