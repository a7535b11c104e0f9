/** Words in a shingle. Broder (1997), "On the resemblance and containment of documents". */
const SHINGLE = 3;
/** Most words of a text that are looked at. */
const MAX_WORDS = 2048;

/** Finds texts that say again what one taken before says. */
export class Duplicates {
  /** Shingle to the numbers of the taken texts that hold it. */
  readonly #holders = new Map<string, number[]>();
  #taken = 0;

  /** @param share containment from which a text is a duplicate: its shingles that one taken text also holds; above 1 never */
  constructor(private readonly share: number) {}

  /** The text's distinct shingles: three words in a row, letters and digits only, in lower case. */
  static shingles(text: string): ReadonlySet<string> {
    const words =
      text
        .toLowerCase()
        .match(/[\p{L}\p{N}]+/gu)
        ?.slice(0, MAX_WORDS) ?? [];
    const found = new Set<string>();
    for (let i = 0; i + SHINGLE <= words.length; i++) found.add(words.slice(i, i + SHINGLE).join(' '));
    if (found.size === 0 && words.length > 0) found.add(words.join(' '));
    return found;
  }

  has(shingles: ReadonlySet<string>): boolean {
    if (shingles.size === 0 || this.share > 1) return false;
    const shared = new Map<number, number>();
    const wanted = Math.ceil(this.share * shingles.size);
    for (const shingle of shingles) {
      for (const text of this.#holders.get(shingle) ?? []) {
        const count = (shared.get(text) ?? 0) + 1;
        if (count >= wanted) return true;
        shared.set(text, count);
      }
    }
    return false;
  }

  add(shingles: ReadonlySet<string>): void {
    const text = this.#taken++;
    for (const shingle of shingles) {
      const holders = this.#holders.get(shingle);
      if (holders) holders.push(text);
      else this.#holders.set(shingle, [text]);
    }
  }
}
