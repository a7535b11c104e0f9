import type { ParsedDocument } from '../../core/document.js';
import { FootnoteError } from '../../core/errors.js';
import type { ParseHints } from '../../core/ports/processing.js';
import { detectLanguage } from '../analyze/detect.js';
import { DETECT_BYTES, identify } from './detect.js';
import { parserId } from './parser.js';
import { parserFor } from './registry.js';

/**
 * Detects the type and parses. Pure, and as slow or hungry as the document makes it: run it where it can be killed.
 * @throws FootnoteError of `identify` and of the parser
 */
export async function parseDocument(bytes: Uint8Array, hints: ParseHints): Promise<ParsedDocument> {
  const { mime } = await identify(bytes.subarray(0, DETECT_BYTES), hints);
  const parser = parserFor(mime);
  if (!parser) throw new FootnoteError('unsupported_media_type', `Nothing reads ${mime}.`);
  const parse = await parser.load();
  const content = await parse({ bytes, mime, hints });
  const language = content.language ?? detectLanguage(content.text);
  const parsed: ParsedDocument = {
    ...content,
    ...(language === undefined ? {} : { language }),
    mime,
    parser: parserId(parser),
  };
  if (/\S/.test(parsed.text)) return parsed;
  if (parsed.warnings.some((warning) => warning.code === 'no_text_layer')) return parsed;
  const warning = { code: 'empty_document', message: 'The document has no text: nothing of it can be found.' };
  return { ...parsed, warnings: [...parsed.warnings, warning] };
}
