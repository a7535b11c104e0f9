import { decodeEvent, encodeEvent } from '../../../core/event-codec.js';
import type { DeadLetter, DeadLetters } from '../../../core/ports/log.js';
import type { SqliteValue } from '../../sqlite/database.js';
import { deadLetterId } from '../consuming/dead-letter.js';
import type { LogStore } from './store.js';

interface Row {
  id: string;
  stream: string;
  name: string;
  document_id: string;
  epoch: number;
  partition: number;
  offset: number;
  failure: string;
  event: string;
}

const SELECT = `SELECT d.id, s.name AS stream, d.name, d.document_id, d.epoch, d.partition, d.offset, d.failure, d.event
  FROM dead_letters d JOIN streams s ON s.id = d.stream`;

/** Letters of one document read at once; a document has few. */
const PAGE = 100;

function toLetter(row: Row): DeadLetter {
  const failure = JSON.parse(row.failure) as Pick<DeadLetter, 'code' | 'message' | 'attempts' | 'at'>;
  return {
    id: row.id,
    stream: row.stream,
    group: row.name,
    documentId: row.document_id,
    position: { epoch: row.epoch, partition: row.partition, offset: BigInt(row.offset) },
    event: decodeEvent(row.event),
    ...failure,
  };
}

export class SqliteDeadLetters implements DeadLetters {
  readonly #store: LogStore;

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Durable on return. A letter of the same place is replaced. */
  write(letter: DeadLetter): void {
    const stream = this.#store.open(letter.stream);
    const { code, message, attempts, at } = letter;
    this.#store.full.run(
      `INSERT INTO dead_letters (id, stream, name, document_id, epoch, partition, offset, failure, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET failure = excluded.failure`,
      [
        letter.id,
        stream.id,
        letter.group,
        letter.documentId,
        letter.position.epoch,
        letter.position.partition,
        Number(letter.position.offset),
        JSON.stringify({ code, message, attempts, at }),
        encodeEvent(letter.event),
      ],
    );
  }

  async add(letter: Omit<DeadLetter, 'id'>): Promise<DeadLetter> {
    const whole = { ...letter, id: deadLetterId(letter.stream, letter.group, letter.position) };
    this.write(whole);
    return whole;
  }

  async list(stream: string, options: { group?: string; after?: string; limit?: number } = {}): Promise<DeadLetter[]> {
    const where = ['s.name = ?'];
    const parameters: SqliteValue[] = [stream];
    if (options.group !== undefined) {
      where.push('d.name = ?');
      parameters.push(options.group);
    }
    if (options.after !== undefined) {
      where.push('d.id > ?');
      parameters.push(options.after);
    }
    const sql = `${SELECT} WHERE ${where.join(' AND ')} ORDER BY d.id LIMIT ?`;
    return this.#store.full.rows<Row>(sql, [...parameters, options.limit ?? PAGE]).map(toLetter);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const row = this.#store.full.rows<Row>(`${SELECT} WHERE d.id = ?`, [id])[0];
    return row && toLetter(row);
  }

  async remove(id: string): Promise<void> {
    this.#store.full.run('DELETE FROM dead_letters WHERE id = ?', [id]);
  }

  async removeDocument(
    stream: string,
    documentId: string,
    options: { group?: string; keep?: (letter: DeadLetter) => boolean } = {},
  ): Promise<number> {
    let removed = 0;
    for (let after = ''; ;) {
      const rows = this.#store.full.rows<Row>(
        `${SELECT} WHERE s.name = ? AND d.document_id = ? AND d.id > ? ORDER BY d.id LIMIT ?`,
        [stream, documentId, after, PAGE],
      );
      const letters = rows.map(toLetter);
      this.#store.full.transaction(() => {
        for (const letter of letters) {
          if (options.group !== undefined && letter.group !== options.group) continue;
          if (options.keep?.(letter)) continue;
          removed += this.#store.full.run('DELETE FROM dead_letters WHERE id = ?', [letter.id]).changes;
        }
      });
      if (rows.length < PAGE) return removed;
      after = rows[rows.length - 1]!.id;
    }
  }

  async count(stream: string): Promise<number> {
    const row = this.#store.full.rows<{ count: number }>(
      'SELECT count(*) AS count FROM dead_letters d JOIN streams s ON s.id = d.stream WHERE s.name = ?',
      [stream],
    )[0];
    return row?.count ?? 0;
  }
}
