import type { TokenCounter } from '../core/ports/models.js';
import type { Span } from '../core/span.js';
import { Duplicates } from './pack/duplicates.js';
import { sectionAround, whiteGap } from './pack/passages.js';
import type { PackCandidate, PackDocument, Passage } from './pack/passages.js';
import { DEFAULT_TEMPLATE, markerOf, renderPassage } from './pack/template.js';
import type { ContextTemplate } from './pack/template.js';

export type { PackCandidate, PackDocument } from './pack/passages.js';
export { DEFAULT_TEMPLATE } from './pack/template.js';
export type { ContextTemplate } from './pack/template.js';

export interface PackOptions {
  readonly template: ContextTemplate;
  /** A text is left out when one passage already holds this share of its three-word shingles; above 1 keeps all. */
  readonly duplicateShare: number;
  /** The share of the budget that one document may take while others have something to say. */
  readonly documentShare: number;
  /** A passage grows to its whole section, within what is left over, when it already is this share of it; above 1 never. */
  readonly sectionShare: number;
}

/** One default for all sets; see docs/decisions/0004-chunking-and-packing.md. */
export const DEFAULT_PACK: PackOptions = {
  template: DEFAULT_TEMPLATE,
  duplicateShare: 0.9,
  documentShare: 0.5,
  sectionShare: 0.5,
};

/** Why a candidate is not in the context: it did not fit, was said already, or its document had had its share. */
export type DropReason = 'budget' | 'duplicate' | 'document_share';

export interface PackedPassage {
  /** As it stands in the context. */
  readonly marker: string;
  readonly documentId: string;
  readonly revision: string;
  readonly span: Span;
  /** The document's text at the span; stands verbatim in the context. */
  readonly quote: string;
  readonly chunkIds: readonly string[];
}

export interface PackedContext {
  readonly context: string;
  /** Of `context`, by the counter given; never above the budget. */
  readonly tokens: number;
  readonly passages: readonly PackedPassage[];
  readonly dropped: readonly { readonly chunkId: string; readonly reason: DropReason }[];
}

/**
 * Packs ranked chunks into a token budget. Deterministic, no I/O.
 *
 * 1. Takes candidates in their order as long as they fit; one that does not is passed over, not the end. Chunks that touch
 *    or have only white space between them become one passage with one marker.
 * 2. Leaves out near-duplicates of what is taken, and holds back candidates of a document that has had its share until all
 *    other documents' candidates had their chance.
 * 3. Spends what is left over on joining passages of one section and on growing passages to their section, where most of
 *    it is there already. So nothing that was ranked is displaced by something that was not.
 * 4. Orders for the reader: documents by their best passage, passages of a document in reading order.
 * 5. Counts the finished string. Counts of parts need not add up for every tokenizer, so this count decides: while it is
 *    over the budget, the passage that ranks last goes (law 8).
 *
 * If not even the first candidate fits, its beginning is used, cut between words.
 *
 * @param candidates best first; chunks of one document are of one revision
 * @param documents texts by document id, for whichever documents they are at hand; never required
 * @param budget tokens, markers and template included
 */
export function packContext(
  candidates: readonly PackCandidate[],
  documents: ReadonlyMap<string, PackDocument>,
  budget: number,
  counter: TokenCounter,
  options: PackOptions = DEFAULT_PACK,
): PackedContext {
  const packer = new Packer(documents, budget, counter, options);
  const dropped = packer.take(candidates);
  packer.expand();
  packer.cutFirst(candidates[0]);
  return packer.finish(candidates, dropped);
}

type Dropped = Map<string, DropReason>;

class Packer {
  /** By document, in reading order. */
  readonly #passages = new Map<string, Passage[]>();
  readonly #duplicates: Duplicates;
  readonly #labelTokens = new Map<string, number>();
  readonly #separatorTokens: number;
  #used = 0;

  constructor(
    private readonly documents: ReadonlyMap<string, PackDocument>,
    private readonly budget: number,
    private readonly counter: TokenCounter,
    private readonly options: PackOptions,
  ) {
    this.#duplicates = new Duplicates(options.duplicateShare);
    this.#separatorTokens = counter.count(options.template.separator);
  }

  /** Steps 1 and 2. */
  take(candidates: readonly PackCandidate[]): Dropped {
    const dropped: Dropped = new Map();
    const held: number[] = [];
    const most = this.options.documentShare * this.budget;
    const several = candidates.some((candidate) => candidate.documentId !== candidates[0]?.documentId);
    const consider = (rank: number, share: number): void => {
      const candidate = candidates[rank] as PackCandidate;
      const refused = this.#add(candidate, rank, share);
      if (refused === undefined) dropped.delete(candidate.chunkId);
      else dropped.set(candidate.chunkId, refused);
      if (refused === 'document_share') held.push(rank);
    };
    candidates.forEach((_, rank) => {
      consider(rank, several ? most : Infinity);
    });
    for (const rank of held.splice(0)) {
      if (this.#left() > 0) consider(rank, Infinity);
    }
    return dropped;
  }

  #left(): number {
    return this.budget - this.#used;
  }

  /** Tokens of a passage's label and separator. */
  #labels(passage: Pick<Passage, 'labels'>): number {
    const label = renderPassage(this.options.template, markerOf(this.options.template, 1), passage.labels, '');
    let tokens = this.#labelTokens.get(label);
    if (tokens === undefined) {
      tokens = this.counter.count(label) + this.#separatorTokens;
      this.#labelTokens.set(label, tokens);
    }
    return tokens;
  }

  #add(candidate: PackCandidate, rank: number, share: number): DropReason | undefined {
    const { documentId, revision, span, text } = candidate;
    const document = this.documents.get(documentId);
    const list = this.#passages.get(documentId) ?? [];
    const inside = list.find((passage) => passage.span.start <= span.start && passage.span.end >= span.end);
    if (inside) {
      replace(list, [inside], { ...inside, chunkIds: [...inside.chunkIds, candidate.chunkId] });
      return undefined;
    }
    if (this.#left() <= 0) return 'budget';
    // No tokenizer in use makes less than one token of 64 characters of prose; saves counting what can't fit.
    if (text.length > 64 * this.#left()) return 'budget';
    const shingles = Duplicates.shingles(text);
    if (this.#duplicates.has(shingles)) return 'duplicate';
    const own: Passage = {
      documentId,
      revision,
      span,
      text,
      rank,
      labels: { title: candidate.title, uri: candidate.uri, headings: candidate.headings },
      chunkIds: [candidate.chunkId],
      tokens: 0,
      after: candidate.after ?? '',
    };
    const before = list.findLast((passage) => passage.span.start <= span.start);
    const next = list.find((passage) => passage.span.start > span.start);
    const left = before && joined(before, own, document);
    const right = next && joined(left ?? own, next, document);
    const made = right ?? left ?? own;
    const replaced = [...(left ? [before] : []), ...(right ? [next] : [])];
    const known = replaced.reduce((sum, passage) => sum + passage.tokens, 0);
    if (left && right && before && next) {
      made.tokens =
        known -
        this.#labels(next) +
        this.counter.count(made.text.slice(before.text.length, made.text.length - next.text.length));
    } else if (left && before) {
      made.tokens = known + this.counter.count(made.text.slice(before.text.length));
    } else if (right && next) {
      made.tokens = known + this.counter.count(made.text.slice(0, made.text.length - next.text.length));
    } else {
      made.tokens = this.#labels(made) + this.counter.count(text);
    }
    const cost = made.tokens - known;
    if (this.#used + cost - this.#separatorTokens > this.budget) return 'budget';
    const ofDocument = list.reduce((sum, passage) => sum + passage.tokens, 0);
    if (ofDocument > 0 && ofDocument + cost > share) return 'document_share';
    replace(list, replaced, made);
    this.#passages.set(documentId, list);
    this.#duplicates.add(shingles);
    this.#used += cost;
    return undefined;
  }

  /** Step 3. */
  expand(): void {
    if (this.options.sectionShare > 1) return;
    for (const passage of this.#ranked()) {
      const document = this.documents.get(passage.documentId);
      const list = this.#passages.get(passage.documentId);
      if (!document || !list?.includes(passage) || this.#left() < 8) continue;
      const section = sectionAround(document, passage.span);
      const within = list.filter((other) => other.span.start >= section.start && other.span.end <= section.end);
      const held = within.reduce((sum, other) => sum + other.span.end - other.span.start, 0);
      const size = section.end - section.start;
      if (held === size || held < this.options.sectionShare * size || size - held > 16 * this.#left()) continue;
      const text = document.text.slice(section.start, section.end);
      const first = within.reduce((best, other) => (other.rank < best.rank ? other : best), passage);
      const made = { ...first, span: section, text, chunkIds: within.flatMap((other) => other.chunkIds), after: '' };
      made.tokens = this.#labels(made) + this.counter.count(text);
      const known = within.reduce((sum, other) => sum + other.tokens, 0);
      if (this.#used + made.tokens - known - this.#separatorTokens > this.budget) continue;
      replace(list, within, made);
      this.#used += made.tokens - known;
    }
  }

  /** The beginning of the first candidate, when nothing fitted whole. */
  cutFirst(candidate: PackCandidate | undefined): void {
    if (candidate === undefined || this.#passages.size > 0) return;
    const labels = { title: candidate.title, uri: candidate.uri, headings: candidate.headings };
    const ends = [...candidate.text.slice(0, 64 * this.budget).matchAll(/\S+/g)].map(
      (word) => word.index + word[0].length,
    );
    const room = this.budget - this.#labels({ labels }) + this.#separatorTokens;
    let fits = -1;
    let low = 0;
    let high = ends.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.counter.count(candidate.text.slice(0, ends[middle])) <= room) {
        fits = middle;
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    if (fits < 0) return;
    const text = candidate.text.slice(0, ends[fits]);
    const { documentId, revision, chunkId, span } = candidate;
    const cut = { start: span.start, end: span.start + text.length };
    const passage = {
      documentId,
      revision,
      span: cut,
      text,
      rank: 0,
      labels,
      chunkIds: [chunkId],
      tokens: 0,
      after: '',
    };
    this.#passages.set(documentId, [passage]);
  }

  #ranked(): Passage[] {
    return [...this.#passages.values()].flat().sort((a, b) => a.rank - b.rank);
  }

  /** Steps 4 and 5. */
  finish(candidates: readonly PackCandidate[], dropped: Dropped): PackedContext {
    for (;;) {
      const ranked = this.#ranked();
      const order = [...new Set(ranked.map((passage) => passage.documentId))];
      const passages = order.flatMap((documentId) => this.#passages.get(documentId) ?? []);
      const { template } = this.options;
      const context = passages
        .map((passage, i) => renderPassage(template, markerOf(template, i + 1), passage.labels, passage.text))
        .join(template.separator);
      const tokens = context === '' ? 0 : this.counter.count(context);
      const last = ranked.at(-1);
      if (tokens > this.budget && last) {
        this.#remove(last);
        continue;
      }
      const used = new Set(passages.flatMap((passage) => passage.chunkIds));
      return {
        context,
        tokens,
        passages: passages.map((passage, i) => ({
          marker: markerOf(template, i + 1),
          documentId: passage.documentId,
          revision: passage.revision,
          span: passage.span,
          quote: passage.text,
          chunkIds: passage.chunkIds,
        })),
        dropped: candidates
          .filter((candidate) => !used.has(candidate.chunkId))
          .map(({ chunkId }) => ({ chunkId, reason: dropped.get(chunkId) ?? 'budget' })),
      };
    }
  }

  #remove(passage: Passage): void {
    const rest = (this.#passages.get(passage.documentId) ?? []).filter((other) => other !== passage);
    if (rest.length === 0) this.#passages.delete(passage.documentId);
    else this.#passages.set(passage.documentId, rest);
  }
}

/** The passage that two neighbours of one document make, if nothing but white space is between them. */
function joined(left: Passage, right: Passage, document?: PackDocument): Passage | undefined {
  const gap = whiteGap(left, right.span, document);
  if (gap === undefined || left.revision !== right.revision) return undefined;
  const better = left.rank < right.rank ? left : right;
  return {
    ...better,
    span: { start: left.span.start, end: Math.max(left.span.end, right.span.end) },
    text: left.text + gap + right.text.slice(Math.max(0, left.span.end - right.span.start)),
    chunkIds: [...left.chunkIds, ...right.chunkIds],
    // An earlier passage may reach beyond a later one that overlaps it.
    after: (right.span.end >= left.span.end ? right : left).after,
    tokens: 0,
  };
}

/** Puts `made` where the replaced ones were, in reading order. */
function replace(list: Passage[], replaced: readonly Passage[], made: Passage): void {
  const kept = list.filter((passage) => !replaced.includes(passage));
  list.splice(0, list.length, ...kept, made);
  list.sort((a, b) => a.span.start - b.span.start);
}
