import { describe, expect, it } from 'vitest';
import { writeZip, type ZippedFile } from '../../../scripts/samples/zip.js';
import { openArchive } from './zip.js';

const read = async (files: readonly ZippedFile[], name = 'a.txt') => {
  const archive = await openArchive(writeZip(files));
  return Buffer.from(await archive.read(name)).toString();
};

describe('an archive', () => {
  it('gives its files, stored and deflated', async () => {
    const archive = await openArchive(
      writeZip([
        { name: 'a.txt', data: 'words '.repeat(1000) },
        { name: 'folder/b.txt', data: 'more', stored: true },
        { name: 'empty', data: '' },
      ]),
    );
    expect(archive.names).toEqual(['a.txt', 'folder/b.txt', 'empty']);
    expect(Buffer.from(await archive.read('a.txt')).toString()).toBe('words '.repeat(1000));
    expect(Buffer.from(await archive.read('folder/b.txt')).toString()).toBe('more');
    expect(await archive.read('empty')).toHaveLength(0);
    expect(archive.has('c')).toBe(false);
    await expect(archive.read('c')).rejects.toMatchObject({ code: 'corrupt_document' });
  });

  it.each<[string, string, ZippedFile[]]>([
    [
      'two files of one name',
      'corrupt_document',
      [
        { name: 'a.txt', data: '1' },
        { name: 'a.txt', data: '2' },
      ],
    ],
    ['a name that leads out of it', 'corrupt_document', [{ name: '../a.txt', data: '1' }]],
    ['a wrong checksum', 'corrupt_document', [{ name: 'a.txt', data: 'words', claims: { crc: 1 } }]],
    ['more than it says', 'corrupt_document', [{ name: 'a.txt', data: 'a'.repeat(100_000), claims: { size: 10 } }]],
    ['less than it says', 'corrupt_document', [{ name: 'a.txt', data: 'a', claims: { size: 10 } }]],
    ['encryption', 'password_required', [{ name: 'a.txt', data: 'words', claims: { flags: 1 } }]],
    ['a bomb that says so', 'document_too_large', [{ name: 'a.txt', data: 'a', claims: { size: 2 ** 31 } }]],
  ])('with %s is refused', async (_, code, files) => {
    await expect(read(files)).rejects.toMatchObject({ code });
  });

  it('bounds what its files have together', async () => {
    const files = Array.from({ length: 9 }, (_, index) => ({
      name: `${index}`,
      data: 'a',
      claims: { size: 60 * 2 ** 20 },
    }));
    const archive = await openArchive(writeZip(files));
    const codes: unknown[] = [];
    for (const name of archive.names) await archive.read(name).catch(({ code }) => codes.push(code));
    expect(codes).toEqual([...Array<string>(8).fill('corrupt_document'), 'document_too_large']);
  });

  it('is refused at any place it is cut off', async () => {
    const whole = writeZip([{ name: 'a.txt', data: 'words and more words' }]);
    for (let length = 0; length < whole.length; length += 1) {
      await expect(openArchive(whole.subarray(0, length))).rejects.toMatchObject({ code: 'corrupt_document' });
    }
  });
});
