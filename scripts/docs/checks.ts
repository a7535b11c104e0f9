import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Nodes } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';
import { FAULT_POINTS } from '../../pipelines/ingest/fault-points.js';
import { REINDEX_FAULT_POINTS } from '../../pipelines/reindex/fault-points.js';
import { DOCUMENT_FAULT_POINTS } from '../../src/services/documents.js';
import { CONNECT_FAULT_POINTS, LISTING_FAULT_POINTS } from '../../src/services/listing.js';

/** By the page that traces the path they are on. */
const FAULT_POINTS_OF: Readonly<Record<string, readonly string[]>> = {
  'docs/paths/ingest.md': [...FAULT_POINTS, ...DOCUMENT_FAULT_POINTS, ...LISTING_FAULT_POINTS, ...CONNECT_FAULT_POINTS],
  'docs/paths/reindex.md': REINDEX_FAULT_POINTS,
};
const DEPENDENCIES = 'docs/dependencies.md';

/** A name of a file or folder of this repository: below one of its folders, without a placeholder. */
const OWN_PATH = /^(src|pipelines|connectors|scripts|test|benchmarks|samples|docs)\/[\w./-]*$/;

/** What in the pages written by hand is not so. */
export async function checkHandwritten(root: string): Promise<string[]> {
  const pages = await readPages(root);
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  const dependencies = pages.get(DEPENDENCIES);
  return [
    ...[...pages].flatMap(([path, page]) => [...brokenLinks(root, path, pages), ...missingPaths(root, path, page)]),
    ...Object.keys(FAULT_POINTS_OF).flatMap((path) => faultPointProblems(path, pages.get(path))),
    ...(dependencies ? dependencyProblems(dependencies, manifest) : [`${DEPENDENCIES} is missing`]),
  ];
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Page {
  readonly tree: Nodes;
  readonly text: string;
}

function parsePage(text: string): Page {
  return { text, tree: fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] }) };
}

async function readPages(root: string): Promise<Map<string, Page>> {
  const below = await readdir(join(root, 'docs'), { recursive: true });
  const paths = ['README.md', ...below.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)].sort();
  const pages = new Map<string, Page>();
  for (const path of paths) pages.set(path, parsePage(await readFile(join(root, path), 'utf8')));
  return pages;
}

function* nodesOf(node: Nodes): Generator<Nodes> {
  yield node;
  if ('children' in node) for (const child of node.children) yield* nodesOf(child);
}

function brokenLinks(root: string, path: string, pages: ReadonlyMap<string, Page>): string[] {
  const problems: string[] = [];
  for (const node of nodesOf(pages.get(path)!.tree)) {
    if (node.type !== 'link' && node.type !== 'image' && node.type !== 'definition') continue;
    if (/^[a-z][a-z0-9+.-]*:/i.test(node.url)) continue;
    const [target = '', anchor] = node.url.split('#');
    const file = target === '' ? path : relative(root, resolve(root, dirname(path), target));
    const page = pages.get(file);
    if (!existsSync(join(root, file))) problems.push(`${path}: there is no ${node.url}`);
    else if (anchor && page && !anchorsOf(page).has(anchor))
      problems.push(`${path}: ${file} has no heading #${anchor}`);
  }
  return problems;
}

/** Headings as GitHub names them. */
function anchorsOf(page: Page): Set<string> {
  const anchors = new Set<string>();
  for (const node of nodesOf(page.tree)) {
    if (node.type !== 'heading') continue;
    const text = [...nodesOf(node)].map((part) => ('value' in part ? part.value : '')).join('');
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    anchors.add(slug);
  }
  return anchors;
}

function missingPaths(root: string, path: string, page: Page): string[] {
  return codesOf(page.tree)
    .filter((code) => OWN_PATH.test(code) && !existsSync(join(root, code)))
    .map((code) => `${path}: there is no ${code}`);
}

function codesOf(tree: Nodes): string[] {
  return [...nodesOf(tree)].flatMap((node) => (node.type === 'inlineCode' ? [node.value] : []));
}

/** The page of each path tells of every fault point on it, and of no other. */
function faultPointProblems(path: string, page: Page | undefined): string[] {
  if (!page) return [`${path} is missing`];
  const points = FAULT_POINTS_OF[path]!;
  const families = new Set(points.map(familyOf));
  const told = new Set(codesOf(page.tree).filter((code) => families.has(familyOf(code))));
  return [
    ...points.filter((point) => !told.has(point)).map((point) => `${path} does not tell of ${point}`),
    ...[...told].filter((point) => !points.includes(point)).map((point) => `${path}: there is no point ${point}`),
  ];
}

function familyOf(point: string): string {
  return /^([a-z]+):/.exec(point)?.[1] ?? '';
}

/** The first column of the page's two tables names exactly the packages of package.json. */
function dependencyProblems(page: Page, manifest: Manifest): string[] {
  const tables = [...nodesOf(page.tree)].filter((node) => node.type === 'table');
  const named = tables.map((table) =>
    table.children.flatMap((row) => (row.children[0] ? codesOf(row.children[0]) : [])),
  );
  const lists = [manifest.dependencies, manifest.devDependencies].map((list) => Object.keys(list));
  return lists.flatMap((wanted, i) => {
    const found = named[i] ?? [];
    return [
      ...wanted.filter((name) => !found.includes(name)).map((name) => `${DEPENDENCIES} does not list ${name}`),
      ...found
        .filter((name) => !wanted.includes(name))
        .map((name) => `${DEPENDENCIES}: ${name} is not in package.json`),
    ];
  });
}
