import { describe, expect, it } from 'vitest';
import { FootnoteError, type ErrorCode, type Permanence } from '../../../core/errors.js';
import { NothingDone } from '../sql/transact.js';
import { breaksConnection, postgresError, type Stage } from './errors.js';

const answer = (code: string, severity = 'ERROR') => Object.assign(new Error('said the server'), { code, severity });
const system = (code: string) => Object.assign(new Error('said the system'), { code });
const translated = (error: unknown, stage: Stage = 'statement') =>
  postgresError(error, 'h:1/c', stage) as FootnoteError;

describe('postgresError', () => {
  it.each<[unknown, ErrorCode, Permanence]>([
    [answer('53100'), 'disk_full', 'transient'],
    [answer('53300', 'FATAL'), 'unavailable', 'transient'],
    [answer('53200'), 'unavailable', 'transient'],
    [answer('25006'), 'read_only', 'transient'],
    [answer('0A000', 'FATAL'), 'read_only', 'transient'],
    [answer('57014'), 'unavailable', 'transient'],
    [answer('55P03'), 'unavailable', 'transient'],
    [answer('57P01', 'FATAL'), 'unavailable', 'transient'],
    [answer('57P03', 'FATAL'), 'unavailable', 'transient'],
    [answer('25P03', 'FATAL'), 'unavailable', 'transient'],
    [answer('08006', 'FATAL'), 'unavailable', 'transient'],
    [answer('58030'), 'unavailable', 'transient'],
    [answer('XX001'), 'data_corrupt', 'permanent'],
    [answer('54000'), 'invalid_request', 'permanent'],
    [answer('28P01', 'FATAL'), 'invalid_config', 'permanent'],
    [answer('3D000', 'FATAL'), 'invalid_config', 'permanent'],
    [answer('42501'), 'invalid_config', 'permanent'],
    [system('ECONNREFUSED'), 'unavailable', 'transient'],
    [system('ECONNRESET'), 'unavailable', 'transient'],
    [system('ENOTFOUND'), 'unavailable', 'transient'],
    [system('DEPTH_ZERO_SELF_SIGNED_CERT'), 'invalid_config', 'permanent'],
    [system('ERR_TLS_CERT_ALTNAME_INVALID'), 'invalid_config', 'permanent'],
    [new Error('The server does not support SSL connections'), 'invalid_config', 'permanent'],
    [new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'), 'invalid_config', 'permanent'],
    [new Error('timeout exceeded when trying to connect'), 'unavailable', 'transient'],
    [new Error('Query read timeout'), 'unavailable', 'transient'],
    [new Error('Connection terminated unexpectedly'), 'unavailable', 'transient'],
  ])('%s', (error, code, permanence) => {
    expect(translated(error)).toMatchObject({ code, permanence, cause: error });
  });

  it('leaves errors of the program and of its SQL as they are', () => {
    for (const error of [answer('42P01'), answer('23505'), new TypeError('x'), new FootnoteError('conflict', 'x')]) {
      expect(translated(error)).toBe(error);
      expect(breaksConnection(error)).toBe(false);
    }
  });

  it('tells what surely did nothing from what may have been done', () => {
    for (const code of ['40001', '40P01']) {
      for (const stage of ['statement', 'transaction', 'commit'] as const) {
        expect(translated(answer(code), stage)).toBeInstanceOf(NothingDone);
      }
    }
    const broken = new Error('Connection terminated unexpectedly');
    expect(translated(broken, 'transaction')).toBeInstanceOf(NothingDone);
    for (const stage of ['statement', 'commit'] as const) {
      expect(translated(broken, stage)).not.toBeInstanceOf(NothingDone);
      expect(translated(broken, stage).message).toContain('not known');
    }
    expect(translated(answer('57014')).message).not.toContain('not known');
    expect(translated(answer('57014'), 'transaction')).not.toBeInstanceOf(NothingDone);
  });
});
