import type { PDFDocumentProxy, PDFPageProxy } from 'pdfjs-dist';
import type { Warning } from '../../core/document.js';
import { FootnoteError } from '../../core/errors.js';
import { normalizeText } from './normalize.js';
import type { ParsedContent, ParserInput } from './parser.js';
import { annotationRuns } from './pdf/annotations.js';
import { type TextItem, toDirections } from './pdf/items.js';
import { readingOrder } from './pdf/layout.js';
import { loadPdfjs, pdfjsFiles } from './pdf/pdfjs.js';
import { type PageLayout, writePages } from './pdf/write.js';

/** Text of a PDF page by page in reading order, with a region a line. Pictures are left to a later stage. */
export async function parsePdf({ bytes, hints }: ParserInput): Promise<ParsedContent> {
  if (bytes.byteLength === 0) return { text: '', blocks: [], images: [], pages: [], regions: [], warnings: [] };
  const password = hints.options?.password;
  const prepared = password === undefined ? undefined : saslPrepared(password);
  try {
    return await readWith(bytes, password);
  } catch (error) {
    const again = error instanceof FootnoteError && error.code === 'password_wrong' && prepared !== password;
    if (!again) throw error;
    return readWith(bytes, prepared);
  }
}

async function readWith(bytes: Uint8Array, password: string | undefined): Promise<ParsedContent> {
  const pdfjs = await loadPdfjs();
  const task = pdfjs.getDocument({
    // pdf.js keeps and changes what it is given.
    data: new Uint8Array(bytes),
    ...(password !== undefined && { password }),
    ...pdfjsFiles(),
    isEvalSupported: false,
    disableFontFace: true,
    useSystemFonts: false,
    useWorkerFetch: false,
    isOffscreenCanvasSupported: false,
    isImageDecoderSupported: false,
    enableXfa: false,
    stopAtErrors: false,
    verbosity: pdfjs.VerbosityLevel.ERRORS,
  });
  try {
    return await read(await task.promise);
  } catch (error) {
    throw asPdfError(error, password !== undefined);
  } finally {
    await task.destroy();
  }
}

async function read(document: PDFDocumentProxy): Promise<ParsedContent> {
  const warnings: Warning[] = [];
  const layouts: PageLayout[] = [];
  const bare: number[] = [];
  for (let number = 1; number <= document.numPages; number += 1) {
    const layout = await readPage(document, number, warnings);
    layouts.push(layout);
    if (layout.columns.length === 0) bare.push(number);
  }
  const written = writePages(layouts);
  if (bare.length === layouts.length) {
    warnings.push({ code: 'no_text_layer', message: 'The PDF has no text layer: it holds pictures of text, or none.' });
  } else if (bare.length > 0) {
    const some = `${bare.slice(0, 20).join(', ')}${bare.length > 20 ? ' …' : ''}`;
    warnings.push({ code: 'pages_without_text', message: `No text layer on page ${some}.` });
  }
  const info = await metadata(document, warnings);
  const heading = written.blocks.find((block) => block.page === 1 && block.kind === 'heading' && block.level === 1);
  const title = info.title ?? heading?.title;
  return {
    ...written,
    images: [],
    ...(title !== undefined && { title }),
    ...(info.language !== undefined && { language: info.language }),
    warnings,
  };
}

async function readPage(document: PDFDocumentProxy, number: number, warnings: Warning[]): Promise<PageLayout> {
  let page: PDFPageProxy | undefined;
  try {
    page = await document.getPage(number);
    const viewport = page.getViewport({ scale: 1 });
    const content = await page.getTextContent();
    const items = content.items.filter((item): item is (typeof content.items)[number] & TextItem => 'str' in item);
    const directions = toDirections(items, content.styles, viewport.transform);
    const filled = await annotationRuns(page, viewport.transform);
    const [main, ...others] = directions;
    const upright = main ?? { angle: 0, runs: [] };
    const columns = [
      ...readingOrder(upright.angle === 0 ? [...upright.runs, ...filled] : upright.runs),
      ...others.flatMap((direction) => readingOrder(direction.runs)),
      ...(upright.angle === 0 ? [] : readingOrder(filled)),
    ];
    return { width: positive(viewport.width), height: positive(viewport.height), columns };
  } catch (error) {
    if (isPasswordError(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    warnings.push({ code: 'page_failed', message: `Page ${number} cannot be read: ${reason.slice(0, 200)}` });
    return { width: 612, height: 792, columns: [] };
  } finally {
    page?.cleanup();
  }
}

async function metadata(
  document: PDFDocumentProxy,
  warnings: Warning[],
): Promise<{ title?: string; language?: string }> {
  try {
    const { info } = await document.getMetadata();
    const { Title: title, Language: language } = info as { Title?: unknown; Language?: unknown };
    const sane = typeof title === 'string' ? saneTitle(title) : undefined;
    const primary = typeof language === 'string' ? /^[a-z]{2,3}(?=$|[-_])/i.exec(language.trim())?.[0] : undefined;
    return { ...(sane && { title: sane }), ...(primary && { language: primary.toLowerCase() }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    warnings.push({ code: 'metadata_failed', message: `The metadata cannot be read: ${reason.slice(0, 200)}` });
    return {};
  }
}

/** Titles that programs put in by themselves say nothing. */
function saneTitle(raw: string): string | undefined {
  const title = normalizeText(raw)
    .replace(/\s+/g, ' ')
    .replace(/^Microsoft (?:Word|PowerPoint|Excel) - /i, '')
    .trim();
  const letters = title.match(/\p{L}/gu)?.length ?? 0;
  if (letters < 3 || title.length > 300 || title.includes('\ufffd')) return undefined;
  if (/^(?:untitled|document|title|slide|page|no title|microsoft word)\b[\s\d.]*$/i.test(title)) return undefined;
  return /\.(?:docx?|pdf|indd|tex|dvi|ps|eps|qxd|pptx?|xlsx?|odt|rtf|html?|fm|p65)$/i.test(title) ? undefined : title;
}

function positive(size: number): number {
  return size > 0 && Number.isFinite(size) ? Math.round(size * 100) / 100 : 1;
}

/** Passwords of newer files are normalized when they are set (RFC 4013): compatibility forms fold, soft hyphens go. */
function saslPrepared(password: string): string {
  return password
    .replace(/[\u00ad\u034f\u1806\u180b-\u180d\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff]/g, '')
    .normalize('NFKC');
}

function isPasswordError(error: unknown): boolean {
  return error instanceof Error && error.name === 'PasswordException';
}

function asPdfError(error: unknown, withPassword: boolean): unknown {
  if (error instanceof FootnoteError || !(error instanceof Error)) return error;
  if (isPasswordError(error)) {
    return withPassword
      ? new FootnoteError('password_wrong', 'The password does not open this PDF.', { cause: error })
      : new FootnoteError('password_required', 'The PDF is encrypted: give its password with the document.', {
          cause: error,
        });
  }
  // What pdf.js throws on bytes it cannot make sense of has many names; all of them mean this.
  return new FootnoteError(
    'corrupt_document',
    `The PDF is damaged (${error.message.slice(0, 200)}): save it again or print it to a new PDF.`,
    {
      cause: error,
    },
  );
}
