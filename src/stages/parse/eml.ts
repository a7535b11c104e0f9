import PostalMime, { type Address } from 'postal-mime';
import type { Warning } from '../../core/document.js';
import { corrupt } from './office/archive.js';
import { written } from './office/written.js';
import { escapeHtml } from './office/xml.js';
import type { ParsedContent, ParserInput } from './parser.js';

const LIMITS = { maxNestingDepth: 32, maxHeadersSize: 1024 * 1024 };

/** E-mail (RFC 5322, MIME): subject, from, to and date, then the body; attachments by name. */
export async function parseEml({ bytes }: ParserInput): Promise<ParsedContent> {
  let mail: Awaited<ReturnType<typeof PostalMime.parse>>;
  try {
    mail = await PostalMime.parse(bytes, LIMITS);
  } catch (error) {
    throw corrupt(error instanceof Error ? error.message : String(error), error);
  }
  const { subject, from, to, cc, date, attachments } = mail;
  const head = [
    from ? `From: ${addresses([from])}` : '',
    to && to.length > 0 ? `To: ${addresses(to)}` : '',
    cc && cc.length > 0 ? `Cc: ${addresses(cc)}` : '',
    date === undefined ? '' : `Date: ${date}`,
  ].filter(Boolean);
  const names = attachments.map(({ filename, mimeType }) => filename ?? mimeType);
  const html = [
    subject ? `<h1>${escapeHtml(subject)}</h1>` : '',
    head.length > 0 ? `<p>${head.map(escapeHtml).join('<br>')}</p>` : '',
    mail.html?.trim() ? mail.html : plainHtml(mail.text ?? ''),
    names.length > 0 ? `<p>Attachments: ${escapeHtml(names.join(', '))}</p>` : '',
  ];
  const warnings: Warning[] =
    names.length === 0
      ? []
      : [
          {
            code: 'attachments_left_out',
            message: `Attachments are not read: ${names.join(', ')}. Ingest them by themselves.`,
          },
        ];
  return written(html.join('\n'), subject, warnings);
}

function addresses(of: readonly Address[]): string {
  return of
    .flatMap((each) => ('group' in each && each.group ? each.group : [each]))
    .map(({ name, address }) => (name && address ? `${name} <${address}>` : name || address || ''))
    .filter(Boolean)
    .join(', ');
}

function plainHtml(text: string): string {
  return text
    .split(/\r?\n(?:[ \t]*\r?\n)+/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) => `<p>${paragraph.trimEnd().split(/\r?\n/).map(escapeHtml).join('<br>')}</p>`)
    .join('\n');
}
