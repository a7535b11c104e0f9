/** The line box being filled: folded text of one block. In pieces, as looking at the end of a growing string copies it. */
export class InlineText {
  #pieces: string[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(text: string): void {
    const last = this.#pieces.at(-1);
    const atBreak = last === undefined || last.endsWith(' ') || last.endsWith('\n');
    this.#push(atBreak && text.startsWith(' ') ? text.slice(1) : text);
  }

  /** Blanks before the end of a line go, and so do empty lines. */
  breakLine(): void {
    for (let last = this.#pieces.pop(); last !== undefined; last = this.#pieces.pop()) {
      this.#length -= last.length;
      const words = last.trimEnd();
      if (words === '') continue;
      this.#push(words);
      break;
    }
    this.#push('\n');
  }

  /** Hands over the text and begins anew. */
  take(): string {
    const text = this.#pieces.join('');
    this.#pieces = [];
    this.#length = 0;
    return text;
  }

  #push(text: string): void {
    if (text === '') return;
    this.#pieces.push(text);
    this.#length += text.length;
  }
}
