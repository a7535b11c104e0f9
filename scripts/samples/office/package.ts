import { writeZip, type ZippedFile } from '../zip.js';

/** Parts of an Office file by name; the relationships of a part by its name. */
export interface PackageSpec {
  readonly main: string;
  readonly parts: Readonly<Record<string, string>>;
  /** `[id, type, target]`, the target relative to the part's folder; of the package for ''. */
  readonly relations?: Readonly<Record<string, readonly (readonly [id: string, type: string, target: string])[]>>;
}

const TYPES = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const CORE = 'http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties';

/** The names that XML in Office files is written with. */
export const NAMESPACES = Object.entries({
  w: 'wordprocessingml/2006/main',
  a: 'drawingml/2006/main',
  c: 'drawingml/2006/chart',
  dgm: 'drawingml/2006/diagram',
  wp: 'drawingml/2006/wordprocessingDrawing',
  p: 'presentationml/2006/main',
  m: 'officeDocument/2006/math',
  r: 'officeDocument/2006/relationships',
  mc: 'markup-compatibility/2006',
})
  .map(([prefix, name]) => `xmlns:${prefix}="http://schemas.openxmlformats.org/${name}"`)
  .join(' ');

/** The files of an Office Open XML package, for `writeZip`. */
export function packageFiles({ main, parts, relations = {} }: PackageSpec): ZippedFile[] {
  const all = { '': [], ...relations };
  const files: ZippedFile[] = [
    { name: '[Content_Types].xml', data: '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>' },
  ];
  for (const [part, list] of Object.entries(all)) {
    const slash = part.lastIndexOf('/') + 1;
    const own = part === '' ? [['main', 'officeDocument', main] as const, ...list] : list;
    files.push({ name: `${part.slice(0, slash)}_rels/${part.slice(slash)}.rels`, data: relationships(own) });
  }
  for (const [name, data] of Object.entries(parts)) files.push({ name, data });
  return files;
}

export function officePackage(spec: PackageSpec): Buffer {
  return writeZip(packageFiles(spec));
}

export function coreProperties(title: string): string {
  return (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" ' +
    `xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>${escape(title)}</dc:title></cp:coreProperties>`
  );
}

/** XML text. */
export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function relationships(list: readonly (readonly [string, string, string])[]): string {
  const entries = list.map(([id, type, target]) => {
    const full = type === 'core-properties' ? CORE : `${TYPES}/${type}`;
    return `<Relationship Id="${id}" Type="${full}" Target="${target}"/>`;
  });
  return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${entries.join('')}</Relationships>`;
}
