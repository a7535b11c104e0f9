import type { Command } from 'commander';
import { Option } from 'commander';
import type { KeyView } from '../../core/schemas/keys.js';
import { KeyCreateSchema, KeyScopeSchema } from '../../core/schemas/keys.js';
import type { Ending } from '../command.js';
import { addCommand, addGroup } from '../command.js';
import { asCollection, asCount, given, request } from '../flags.js';
import type { Host } from '../host.js';
import { printable } from '../output.js';

const DAY = 86_400_000;

export function keys(program: Command, host: Host, ending: Ending): void {
  const group = addGroup(program, 'keys', 'who may use the API, and for what');
  addCommand(group, host, ending, {
    usage: 'create',
    summary: 'make a key and print its secret, this once',
    examples: [
      'create --scope read --principal staff --label "chat backend"',
      'create --tenant acme --scope read --scope write --principal acme --collection handbook --days 90',
    ],
    flags: (command) =>
      command
        .addOption(
          new Option('--scope <scope...>', 'what it may do; may be given again')
            .choices(KeyScopeSchema.options)
            .makeOptionMandatory(),
        )
        .option('--principal <name...>', 'who it reads as; may be given again (default: nobody)')
        .option('--tenant <name>', 'whose it is (default: default)')
        .option(
          '--collection <name...>',
          'the only collections it sees (default: all)',
          (value: string, all?: string[]) => [...(all ?? []), asCollection(value)],
        )
        .option('--require-as', 'each read must say for whom')
        .option('--label <text>', 'what it is for')
        .option('--days <n>', 'how long it lasts (default: for good)', asCount(1, 36_500)),
    async run(run, _args, flags) {
      const days = flags['days'] as number | undefined;
      const body = request(KeyCreateSchema, {
        scopes: flags['scope'],
        principals: flags['principal'] ?? [],
        requireAs: flags['requireAs'] === true,
        ...given({
          tenant: flags['tenant'],
          collections: flags['collection'],
          label: flags['label'],
          expiresAt: days === undefined ? undefined : new Date(Date.now() + days * DAY).toISOString(),
        }),
      });
      const made = await run.on(({ surface, caller }) => surface.keys.create(caller, body, true, run.signal));
      if (run.json) return run.out.json(made);
      await run.out.line(made.secret);
      await run.out.line(`  ${about(made.key)}`);
      await run.out.line('  Keep it: only its hash is stored. From now on every request needs a key.');
    },
  });
  addCommand(group, host, ending, {
    usage: 'list',
    summary: 'list keys, without their secrets',
    examples: ['list'],
    async run(run) {
      const found = await run.on(({ surface, caller }) => surface.keys.list(caller, true, run.signal));
      if (run.json) return run.out.json(found);
      await run.out.table(
        ['ID', 'TENANT', 'SCOPES', 'PRINCIPALS', 'COLLECTIONS', 'LABEL', 'CREATED', 'STATE'],
        found.keys.map((key) => [
          key.id,
          key.tenant,
          key.scopes.join(' '),
          printable(key.principals.join(' ')),
          key.collections?.join(' ') ?? 'all',
          printable(key.label ?? ''),
          key.createdAt,
          stateOf(key),
        ]),
        'No keys: the API is open to this machine, and to it alone.',
      );
    },
  });
  addCommand(group, host, ending, {
    usage: 'revoke',
    summary: 'end a key; holds from the next request on',
    examples: ['revoke 0199b1c4-7f5e-7c3a-9d52-3d1b6e0c8a11'],
    flags: (command) => command.argument('<id>', 'the key'),
    async run(run, [id]) {
      await run.on(({ surface, caller }) => surface.keys.revoke(caller, id as string, true, run.signal));
      if (run.json) return run.out.json({ id, revoked: true });
      await run.out.line(`${id as string} is revoked.`);
    },
  });
}

function about({ id, tenant, scopes, principals, collections, requireAs, expiresAt }: KeyView): string {
  const parts = [
    `key ${id} of tenant ${tenant}`,
    `may ${scopes.join(', ')}`,
    principals.length === 0 ? 'reads as nobody' : `reads as ${printable(principals.join(', '))}`,
    ...(collections ? [`in ${collections.join(', ')} only`] : []),
    ...(requireAs ? ['says for whom with each read'] : []),
    ...(expiresAt === undefined ? [] : [`until ${expiresAt}`]),
  ];
  return parts.join('; ');
}

function stateOf({ revokedAt, expiresAt }: KeyView): string {
  if (revokedAt !== undefined) return `revoked ${revokedAt}`;
  if (expiresAt === undefined) return 'valid';
  return Date.parse(expiresAt) <= Date.now() ? `expired ${expiresAt}` : `until ${expiresAt}`;
}
