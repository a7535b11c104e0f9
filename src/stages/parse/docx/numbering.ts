import type { XmlElement } from '../xml/elements.js';
import { childOf, childrenOf, integer } from '../xml/read.js';
import type { Styles } from './styles.js';

/** Levels that a list has (ECMA-376 part 1, 17.9.6). */
const LEVELS = 9;

interface Level {
  readonly start: number;
  readonly format: string;
  /** With `%1` where the number of level 1 goes. */
  readonly text: string;
  /** A higher level than this one has to come before the count begins again; 0: it never does. */
  readonly restart: number | undefined;
}

interface Definition {
  readonly levels: readonly (Level | undefined)[];
  /** The definition is that of a style's list. */
  readonly styleLink: string | undefined;
}

interface Instance {
  readonly definition: string;
  readonly starts: ReadonlyMap<number, number>;
  readonly levels: ReadonlyMap<number, Level>;
}

/** Counts the items of a document's lists as they come (ECMA-376 part 1, 17.9). */
export class Numbering {
  readonly #definitions = new Map<string, Definition>();
  readonly #instances = new Map<string, Instance>();
  /** By definition: lists that share one go on counting. */
  readonly #counts = new Map<string, (number | undefined)[]>();
  readonly #begun = new Set<string>();
  readonly #styles: Styles;

  /** @param root `w:numbering`; a document may have none */
  constructor(root: XmlElement | undefined, styles: Styles) {
    this.#styles = styles;
    for (const element of childrenOf(root, 'w:abstractNum')) {
      const levels: (Level | undefined)[] = [];
      for (const level of childrenOf(element, 'w:lvl')) levels[levelIndex(level)] = readLevel(level);
      this.#definitions.set(element.attributes['w:abstractNumId'] ?? '', {
        levels,
        styleLink: childOf(element, 'w:numStyleLink')?.attributes['w:val'],
      });
    }
    for (const element of childrenOf(root, 'w:num')) {
      const starts = new Map<number, number>();
      const levels = new Map<number, Level>();
      for (const override of childrenOf(element, 'w:lvlOverride')) {
        const index = levelIndex(override);
        const start = integer(childOf(override, 'w:startOverride')?.attributes['w:val']);
        const level = childOf(override, 'w:lvl');
        if (start !== undefined) starts.set(index, start);
        if (level) levels.set(index, readLevel(level));
      }
      const definition = childOf(element, 'w:abstractNumId')?.attributes['w:val'] ?? '';
      this.#instances.set(element.attributes['w:numId'] ?? '', { definition, starts, levels });
    }
  }

  /**
   * The label of the next item: `3.`, `2.1` or `a)`; `-` for a bullet, '' for a level without a sign.
   * Undefined when there is no such list.
   */
  next(id: string, level: number): string | undefined {
    const index = Math.min(Math.max(level, 0), LEVELS - 1);
    const instance = this.#instances.get(id);
    if (!instance) return undefined;
    const key = this.#definitionOf(instance.definition);
    const levels = this.#definitions.get(key)?.levels ?? [];
    const of = (at: number): Level | undefined => instance.levels.get(at) ?? levels[at];
    const counts = this.#counts.get(key) ?? [];
    this.#counts.set(key, counts);
    if (!this.#begun.has(id)) {
      this.#begun.add(id);
      for (const at of instance.starts.keys()) counts[at] = undefined;
    }
    const startOf = (at: number): number => instance.starts.get(at) ?? of(at)?.start ?? 1;
    const before = counts[index];
    counts[index] = before === undefined ? startOf(index) : before + 1;
    for (let at = index + 1; at < LEVELS; at += 1) {
      const restart = of(at)?.restart;
      if (restart === undefined || (restart > 0 && index < restart)) counts[at] = undefined;
    }
    const own = of(index);
    if (own === undefined) return '-';
    if (own.format === 'bullet') return own.text.trim() === '' ? '' : '-';
    return own.text.replace(/%([1-9])/g, (_, digit: string) => {
      const at = Number(digit) - 1;
      return formatNumber(counts[at] ?? startOf(at), of(at)?.format ?? 'decimal');
    });
  }

  /** A definition may stand for that of a numbering style. */
  #definitionOf(id: string): string {
    const link = this.#definitions.get(id)?.styleLink;
    const linked = link === undefined ? undefined : this.#styles.paragraph(link).numbering?.id;
    return (linked === undefined ? undefined : this.#instances.get(linked)?.definition) ?? id;
  }
}

function levelIndex(element: XmlElement): number {
  return Math.min(Math.max(integer(element.attributes['w:ilvl']) ?? 0, 0), LEVELS - 1);
}

function readLevel(element: XmlElement): Level {
  const value = (name: string): string | undefined => childOf(element, name)?.attributes['w:val'];
  return {
    start: integer(value('w:start')) ?? 1,
    format: value('w:numFmt') ?? 'decimal',
    text: value('w:lvlText') ?? '',
    restart: integer(value('w:lvlRestart')),
  };
}

/** A number as a list shows it (ECMA-376 part 1, 17.18.59); decimal for scripts that are not listed here. */
export function formatNumber(value: number, format: string): string {
  switch (format) {
    case 'none':
      return '';
    case 'decimalZero':
      return String(value).padStart(2, '0');
    case 'lowerLetter':
    case 'upperLetter':
      return cased(letters(value), format);
    case 'lowerRoman':
    case 'upperRoman':
      return cased(roman(value), format);
    case 'ordinal':
      return `${value}${ordinalSuffix(value)}`;
    default:
      return String(value);
  }
}

function cased(text: string, format: string): string {
  return format.startsWith('upper') ? text.toUpperCase() : text;
}

/** a to z, then aa, bb and so on; Word starts anew after 780. */
function letters(value: number): string {
  if (value < 1) return String(value);
  const index = (value - 1) % 780;
  return String.fromCharCode(97 + (index % 26)).repeat(Math.floor(index / 26) + 1);
}

const ROMAN = [
  [1000, 'm'],
  [900, 'cm'],
  [500, 'd'],
  [400, 'cd'],
  [100, 'c'],
  [90, 'xc'],
  [50, 'l'],
  [40, 'xl'],
  [10, 'x'],
  [9, 'ix'],
  [5, 'v'],
  [4, 'iv'],
  [1, 'i'],
] as const;

function roman(value: number): string {
  if (value < 1 || value > 32_767) return String(value);
  let left = value;
  let text = '';
  for (const [size, sign] of ROMAN) {
    text += sign.repeat(Math.floor(left / size));
    left %= size;
  }
  return text;
}

function ordinalSuffix(value: number): string {
  const tens = value % 100;
  if (tens >= 11 && tens <= 13) return 'th';
  return ['th', 'st', 'nd', 'rd'][value % 10] ?? 'th';
}
