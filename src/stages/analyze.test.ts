import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyze, analyzeQuery, createAnalyzer, MAX_TERMS } from './analyze.js';
import { detectLanguage } from './analyze/detect.js';
import { languageOf, languages } from './analyze/languages.js';
import { MAX_TERM } from './analyze/words.js';

const anyLanguage = fc.constantFrom(undefined, 'und', 'xx', ...[...languages()].map((language) => language.tag));
const hostile = fc.string({ unit: 'binary', maxLength: 400 });
const code = fc.string({
  unit: fc.constantFrom(..."aAbBzZ09_ .'’-éÉßŒ漢字かなกำ한글\u0301\u200b\u3000\ud83d\ude00"),
  maxLength: 80,
});

describe('analyze', () => {
  it('drops stop words and stems by language', () => {
    expect(analyze('The flows over heated wings', 'en')).toEqual(['flow', 'heat', 'wing']);
    expect(analyze('Die Häuser der Stadt', 'de')).toEqual(['haus', 'stadt']);
    expect(analyze("L'avion vole vers les montagnes", 'fr-CA')).toEqual(['avion', 'vol', 'ver', 'montagn']);
    expect(analyze('The flows', 'und')).toEqual(['the', 'flows']);
    expect(analyze('The flows')).toEqual(analyze('The flows', 'xx'));
  });

  it('folds width, ligatures, case and optional accents', () => {
    expect(analyze('Ｆｕｌｌ ﬁle RÉSUMÉ resume Straße', 'und')).toEqual([
      'full',
      'file',
      'resume',
      'resume',
      'strasse',
    ]);
    expect(analyze('résumés', 'en')).toEqual(analyze('resumes', 'en'));
    expect(analyze('ёлки', 'ru')).toEqual(analyze('елки', 'ru'));
    expect(analyze('und ĳ İstanbul', undefined)).toEqual(['und', 'ij', 'istanbul']);
  });

  it('keeps marks that make another letter', () => {
    expect(analyze('måla', 'sv')).not.toEqual(analyze('mala', 'sv'));
    expect(analyze('हिन्दी')).toEqual(['हिन्दी']);
  });

  it('gives an identifier and its parts', () => {
    expect(analyze('setDocumentEdited')).toEqual(['setdocumentedited', 'set', 'document', 'edited']);
    expect(analyze('AXManualAccessibility')).toEqual(['axmanualaccessibility', 'ax', 'manual', 'accessibility']);
    expect(analyze('max_old_space-size __proto__')).toEqual(['max_old_space', 'max', 'old', 'space', 'size', 'proto']);
    expect(analyze('Electron HTTP')).toEqual(['electron', 'http']);
    // However it is written, a query finds it by the whole.
    expect(analyze('SETDOCUMENTEDITED', 'en')[0]).toBe(analyze('setDocumentEdited', 'en')[0]);
  });

  it('gives bigrams for scripts without spaces', () => {
    expect(analyze('東京都 に', 'ja')).toEqual(['東京', '京都', 'に']);
    expect(analyze('漢abc字', 'en')).toEqual(['漢', 'abc', '字']);
    expect(analyze('𠮷野家')).toEqual(['𠮷野', '野家']);
    expect(analyze('한국어')).toEqual(['한국', '국어']);
  });

  it('treats apostrophes by language', () => {
    expect(analyze("boeing's don’t", 'en')).toEqual(analyze('boeing', 'en'));
  });

  it('never gives an empty, spaced or long term, and always the same ones', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, code), anyLanguage, (text, language) => {
        const terms = analyze(text, language);
        for (const term of terms) {
          expect(term).not.toBe('');
          expect(term).not.toMatch(/\s/u);
          expect(term.length).toBeLessThanOrEqual(MAX_TERM);
          expect(term.isWellFormed()).toBe(true);
        }
        expect(analyze(text, language)).toEqual(terms);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on what an analyzer saw before', () => {
    fc.assert(
      fc.property(fc.array(code, { maxLength: 6 }), anyLanguage, (texts, language) => {
        const analyzer = createAnalyzer(language);
        expect(texts.map(analyzer)).toEqual(texts.map((text) => analyze(text, language)));
      }),
    );
  });

  it('finds a word by any canonically equal spelling', () => {
    fc.assert(
      fc.property(code, anyLanguage, (text, language) => {
        expect(analyze(text.normalize('NFD'), language)).toEqual(analyze(text.normalize('NFC'), language));
      }),
    );
  });

  it.each([
    ['one token', 'a'.repeat(10_000_000)],
    ['one identifier', 'aB'.repeat(5_000_000)],
    ['underscores', '_'.repeat(10_000_000)],
    ['apostrophes', "a'".repeat(5_000_000)],
    ['marks', 'a' + '\u0315\u0300'.repeat(500_000)],
    ['Han', '漢字'.repeat(500_000)],
    ['expanding', '\ufdfa'.repeat(500_000)],
    ['vowels', 'aeiouy'.repeat(200_000)],
    ['words', 'a1 b2 c3 d4 '.repeat(800_000)],
  ])('takes bounded time and memory: %s', (_, text) => {
    for (const language of ['en', 'tr', 'und']) {
      const start = performance.now();
      expect(analyze(text, language).length).toBeLessThanOrEqual(MAX_TERMS);
      expect(performance.now() - start).toBeLessThan(3_000);
    }
  });
});

describe('analyzeQuery', () => {
  it('adds the terms of every language once, the first language first', () => {
    expect(analyzeQuery('flows flow', ['en', 'und'])).toEqual(['flow', 'flows']);
    expect(analyzeQuery('flows', [])).toEqual(['flows']);
  });
});

describe('detectLanguage', () => {
  it.each([
    ['en', 'The installation guide describes how to configure the server and then how it is started by the user.'],
    ['de', 'Die Anleitung beschreibt, wie man den Server einrichtet und wie er dann von dem Benutzer gestartet wird.'],
    [
      'fr',
      "Le guide décrit comment configurer le serveur et comment il est ensuite lancé par l'utilisateur dans la console.",
    ],
    [
      'es',
      'La guía describe cómo se configura el servidor y cómo lo arranca después el usuario desde la consola con una orden.',
    ],
    ['ru', 'В руководстве описано, как настроить сервер и как его потом запускает пользователь, когда он не работает.'],
    [
      'sv',
      'Handboken beskriver hur man ställer in servern och hur den sedan startas av användaren som har rätt till det.',
    ],
  ])('%s', (tag, text) => {
    expect(detectLanguage(text)).toBe(tag);
  });

  it('says nothing without evidence', () => {
    expect(detectLanguage('')).toBeUndefined();
    expect(detectLanguage('boundary layer')).toBeUndefined();
    expect(detectLanguage('x = 1; y = 2; z = foo(bar, baz);'.repeat(50))).toBeUndefined();
    expect(detectLanguage('東京都に行く')).toBeUndefined();
  });

  it('only names languages that can be stemmed', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const tag = detectLanguage(text);
        expect(tag === undefined || languageOf(tag)?.tag === tag).toBe(true);
      }),
    );
  });
});
