import { FootnoteError } from '../../../core/errors.js';
import { sha256 } from '../../../core/ids.js';

/** Longest name of a topic (Kafka, `Topic.MAX_NAME_LENGTH`). */
const MAX = 249;

/** A name in the characters of topics: everything else as `_` and its UTF-8 bytes in hex, so that no two names meet. */
function escaped(name: string): string {
  return name.replace(/[^a-zA-Z0-9-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `_${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/** What a log's topics and groups are called. */
export class Names {
  readonly prefix: string;

  constructor(prefix: string) {
    if (!/^[a-zA-Z0-9._-]{1,80}$/.test(prefix)) {
      throw new FootnoteError(
        'invalid_config',
        'stores.log.prefix: up to 80 letters, digits, dots, hyphens and underscores.',
      );
    }
    this.prefix = prefix;
  }

  /** The compacted topic of the log's identity, groups and holds. */
  get registry(): string {
    return `${this.prefix}.registry`;
  }

  /** The compacted topic of dead letters. */
  get deadLetters(): string {
    return `${this.prefix}.dead-letters`;
  }

  /** @param incarnation counts up when a stream of this name is made anew, so that nobody takes the old one for it */
  topic(stream: string, incarnation: number): string {
    return this.#bounded(`${this.prefix}.events.${escaped(stream)}`, `.${incarnation}`);
  }

  /** A consumer group, one a generation. */
  group(stream: string, incarnation: number, group: string): string {
    return this.#bounded(`${this.prefix}.group.${escaped(stream)}`, `.${incarnation}.${escaped(group)}`);
  }

  #bounded(head: string, tail: string): string {
    if (head.length + tail.length <= MAX) return head + tail;
    return `${head.slice(0, 120)}.${sha256(head + tail)}`;
  }
}
