import { Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';

export interface MainContent {
  /** HTML of the main content. */
  readonly html: string;
  readonly title?: string;
  readonly chars: number;
}

/** What Readability takes for the article of a page; undefined when it finds none. */
export function mainContent(html: string): MainContent | undefined {
  const page = parseHTML(html) as unknown as { readonly document: unknown };
  // Typed for a browser's document, of which linkedom's is a likeness.
  const article = new Readability(page.document, { keepClasses: true, disableJSONLD: true }).parse();
  if (!article?.content) return undefined;
  const title = article.title?.trim();
  return {
    html: article.content,
    chars: article.textContent?.replace(/\s+/g, ' ').trim().length ?? 0,
    ...(title && { title }),
  };
}
