import { describe, expect, it } from 'vitest';
import { writeZip } from '../../../scripts/samples/zip.js';
import { identify } from './detect.js';

const text = (content: string) => new Uint8Array(Buffer.from(content));
const mime = async (content: string | Uint8Array, name?: string, said?: string) =>
  (
    await identify(typeof content === 'string' ? text(content) : content, {
      ...(name !== undefined && { name }),
      ...(said !== undefined && { mime: said }),
    })
  ).mime;
const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex');

describe('identify', () => {
  it.each([
    ['%PDF-1.7\n', 'notes.txt', 'application/pdf'],
    ['<!doctype html><p>x', 'page.md', 'text/html'],
    ['<?xml version="1.0"?><!-- c --><html xmlns="http://www.w3.org/1999/xhtml">', 'a.txt', 'text/html'],
    ['<p align="center">logo</p>\n\n# Title', 'readme.md', 'text/markdown'],
    ['plain words', 'a.html', 'text/html'],
    ['# Title', 'a.MD', 'text/markdown'],
    ['# not a title', 'a.txt', 'text/plain'],
    ['print(1)', 'a.py', 'text/x-python'],
    ['#!/usr/bin/env python3\nprint(1)', 'run', 'text/x-python'],
    ['#!/bin/bash -e\nls', undefined, 'text/x-shell'],
    ['FROM node', 'Dockerfile', 'text/x-dockerfile'],
    ['{"a":1}', 'a.json', 'application/json'],
    ['{"a":1}\n{"a":2}', 'a.ndjson', 'application/jsonl'],
    ['a,b\n1,2', 'a.csv', 'text/csv'],
    ['a\tb', 'a.tsv', 'text/tab-separated-values'],
    ['Subject: x\n\ny', 'a.eml', 'message/rfc822'],
    ['<?xml version="1.0"?><rss/>', undefined, 'application/xml'],
    ['<!doctype html><?php echo 1;', 'a.php', 'text/x-php'],
    ['The file format begins with %PDF-1.7 as a rule.', 'a.txt', 'text/plain'],
    ['# A\n\n- b\n- c\n\n[d](e)', undefined, 'text/markdown'],
    ['just words', undefined, 'text/plain'],
    ['', 'a.md', 'text/markdown'],
    ['', undefined, 'text/plain'],
  ])('%j named %s is %s', async (content, name, expected) => {
    expect(await mime(content, name)).toBe(expected);
  });

  it('asks the source last', async () => {
    expect(await mime('words', undefined, 'text/markdown; charset=utf-8')).toBe('text/markdown');
    expect(await mime('words', 'a.txt', 'text/markdown')).toBe('text/plain');
    expect(await mime('# A\n\n- b\n- c\n\n[d](e)', undefined, 'text/plain')).toBe('text/plain');
    expect(await mime('words', undefined, 'image/png')).toBe('text/plain');
  });

  it('reads UTF-16 as text', async () => {
    expect(await mime(Buffer.from('\ufeffwide words', 'utf16le'), 'a.txt')).toBe('text/plain');
  });

  it('names the parser with its version', async () => {
    expect(await identify(text('# a'), { name: 'a.md' })).toMatchObject({
      parser: expect.stringMatching(/^markdown@\d+$/) as string,
    });
  });

  it('refuses known types with advice', async () => {
    await expect(mime(PNG, 'a.txt')).rejects.toMatchObject({
      code: 'unsupported_media_type',
      message: expect.stringContaining('image/png') as string,
    });
    const zip = Buffer.concat([Buffer.from('504b0304140000000800', 'hex'), Buffer.alloc(40)]);
    expect(await mime(zip, 'a.docx')).toContain('wordprocessingml');
    await expect(mime(zip, 'a.odt')).rejects.toMatchObject({
      code: 'unsupported_media_type',
      details: { mime: expect.stringContaining('opendocument') as string },
    });
    await expect(mime('{\\rtf1 x}', 'a.txt')).rejects.toMatchObject({ code: 'unsupported_media_type' });
  });

  const compound = (stream: string) =>
    Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(1016), Buffer.from(stream, 'utf16le')]);
  const zipped = (...names: string[]) => writeZip(names.map((name) => ({ name, data: 'x' })));
  it.each([
    [zipped('[Content_Types].xml', 'word/document.xml'), 'a.zip', 'wordprocessingml.document'],
    [zipped('docProps/core.xml', 'word\\document.xml'), undefined, 'wordprocessingml.document'],
    [zipped('_rels/.rels'), 'a.dotm', 'wordprocessingml.document'],
    [zipped('docProps/core.xml', 'xl/workbook.xml'), undefined, 'spreadsheetml.sheet'],
    [zipped('ppt/presentation.xml'), 'a.docx', 'presentationml.presentation'],
    [writeZip([{ name: 'mimetype', data: 'application/epub+zip', stored: true }]), undefined, 'epub'],
    [compound('EncryptedPackage'), 'a.xlsx', 'spreadsheetml.sheet'],
  ])('knows containers by what is in them, then by their name %#', async (content, name, expected) => {
    expect(await mime(content, name)).toContain(expected);
  });

  it.each([
    [compound('WordDocument'), 'a.docx', 'application/msword'],
    [compound('Workbook'), undefined, 'application/vnd.ms-excel'],
    [compound('PowerPoint Document'), 'a.ppt', 'application/vnd.ms-powerpoint'],
    [compound('anything'), 'a.msg', 'application/vnd.ms-outlook'],
    [compound('anything'), undefined, 'application/x-cfb'],
    [zipped('xl/workbook.bin'), 'a.xlsx', 'application/vnd.ms-excel.sheet.binary.macroenabled.12'],
    [zipped('anything'), 'a.ods', 'application/vnd.oasis.opendocument.spreadsheet'],
    [zipped('anything'), undefined, 'application/zip'],
  ])('refuses containers of what is not read %#', async (content, name, expected) => {
    await expect(mime(content, name)).rejects.toMatchObject({
      code: 'unsupported_media_type',
      details: { mime: expected },
    });
  });

  it('refuses binary data of no known type', async () => {
    const noise = Uint8Array.from({ length: 500 }, (_, index) => ((index * 7919) % 251) & 31);
    await expect(mime(noise, 'a.md')).rejects.toMatchObject({ code: 'unknown_type' });
    await expect(mime(new Uint8Array([0, 1, 2, 3]), undefined, 'text/plain')).rejects.toMatchObject({
      code: 'unknown_type',
    });
  });
});
