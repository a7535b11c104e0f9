import type { LeftOuts } from '../ooxml/warnings.js';
import { mathText } from '../ooxml/math.js';
import type { XmlElement } from '../xml/elements.js';
import { childOf, childrenOf, descend, isOn, textOf } from '../xml/read.js';
import { isHidden, type Styles, styleIdOf } from './styles.js';
import { symbol } from './symbols.js';

/** A foot or end note that the text refers to. */
export interface NoteRef {
  readonly kind: 'footnote' | 'endnote';
  readonly id: string;
  /** `[1]`; '' where the text brings a mark of its own. */
  readonly mark: string;
}

/** What a paragraph holds, text and things that stand beside it. */
export interface Inline {
  readonly text: string;
  /** Pictures with words that describe them, by the offset in `text`. */
  readonly images: readonly { readonly offset: number; readonly alt: string }[];
  readonly notes: readonly NoteRef[];
  /** `w:txbxContent` elements and charts. */
  readonly beside: readonly XmlElement[];
}

/** Reads paragraphs of one part in their order: fields may go on from one to the next. */
export class InlineReader {
  readonly #styles: Styles;
  readonly #leftOut: LeftOuts;
  /** Of each field that is open, whether its instruction or its result is being read (ECMA-376 part 1, 17.16.18). */
  readonly #fields: ('instruction' | 'result')[] = [];
  #instructions = 0;
  #hidden = false;
  readonly #counts = { footnote: 0, endnote: 0 };
  #pieces: string[] = [];
  #length = 0;
  #images: { offset: number; alt: string }[] = [];
  #notes: NoteRef[] = [];
  #beside: XmlElement[] = [];

  constructor(styles: Styles, leftOut: LeftOuts) {
    this.#styles = styles;
    this.#leftOut = leftOut;
  }

  /**
   * @param element `w:p`, or anything that holds runs
   * @param hidden whether its style hides runs that say nothing else
   */
  read(element: XmlElement, hidden = false): Inline {
    this.#hidden = hidden;
    this.#all(element);
    const inline = { text: this.#pieces.join(''), images: this.#images, notes: this.#notes, beside: this.#beside };
    this.#pieces = [];
    this.#length = 0;
    this.#images = [];
    this.#notes = [];
    this.#beside = [];
    return inline;
  }

  #all(element: XmlElement): void {
    for (const child of childrenOf(element)) this.#inside(child);
  }

  #inside(element: XmlElement): void {
    switch (element.name) {
      case 'w:r':
        return this.#run(element);
      case 'w:del':
      case 'w:moveFrom':
        return this.#leftOut.add('tracked_deletions_left_out');
      case 'w:sdt':
        return this.#sdt(element);
      case 'mc:AlternateContent':
        return this.#all(alternative(element));
      case 'm:oMath':
      case 'm:oMathPara':
        return this.#say(mathText(element));
      case 'w:pPr':
        return;
      default:
        return this.#all(element);
    }
  }

  #sdt(element: XmlElement): void {
    const content = childOf(element, 'w:sdtContent');
    if (content) this.#all(content);
  }

  #run(run: XmlElement): void {
    const properties = childOf(run, 'w:rPr');
    const hidden = isHidden(properties) ?? (this.#hidden || this.#styles.hides(styleIdOf(properties, 'w:rStyle')));
    if (hidden && [...childrenOf(run, 'w:t')].some((text) => textOf(text) !== '')) {
      this.#leftOut.add('hidden_text_left_out');
    }
    for (const child of childrenOf(run)) this.#inRun(child, hidden);
  }

  #inRun(element: XmlElement, hidden: boolean): void {
    const { name, attributes } = element;
    if (name === 'w:fldChar') return this.#field(element);
    if (hidden) return;
    switch (name) {
      case 'w:t':
        return this.#say(textOf(element));
      case 'w:tab':
      case 'w:ptab':
        return this.#say('\t');
      case 'w:br':
      case 'w:cr':
        return this.#say('\n');
      case 'w:noBreakHyphen':
        return this.#say('\u2011');
      case 'w:sym':
        return this.#say(symbol(attributes['w:font'], attributes['w:char']));
      case 'w:footnoteReference':
      case 'w:endnoteReference':
        return this.#note(name === 'w:footnoteReference' ? 'footnote' : 'endnote', element);
      case 'w:ruby':
        return this.#ruby(element);
      case 'w:commentReference':
        return this.#leftOut.add('comments_left_out');
      case 'mc:AlternateContent':
        for (const child of childrenOf(alternative(element))) this.#inRun(child, hidden);
        return;
      case 'w:object':
        this.#leftOut.add('embedded_documents_left_out');
        return this.#drawing(element);
      case 'w:drawing':
      case 'w:pict':
        return this.#drawing(element);
      default:
        return;
    }
  }

  #field(element: XmlElement): void {
    const type = element.attributes['w:fldCharType'];
    if (type === 'begin') {
      const box = descend(element, 'w:ffData', 'w:checkBox');
      if (box) this.#say(isChecked(box) ? '☒' : '☐');
      this.#fields.push('instruction');
      this.#instructions += 1;
    } else if (type === 'separate' || type === 'end') {
      if (this.#fields.pop() === 'instruction') this.#instructions -= 1;
      if (type === 'separate') this.#fields.push('result');
    }
  }

  #note(kind: NoteRef['kind'], { attributes }: XmlElement): void {
    const id = attributes['w:id'];
    if (id === undefined) return;
    const own = isOn(attributes['w:customMarkFollows'], false);
    const mark = own ? '' : `[${kind === 'endnote' ? 'e' : ''}${(this.#counts[kind] += 1)}]`;
    this.#say(mark);
    this.#notes.push({ kind, id, mark });
  }

  /** Pronunciation in brackets behind what it belongs to, as in HTML. */
  #ruby(element: XmlElement): void {
    const base = childOf(element, 'w:rubyBase');
    const above = childOf(element, 'w:rt');
    if (base) this.#all(base);
    if (!above) return;
    this.#say('(');
    this.#all(above);
    this.#say(')');
  }

  #drawing(element: XmlElement): void {
    for (const child of childrenOf(element)) {
      const { name, attributes } = child;
      if (name === 'w:txbxContent' || name === 'c:chart' || name === 'dgm:relIds') {
        this.#beside.push(child);
        continue;
      }
      if (name === 'mc:AlternateContent') {
        this.#drawing(alternative(child));
        continue;
      }
      const alt =
        name === 'wp:docPr' || name === 'v:shape' ? (attributes['descr'] ?? attributes['alt'] ?? '').trim() : '';
      if (alt !== '') this.#images.push({ offset: this.#length, alt: alt.replace(/\s+/g, ' ') });
      this.#drawing(child);
    }
  }

  #say(text: string): void {
    if (text === '' || this.#instructions > 0) return;
    this.#pieces.push(text);
    this.#length += text.length;
  }
}

/** What a program that knows the newest features shows; the fallback where that is empty (ECMA-376 part 3, 7.5). */
export function alternative(element: XmlElement): XmlElement {
  const choice = childOf(element, 'mc:Choice');
  const fallback = childOf(element, 'mc:Fallback');
  if (choice && choice.children.length > 0) return choice;
  return fallback ?? choice ?? element;
}

function isChecked(box: XmlElement): boolean {
  const state = childOf(box, 'w:checked') ?? childOf(box, 'w:default');
  return state !== undefined && isOn(state.attributes['w:val'], true);
}
