import type { DeadLetter, DeadLetters } from '../../../core/ports/log.js';
import { deadLetterId } from '../consuming/dead-letter.js';
import { encodeLetter, letterHeaders } from './letter-codec.js';
import type { LettersView } from './letters-view.js';
import type { Table } from './table.js';

const PAGE = 100;

/** Dead letters in a compacted topic, keyed by their id: a letter of the same place replaces the one before. */
export class KafkaDeadLetters implements DeadLetters {
  readonly #table: Table;
  readonly #view: LettersView;
  readonly #logId: string;

  constructor(table: Table, view: LettersView, logId: string) {
    this.#table = table;
    this.#view = view;
    this.#logId = logId;
  }

  /** Durable on return. */
  async write(letter: DeadLetter): Promise<void> {
    await this.#table.write(letter.id, encodeLetter(letter), letterHeaders(letter, this.#logId));
  }

  async add(letter: Omit<DeadLetter, 'id'>): Promise<DeadLetter> {
    const whole = { ...letter, id: deadLetterId(letter.stream, letter.group, letter.position) };
    await this.write(whole);
    return whole;
  }

  async list(stream: string, options: { group?: string; after?: string; limit?: number } = {}): Promise<DeadLetter[]> {
    await this.#table.sync();
    return this.#view.find(stream, { group: options.group }, options.after ?? '', options.limit ?? PAGE);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    await this.#table.sync();
    return this.#view.get(id);
  }

  async remove(id: string): Promise<void> {
    if (await this.get(id)) await this.#table.write(id, undefined);
  }

  async removeDocument(
    stream: string,
    documentId: string,
    options: { group?: string; keep?: (letter: DeadLetter) => boolean } = {},
  ): Promise<number> {
    return this.#removeAll(stream, { group: options.group, documentId }, options.keep);
  }

  /** Those of a group, or all of a stream that is dropped. */
  async removeGroup(stream: string, group?: string): Promise<number> {
    return this.#removeAll(stream, { group });
  }

  async count(stream: string): Promise<number> {
    await this.#table.sync();
    return this.#view.count(stream);
  }

  async #removeAll(
    stream: string,
    where: { readonly group?: string | undefined; readonly documentId?: string },
    keep: (letter: DeadLetter) => boolean = () => false,
  ): Promise<number> {
    await this.#table.sync();
    let removed = 0;
    for (let after = ''; ;) {
      const page = this.#view.find(stream, where, after, PAGE);
      if (page.length === 0) return removed;
      after = page[page.length - 1]!.id;
      const gone = page.filter((letter) => !keep(letter));
      await this.#table.writeAll(gone.map((letter) => ({ key: letter.id, value: undefined })));
      removed += gone.length;
    }
  }
}
