/** A programming or data language as blocks name it, its MIME type, and the file names that say so. */
export interface SourceLanguage {
  readonly language: string;
  readonly mime: string;
  readonly extensions: readonly string[];
  /** Interpreters of a `#!` line. */
  readonly interpreters?: readonly string[];
  /** Whole file names, lower case. */
  readonly names?: readonly string[];
}

const code = (language: string, extensions: string, more: Partial<SourceLanguage> = {}): SourceLanguage => ({
  language,
  mime: `text/x-${language}`,
  extensions: extensions.split(' ').filter(Boolean),
  ...more,
});

export const LANGUAGES: readonly SourceLanguage[] = [
  code('typescript', 'ts tsx mts cts'),
  code('javascript', 'js jsx mjs cjs', { mime: 'text/javascript', interpreters: ['node', 'deno', 'bun'] }),
  code('python', 'py pyi pyw', { interpreters: ['python', 'python2', 'python3'] }),
  code('java', 'java'),
  code('kotlin', 'kt kts'),
  code('scala', 'scala sc'),
  code('groovy', 'groovy gradle'),
  code('c', 'c h'),
  code('cpp', 'cpp cc cxx hpp hh hxx'),
  code('csharp', 'cs'),
  code('objectivec', 'm mm'),
  code('swift', 'swift'),
  code('go', 'go'),
  code('rust', 'rs'),
  code('zig', 'zig'),
  code('ruby', 'rb rake', { interpreters: ['ruby'], names: ['rakefile', 'gemfile'] }),
  code('php', 'php', { interpreters: ['php'] }),
  code('perl', 'pl pm', { interpreters: ['perl'] }),
  code('lua', 'lua', { interpreters: ['lua'] }),
  code('r', 'r', { interpreters: ['Rscript'] }),
  code('julia', 'jl'),
  code('haskell', 'hs'),
  code('elixir', 'ex exs'),
  code('erlang', 'erl hrl'),
  code('clojure', 'clj cljs cljc edn'),
  code('ocaml', 'ml mli'),
  code('dart', 'dart'),
  code('shell', 'sh bash zsh fish', { interpreters: ['sh', 'bash', 'zsh', 'dash', 'ksh', 'fish'] }),
  code('powershell', 'ps1 psm1'),
  code('batch', 'bat cmd'),
  code('sql', 'sql'),
  code('graphql', 'graphql gql'),
  code('protobuf', 'proto'),
  code('css', 'css', { mime: 'text/css' }),
  code('scss', 'scss sass'),
  code('less', 'less'),
  code('vue', 'vue'),
  code('svelte', 'svelte'),
  code('makefile', 'mk', { names: ['makefile', 'gnumakefile'] }),
  code('dockerfile', 'dockerfile', { names: ['dockerfile', 'containerfile'] }),
  code('cmake', 'cmake', { names: ['cmakelists.txt'] }),
  code('terraform', 'tf tfvars hcl'),
  code('nix', 'nix'),
  code('diff', 'diff patch'),
  code('json5', 'json5'),
  code('yaml', 'yaml yml', { mime: 'application/yaml' }),
  code('toml', 'toml', { mime: 'application/toml' }),
  code('ini', 'ini cfg conf properties env'),
  code('xml', 'xml xsd xsl xslt rss atom plist', { mime: 'application/xml' }),
];

export function languageOfMime(mime: string): SourceLanguage | undefined {
  return LANGUAGES.find((language) => language.mime === mime);
}

/** By extension, whole name or `#!` line, in this order. */
export function languageOf(name: string | undefined, firstLine = ''): SourceLanguage | undefined {
  const base = (name ?? '').split(/[\\/]/).pop()!.toLowerCase();
  const extension = /\.([a-z0-9]+)$/.exec(base)?.[1];
  const byName = LANGUAGES.find(
    (language) =>
      language.names?.includes(base) || (extension !== undefined && language.extensions.includes(extension)),
  );
  if (byName) return byName;
  const interpreter = /^#!\s*(?:\S*\/env\s+(?:-\S+\s+)*)?(?:\S*\/)?([\w.]+)/.exec(firstLine)?.[1];
  if (!interpreter) return undefined;
  return LANGUAGES.find((language) =>
    language.interpreters?.some((known) => interpreter.replace(/[\d.]+$/, '') === known || interpreter === known),
  );
}
