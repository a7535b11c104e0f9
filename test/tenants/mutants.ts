/** One check of tenants or principals, taken out of the built code. */
export interface TenantMutant {
  /** The check that is gone. */
  readonly removes: string;
  /** Below `dist`. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
  /** Another check holds alone, for this reason. */
  readonly redundant?: string;
}

export const MUTANTS: Readonly<Record<string, TenantMutant>> = {
  read_any_tenant: {
    removes: 'the tenant in mayRead',
    file: 'src/core/policy.js',
    find: 'if (!tenant || caller.tenant !== tenant)',
    replace: 'if (!tenant)',
  },
  read_any_principal: {
    removes: 'the principals in mayRead',
    file: 'src/core/policy.js',
    find: 'return allowed.some((principal) => caller.principals.includes(principal));',
    replace: 'return true;',
  },
  as_adds: {
    removes: "the intersection of `as` with the key's principals",
    file: 'src/core/policy.js',
    find: 'principals: caller.principals.filter((principal) => as.principals.includes(principal))',
    replace: 'principals: as.principals',
  },
  any_collection: {
    removes: "a key's collections",
    file: 'src/core/policy.js',
    find: 'return collections === undefined || collections.includes(collection);',
    replace: 'return true;',
  },
  as_not_required: {
    removes: 'requireAs',
    file: 'src/api/access.js',
    find: "if (session.requireAs && scope === 'read' && !request.as)",
    replace: 'if (false)',
  },
  hits_unchecked: {
    removes: 'the check of each hit against head and row',
    file: 'src/core/visibility.js',
    find: 'return mayRead(caller, row.tenant, row.policy);',
    replace: 'return true;',
    redundant:
      'The prefilter in the store asks for the same principals; it alone would show what was revoked since (the simulation: policy_unchecked).',
  },
  documents_of_anyone: {
    removes: 'the check of document reads',
    file: 'src/services/document-reads.js',
    find: 'return event.collection === collection && mayRead(caller, event.tenant, event.policy);',
    replace: 'return event.collection === collection;',
  },
  writes_of_anyone: {
    removes: 'the check of documents that are changed by id',
    file: 'src/services/documents.js',
    find: 'if (live(head) && mayRead(caller, head.event.tenant, head.event.policy))',
    replace: 'if (live(head))',
    redundant: 'Patches and deletions read the document first, and every write is checked against the head once more.',
  },
  overwrites_of_anyone: {
    removes: 'the check of documents that are put over others',
    file: 'src/services/documents.js',
    find: 'if (exists && !mayRead(caller, head.event.tenant, head.event.policy))',
    replace: 'if (false)',
  },
  citations_of_anyone: {
    removes: 'the check of citations',
    file: 'pipelines/query/verify-citations.js',
    find: 'head.event.collection === collection && mayRead(reader, head.event.tenant, head.event.policy)',
    replace: 'head.event.collection === collection',
  },
  why_of_anyone: {
    removes: 'the check of `why`',
    file: 'pipelines/query/why.js',
    find: '|| !mayRead(caller, head.event.tenant, head.event.policy)',
    replace: '',
  },
  jobs_of_anyone: {
    removes: 'the tenant of jobs that are read and controlled by id',
    file: 'src/engine/surface/jobs.js',
    find: 'return tenant === caller.tenant && (',
    replace: 'return (',
  },
  generations_of_anyone: {
    removes: 'the tenant of generations that are dropped by id',
    file: 'src/engine/surface/generations.js',
    find: 'if (found?.tenant === tenant && found.collection === collection',
    replace: 'if (found && found.collection === collection',
  },
  releases_of_anyone: {
    removes: 'the tenant of a generation that is released',
    file: 'src/engine/surface/operations.js',
    find: 'if (target?.tenant !== caller.tenant || target.collection !== name)',
    replace: 'if (target === undefined || target.collection !== name)',
  },
  keys_for_anyone: {
    removes: 'the tenant of a key that a key makes',
    file: 'src/services/keys.js',
    find: 'if (tenant !== caller.tenant && !anyTenant)',
    replace: 'if (false)',
  },
  keys_of_anyone: {
    removes: 'the tenant of keys that are listed',
    file: 'src/services/keys.js',
    find: 'const keys = await this.keys.list(anyTenant ? undefined : caller.tenant);',
    replace: 'const keys = await this.keys.list(undefined);',
  },
  collections_of_anyone: {
    removes: 'the tenant of collections that are listed',
    file: 'src/engine/surface/operations.js',
    find: 'storage.catalog.collections.list(caller.tenant)',
    replace: 'storage.catalog.collections.list()',
  },
  release_of_anyone: {
    removes: "the tenant of the generation that a query's release names",
    file: 'pipelines/query/retrieve.js',
    find: 'if (!release || !generation || generation.tenant !== caller.tenant)',
    replace: 'if (!release || !generation)',
    redundant: 'Releases are looked up by tenant already.',
  },
};
