import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/fixtures.js';
import { parsePostgresUrl } from './postgres-url.js';

const parseUrl = (url: string) => parsePostgresUrl(url, { subject: 'The URL' });

describe('parsePostgresUrl', () => {
  it('reads every part, percent-encoding undone', () => {
    expect(parseUrl('postgres://me:p%40ss%2F@db.example:6432/cat%20alog')).toEqual({
      host: 'db.example',
      port: 6432,
      user: 'me',
      password: 'p@ss/',
      database: 'cat alog',
      ssl: false,
      server: 'db.example:6432/cat alog',
    });
    const short = parseUrl('postgresql://me@[::1]/c');
    expect(short).toMatchObject({ host: '::1', port: 5432, password: undefined, server: '[::1]:5432/c' });
  });

  it('checks certificates whenever TLS is asked for, unless told not to', async () => {
    const ssl = (parameters: string) => parseUrl(`postgres://me@h/c?${parameters}`).ssl;
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      expect(ssl(`sslmode=${mode}`)).toEqual({ rejectUnauthorized: true });
    }
    expect(ssl('sslmode=no-verify')).toEqual({ rejectUnauthorized: false });
    expect(ssl('sslmode=disable')).toBe(false);
    const folder = await temporaryFolder();
    const file = join(folder.path, 'ca.pem');
    await writeFile(file, 'PEM');
    expect(ssl(`sslmode=require&sslrootcert=${encodeURIComponent(file)}`)).toEqual({
      rejectUnauthorized: true,
      ca: 'PEM',
    });
    await folder.remove();
  });

  it.each([
    'nonsense s3cret',
    'mysql://me:s3cret@h/c',
    'postgres://me:s3cret@h',
    'postgres://:s3cret@h/c',
    'postgres://me:s3cret%@h/c',
    'postgres://me:s3cret@h:port/c',
    'postgres://me:s3cret@h/c?sslmode=prefer',
    'postgres://me:s3cret@h/c?sslrootcert=/ca.pem',
    'postgres://me:s3cret@h/c?sslmode=require&sslrootcert=/nowhere/ca.pem',
    'postgres://me:s3cret@h/c?options=-c%20x',
  ])('refuses %s without saying the password', (url) => {
    let thrown: unknown;
    try {
      parseUrl(url);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'invalid_config' });
    const { message, cause } = thrown as Error;
    expect(`${message} ${JSON.stringify(cause)} ${String(cause)}`).not.toContain('s3cret');
  });
});
