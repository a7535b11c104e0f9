import { createGunzip } from 'node:zlib';
import { load } from 'cheerio';
import { FootnoteError } from '../../../src/core/errors.js';

export interface Sitemap {
  readonly pages: readonly string[];
  /** Sitemaps that an index names. */
  readonly sitemaps: readonly string[];
}

/** The protocol's own bound: 50 MB uncompressed (sitemaps.org). */
export const SITEMAP_BYTES = 50 * 1024 * 1024;

/** @throws FootnoteError corrupt_document when it is none; document_too_large */
export async function readSitemap(bytes: Buffer, url: URL): Promise<Sitemap> {
  const text = (isGzip(bytes) ? await unzip(bytes, url) : bytes).toString('utf8').trimStart();
  if (!text.startsWith('<')) {
    // The protocol allows a plain list.
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    if (lines.some((line) => /^https?:/i.test(line))) return { pages: lines.filter(Boolean), sitemaps: [] };
    throw new FootnoteError('corrupt_document', `${url.href} is no sitemap.`);
  }
  const $ = load(text, { xml: true });
  const locations = (selector: string): string[] =>
    $(selector)
      .map((_, each) => $(each).text().trim())
      .get();
  if ($('urlset, sitemapindex').length === 0) throw new FootnoteError('corrupt_document', `${url.href} is no sitemap.`);
  return { pages: locations('urlset > url > loc'), sitemaps: locations('sitemapindex > sitemap > loc') };
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function unzip(bytes: Buffer, url: URL): Promise<Buffer> {
  const gunzip = createGunzip();
  gunzip.end(bytes);
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of gunzip as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > SITEMAP_BYTES) {
        throw new FootnoteError('document_too_large', `${url.href} is larger than ${SITEMAP_BYTES} bytes.`);
      }
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof FootnoteError) throw error;
    throw new FootnoteError('corrupt_document', `${url.href} can't be unpacked.`, { cause: error });
  }
  return Buffer.concat(parts);
}
