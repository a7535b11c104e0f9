/** Rules and the lines under table headers: a sign four times or more. */
const RULE = /([-=_*.~#+])\1{3,}/g;

/**
 * What the embedder gets of a chunk, without the model's prefix: its context and text, with rules shortened. To WordPiece
 * each dash of a table drawn with dashes is a token, and a model's limit is too dear for that.
 */
export function modelInput(text: string): string {
  return text.replace(RULE, '$1$1$1');
}
