/** Deeper than any document that a person wrote; the parser takes quadratic time in these numbers. */
const CONTAINERS = 100;
const DELIMITERS = 20_000;

/**
 * Whether a line opens more containers (quotes, lists) than `CONTAINERS`, or one run of lines (up to a blank line or
 * the next item of a list) has more emphasis and link delimiters than `DELIMITERS`. One pass, no backtracking.
 */
export function nestsTooDeep(text: string): boolean {
  let delimiters = 0;
  let containers = 0;
  /** Only markers and white space since the line began. */
  let opening = true;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit === 10) {
      if ((opening && containers === 0) || startsItem(text, i + 1)) delimiters = 0;
      opening = true;
      containers = 0;
      continue;
    }
    // * _ ~ [ ]
    if (unit === 42 || unit === 95 || unit === 126 || unit === 91 || unit === 93) {
      delimiters += 1;
      if (delimiters > DELIMITERS) return true;
    }
    if (!opening || unit === 32 || unit === 9) continue;
    // > - * + and the digits and dots of ordered lists
    if (unit === 62 || unit === 45 || unit === 42 || unit === 43) containers += 1;
    else if (unit === 46 || unit === 41) containers += 1;
    else if (unit < 48 || unit > 57) opening = false;
    if (containers > CONTAINERS && followedBySpaceOrQuote(text, i)) return true;
  }
  return false;
}

/** A run of dashes or stars is a rule or emphasis, not nesting: markers need white space or another `>`. */
function followedBySpaceOrQuote(text: string, at: number): boolean {
  const next = text[at + 1];
  return text[at] === '>' || next === ' ' || next === '\t' || next === '>';
}

/** A bullet begins a block of its own in every context. */
function startsItem(text: string, at: number): boolean {
  const mark = text[at];
  return (mark === '-' || mark === '*' || mark === '+') && text[at + 1] === ' ';
}
