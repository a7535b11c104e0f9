import { z } from 'zod';

/** The permission and stewardship envelope that every document carries (law 7). */
export const PolicySchema = z
  .object({
    /** Who may see it; a caller needs one of these. Empty or missing means nobody. */
    principals: z.array(z.string().min(1).max(256)).max(1000),
    region: z.string().max(64).optional(),
    rights: z.string().max(256).optional(),
    pii: z.string().max(64).optional(),
    origin: z.string().max(256).optional(),
    injectionRisk: z.number().min(0).max(1).optional(),
  })
  .strict()
  .meta({ id: 'Policy', example: { principals: ['local'] } });

export type Policy = z.infer<typeof PolicySchema>;

/** The rights of a caller, made from their key on the server; a request may only narrow them. */
export interface Caller {
  readonly tenant: string;
  readonly principals: readonly string[];
  /** The only collections that exist for it; absent: all of its tenant. */
  readonly collections?: readonly string[];
}

/** Whether a collection of the caller's tenant exists for it. */
export function mayUse({ collections }: Pick<Caller, 'collections'>, collection: string): boolean {
  return collections === undefined || collections.includes(collection);
}

/** True when the caller may see a document of this tenant under this policy. Anything missing means no. */
export function mayRead(caller: Caller, tenant: string, policy: Policy | undefined): boolean {
  if (!tenant || caller.tenant !== tenant) return false;
  const allowed = policy?.principals;
  if (!Array.isArray(allowed) || allowed.length === 0) return false;
  return allowed.some((principal) => caller.principals.includes(principal));
}

/** Narrows a caller to `as`; principals the caller does not have are dropped, never added. */
export function narrowCaller(caller: Caller, as: { principals: readonly string[] } | undefined): Caller {
  if (!as) return caller;
  return { ...caller, principals: caller.principals.filter((principal) => as.principals.includes(principal)) };
}
