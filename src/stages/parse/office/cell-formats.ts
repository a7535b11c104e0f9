import type { Element } from '../html/dom.js';
import { attribute, childOf, childrenOf } from './xml.js';

/** ECMA-376 part 1, 18.8.30: ids below 164 that are not written down and say more than how many digits. */
const BUILT_IN: Readonly<Record<string, string>> = {
  9: '0%',
  10: '0.00%',
  14: 'y-m-d',
  15: 'd-m-y',
  16: 'd-m',
  17: 'm-y',
  18: 'h:m',
  19: 'h:m:s',
  20: 'h:m',
  21: 'h:m:s',
  22: 'y-m-d h:m',
  45: 'm:s',
  46: '[h]:m:s',
  47: 'm:s',
};
const DAY_MS = 86_400_000;
/** Day 0 of a workbook: 1899-12-30, which counts the 29 February 1900 that Lotus 1-2-3 believed in; or 1904-01-01. */
const BEGINNING = { since1900: Date.UTC(1899, 11, 30), since1904: Date.UTC(1904, 0, 1) };

export interface Formats {
  /** What a number means; `style` is the cell's. */
  show(value: number, style: string | undefined): string;
}

/**
 * Numbers as they are, without separators, which search and arithmetic both want; dates and times in ISO 8601, shares in
 * per cent. @param styles the root of xl/styles.xml
 */
export function cellFormats(styles: Element | undefined, since1904: boolean): Formats {
  const codes = new Map<string, string>(Object.entries(BUILT_IN));
  const own = styles && childOf(styles, 'numFmts');
  for (const each of own ? childrenOf(own, 'numFmt') : []) {
    codes.set(attribute(each, 'numFmtId') ?? '', attribute(each, 'formatCode') ?? '');
  }
  const cells = styles && childOf(styles, 'cellXfs');
  const kinds = (cells ? childrenOf(cells, 'xf') : []).map((xf) => kindOf(codes.get(attribute(xf, 'numFmtId') ?? '0')));
  const beginning = since1904 ? BEGINNING.since1904 : BEGINNING.since1900;
  return {
    show(value, style) {
      if (!Number.isFinite(value)) return '';
      const kind = kinds[Number(style ?? 0)] ?? 'number';
      if (kind === 'number') return plain(value);
      if (kind === 'share') return `${plain(value * 100)}%`;
      const at = new Date(beginning + Math.round(value * DAY_MS));
      if (Number.isNaN(at.getTime())) return plain(value);
      const [date, time] = at
        .toISOString()
        .replace(/\.\d+Z$/, '')
        .split('T') as [string, string];
      if (kind === 'time' && value < 1) return time;
      return kind === 'date' && time === '00:00:00' ? date : `${date} ${time}`;
    },
  };
}

type Kind = 'number' | 'share' | 'date' | 'time';

function kindOf(pattern: string | undefined): Kind {
  // Quoted and escaped characters, colours and conditions say nothing of what it is; `[h]` does.
  const bare = (pattern ?? '').replaceAll(/"[^"]*"|\\.|_.|\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, '');
  if (bare.includes('%')) return 'share';
  if (/[yd]/i.test(bare) || /m(?!:)/i.test(bare.replaceAll(/h+:m+|m+:s+/gi, ''))) return 'date';
  return /[hs]/i.test(bare.replace(/general/i, '')) ? 'time' : 'number';
}

/** 15 digits, as the sheet keeps them. */
function plain(value: number): string {
  return String(Number(value.toPrecision(15)));
}
