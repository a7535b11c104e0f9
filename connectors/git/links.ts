import type { GitConfig } from './config.js';

type Form = Exclude<GitConfig['links'], 'auto' | 'none'>;

const HOSTS: Readonly<Record<string, Form>> = {
  'github.com': 'github',
  'gitlab.com': 'gitlab',
  'codeberg.org': 'gitea',
  'bitbucket.org': 'bitbucket',
};

const PLACES: Readonly<Record<Form, string>> = {
  github: '/blob/',
  gitlab: '/-/blob/',
  gitea: '/src/commit/',
  bitbucket: '/src/',
};

/** Makes the link of a path at a commit: the host's own form where it is known, else one that names all three. */
export function permalinks({ links, web }: GitConfig, address: URL): (path: string, commit: string) => string {
  const page = new URL(web ?? address);
  const form = links === 'auto' ? HOSTS[page.hostname.toLowerCase()] : links === 'none' ? undefined : links;
  const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
  if (form === undefined || !page.protocol.startsWith('http')) {
    return (path, commit) => `git+${address.href}@${commit}#${encoded(path)}`;
  }
  const base = page.href.replace(/\/+$/, '').replace(/\.git$/, '');
  return (path, commit) => `${base}${PLACES[form]}${commit}/${encoded(path)}`;
}
