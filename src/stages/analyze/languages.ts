import { stopwords as danish } from '@orama/stopwords/danish';
import { stopwords as dutch } from '@orama/stopwords/dutch';
import { stopwords as english } from '@orama/stopwords/english';
import { stopwords as finnish } from '@orama/stopwords/finnish';
import { stopwords as french } from '@orama/stopwords/french';
import { stopwords as german } from '@orama/stopwords/german';
import { stopwords as hungarian } from '@orama/stopwords/hungarian';
import { stopwords as italian } from '@orama/stopwords/italian';
import { stopwords as norwegian } from '@orama/stopwords/norwegian';
import { stopwords as portuguese } from '@orama/stopwords/portuguese';
import { stopwords as romanian } from '@orama/stopwords/romanian';
import { stopwords as russian } from '@orama/stopwords/russian';
import { stopwords as spanish } from '@orama/stopwords/spanish';
import { stopwords as swedish } from '@orama/stopwords/swedish';
import { stopwords as turkish } from '@orama/stopwords/turkish';

/** What the analyzer knows of a language. */
export interface Language {
  /** BCP 47 primary subtag. */
  readonly tag: string;
  /** Name of the Snowball stemmer (snowballstem.org). */
  readonly stemmer: string;
  /** Function words that are not indexed (the Snowball project's lists), lower case, NFC. */
  readonly stopWords: ReadonlySet<string>;
  /**
   * Whether an accent may be dropped. In the Nordic languages and in Turkish å, ä, ö, ø, ı … are letters of their own, and
   * dropping the mark joins unrelated words.
   */
  readonly dropsMarks: boolean;
  /** Whether an apostrophe belongs to the word (English `boeing's`, `don't`) or parts two words (French `l'avion`). */
  readonly apostropheJoins: boolean;
}

function language(
  tag: string,
  stemmer: string,
  words: readonly string[],
  options: { dropsMarks?: boolean; apostropheJoins?: boolean } = {},
): [string, Language] {
  const stopWords = new Set(words.map((word) => word.normalize('NFKC').toLowerCase()));
  return [
    tag,
    {
      tag,
      stemmer,
      stopWords,
      dropsMarks: options.dropsMarks ?? true,
      apostropheJoins: options.apostropheJoins ?? false,
    },
  ];
}

const LANGUAGES: ReadonlyMap<string, Language> = new Map([
  language('da', 'danish', danish, { dropsMarks: false }),
  language('de', 'german', german),
  language('en', 'english', english, { apostropheJoins: true }),
  language('es', 'spanish', spanish),
  language('fi', 'finnish', finnish, { dropsMarks: false }),
  language('fr', 'french', french),
  language('hu', 'hungarian', hungarian),
  language('it', 'italian', italian),
  language('nl', 'dutch', dutch),
  language('no', 'norwegian', norwegian, { dropsMarks: false }),
  language('pt', 'portuguese', portuguese),
  language('ro', 'romanian', romanian),
  language('ru', 'russian', russian),
  language('sv', 'swedish', swedish, { dropsMarks: false }),
  language('tr', 'turkish', turkish, { dropsMarks: false }),
]);

/** Norwegian's two written forms share one stemmer. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['nb', 'no'],
  ['nn', 'no'],
]);

/** The language of a BCP 47 tag (`en`, `en-GB`, `nb`), or undefined for one that has no stemmer here. */
export function languageOf(tag: string | undefined): Language | undefined {
  const primary = tag?.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  return LANGUAGES.get(ALIASES.get(primary) ?? primary);
}

/** Every language with a stemmer and a stop list, by tag. */
export function languages(): Iterable<Language> {
  return LANGUAGES.values();
}
