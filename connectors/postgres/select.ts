/** Part of a name, so that a `$` behind it is, too. */
const NAME = /[\p{L}\p{N}_$]/u;

/**
 * What is wrong with a query that is to be read as a table: it must be one SELECT that can stand in parentheses. This is for
 * clear messages and against a slip; what keeps it from writing is the transaction, which is READ ONLY.
 */
export function selectProblem(text: string): string | undefined {
  if (text.includes('\0')) return 'holds a zero byte';
  let depth = 0;
  let words = '';
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at, at + 2);
    const quoted = text[at] === '$' && !NAME.test(text[at - 1] ?? ' ') ? dollarTag(text, at) : undefined;
    if (rest[0] === "'" || rest[0] === '"' || quoted !== undefined || rest === '--' || rest === '/*') {
      const end = endOf(text, at, quoted);
      if (end === undefined) return `has a string, name or comment that does not end (it begins with ${rest})`;
      at = end;
      words += ' ';
      continue;
    }
    const sign = text[at]!;
    if (sign === ';') return 'holds a semicolon: give one SELECT, without one';
    if (sign === '$' && /[0-9]/.test(rest[1] ?? '') && !NAME.test(text[at - 1] ?? ' ')) {
      return `holds a parameter (${rest}): write the value itself`;
    }
    if (sign === '(') depth += 1;
    if (sign === ')') depth -= 1;
    if (depth < 0) return 'closes a parenthesis that it did not open';
    words += sign;
    at += 1;
  }
  if (depth > 0) return 'opens a parenthesis that it does not close';
  if (!/^[\s(]*(select|with)\b/i.test(words)) return 'must be one SELECT (or WITH … SELECT)';
  return undefined;
}

function dollarTag(text: string, at: number): string | undefined {
  return /^\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/u.exec(text.slice(at, at + 130))?.[0];
}

/** Behind the string, name or comment that begins here. */
function endOf(text: string, at: number, dollar: string | undefined): number | undefined {
  if (dollar !== undefined) return behind(text, dollar, at + dollar.length);
  const sign = text[at]!;
  if (sign === '-') return behind(text, '\n', at) ?? text.length;
  if (sign === '/') return endOfComment(text, at);
  const escapes = sign === "'" && /(^|[^\p{L}\p{N}_$])e$/iu.test(text.slice(Math.max(0, at - 2), at));
  for (let i = at + 1; i < text.length; i += 1) {
    if (escapes && text[i] === '\\') i += 1;
    else if (text[i] === sign) {
      if (text[i + 1] !== sign) return i + 1;
      i += 1;
    }
  }
  return undefined;
}

/** Comments nest. */
function endOfComment(text: string, at: number): number | undefined {
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    const two = text.slice(i, i + 2);
    if (two !== '/*' && two !== '*/') continue;
    depth += two === '/*' ? 1 : -1;
    i += 1;
    if (depth === 0) return i + 1;
  }
  return undefined;
}

function behind(text: string, what: string, from: number): number | undefined {
  const at = text.indexOf(what, from);
  return at < 0 ? undefined : at + what.length;
}
