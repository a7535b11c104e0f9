import type { XmlElement } from '../xml/elements.js';
import { childOf, childrenOf, descend, textOf } from '../xml/read.js';

/** A formula on one line, as one would type it (ECMA-376 part 1, 22.1): `(a+b)/2`, `x^2`, `√(x)`. */
export function mathText(element: XmlElement): string {
  const part = (name: string): string => all(childOf(element, name));
  switch (element.name) {
    case 'm:t':
      return textOf(element);
    case 'm:f':
      return `${grouped(part('m:num'))}/${grouped(part('m:den'))}`;
    case 'm:sSup':
      return `${part('m:e')}^${grouped(part('m:sup'))}`;
    case 'm:sSub':
      return `${part('m:e')}_${grouped(part('m:sub'))}`;
    case 'm:sSubSup':
      return `${part('m:e')}_${grouped(part('m:sub'))}^${grouped(part('m:sup'))}`;
    case 'm:rad': {
      const degree = part('m:deg');
      return `${degree === '' ? '' : `${degree} `}√(${part('m:e')})`;
    }
    case 'm:d': {
      const sign = (name: string, otherwise: string): string =>
        descend(element, 'm:dPr', name)?.attributes['m:val'] ?? otherwise;
      const inside = [...childrenOf(element, 'm:e')].map(all).join(sign('m:sepChr', '|'));
      return `${sign('m:begChr', '(')}${inside}${sign('m:endChr', ')')}`;
    }
    case 'm:nary': {
      const sign = descend(element, 'm:naryPr', 'm:chr')?.attributes['m:val'] ?? '∫';
      const below = part('m:sub');
      const above = part('m:sup');
      return `${sign}${below === '' ? '' : `_${grouped(below)}`}${above === '' ? '' : `^${grouped(above)}`} ${part('m:e')}`;
    }
    case 'm:m':
      return [...childrenOf(element, 'm:mr')].map((row) => [...childrenOf(row, 'm:e')].map(all).join(', ')).join('; ');
    default:
      return all(element);
  }
}

function all(element: XmlElement | undefined): string {
  return [...childrenOf(element)].map(mathText).join('');
}

/** In brackets when it is more than one sign, number or word. */
function grouped(text: string): string {
  return /^(?:[\p{L}\p{N}.]*|.)$/u.test(text) ? text : `(${text})`;
}
