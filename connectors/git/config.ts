import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { globsField } from '../globs.js';

/** Names that git itself would take for a branch or tag, and nothing that it could take for anything else. */
const REF = /^(?!.*(\.\.|@\{|\/\/|\.lock(\/|$)|\/\.|\/$|\.$))[A-Za-z0-9_][A-Za-z0-9_./+@#=-]{0,254}$/;

export const GitConfig = z
  .object({
    url: z
      .string()
      .min(1)
      .max(2048)
      .superRefine((url, context) => {
        const problem = urlProblem(url);
        if (problem) context.addIssue({ code: 'custom', message: problem });
      })
      .meta({ description: 'An `https://` or `file://` address, or the path of a repository on this machine.' }),
    ref: z.string().regex(REF, 'a branch, a tag or a commit').default('HEAD').meta({
      description: 'Branch, tag or commit to read. Default: what the repository names as its head.',
    }),
    include: globsField(['**'], 'Globs of what to read, relative to the root of the repository.'),
    exclude: globsField([], 'Globs of what to leave out.'),
    username: z
      .string()
      .regex(/^[^:\s]{1,255}$/, 'no colons or spaces')
      .default('git')
      .meta({ description: 'Sent with the token; most hosts take any.' }),
    token: z
      .string()
      .regex(/^[\x21-\x7e]{1,4096}$/, 'visible ASCII characters')
      .optional()
      .meta({ description: 'An access token for https, best as `${NAME}` of the environment.' }),
    links: z.enum(['auto', 'github', 'gitlab', 'gitea', 'bitbucket', 'none']).default('auto').meta({
      description: 'Whose form permanent links have; `auto` knows the public hosts by their names.',
    }),
    web: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({ description: "The repository's page, when it is not at `url`: what permanent links begin with." }),
  })
  .strict()
  .superRefine(({ url, token }, context) => {
    if (token === undefined || url.toLowerCase().startsWith('https:')) return;
    context.addIssue({ code: 'custom', path: ['token'], message: 'goes with an https address only' });
  });

export type GitConfig = z.output<typeof GitConfig>;

function urlProblem(url: string): string | undefined {
  if (/[\0-\x1f\x7f]/.test(url)) return 'holds control characters';
  if (url.startsWith('-')) return 'begins with a dash';
  // `host:path` is ssh, `ext::…` runs a program.
  const scheme = /^([^/]*?):/.exec(url)?.[1];
  if (scheme === undefined) return undefined;
  if (!/^(https|file)$/i.test(scheme) || !URL.canParse(url)) return 'not an https:// or file:// address, nor a path';
  const { protocol, username, password, host, hostname, search, hash } = new URL(url);
  if (username || password) return 'holds a user or password: use `username` and `token`';
  if (search || hash) return 'holds a query or fragment';
  if (protocol === 'file:' && host !== '') return 'a file address has no host: file:///path';
  if (protocol === 'https:' && hostname === '') return 'has no host';
  return undefined;
}

/** What git is given: an address of one of the two protocols. @param base what a relative path is relative to */
export function addressOf(url: string, base: string): URL {
  return /^(https|file):/i.test(url) ? new URL(url) : pathToFileURL(resolve(base, url));
}
