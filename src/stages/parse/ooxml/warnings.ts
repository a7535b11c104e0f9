import type { Warning } from '../../../core/document.js';

/** Codes of what a parser left out or took in although a reader might not see it, with how the message begins. */
const MESSAGES = {
  tracked_deletions_left_out: 'Text whose deletion is tracked was left out',
  hidden_text_left_out: 'Hidden text was left out',
  comments_left_out: 'Comments were left out',
  headers_and_footers_left_out: 'Headers and footers of pages were left out',
  embedded_documents_left_out: 'Embedded documents and objects were left out',
} as const;

export type LeftOut = keyof typeof MESSAGES;

/** Counts what is left out, for one warning a kind. */
export class LeftOuts {
  readonly #counts = new Map<LeftOut, number>();

  add(kind: LeftOut, count = 1): void {
    if (count > 0) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  warnings(): Warning[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([code, count]) => ({ code, message: `${MESSAGES[code]} (${count}).` }));
  }
}
