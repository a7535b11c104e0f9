import type { Problem, ProblemKind, VerifyOptions, VerifyPorts } from './ports.js';

/** One run over a collection: its ports, what it may do, and where findings go. */
export interface Check {
  readonly ports: VerifyPorts;
  readonly options: VerifyOptions;
  readonly stream: string;
  readonly owner: { readonly tenant: string; readonly collection: string };
  found(kind: ProblemKind, of: Omit<Problem, 'kind' | 'repaired'>, repaired?: boolean): void;
}

/**
 * Whether what was found is a finding. A worker removes what it replaced after it has written the row and before it
 * acknowledges, so what is still there with nothing in flight was left. In flight, nobody can tell: the next check will.
 */
export async function stays(
  { options }: Pick<Check, 'options'>,
  generation: string,
  look: () => Promise<boolean>,
): Promise<boolean> {
  return !(await options.inFlight?.(generation)) && (await look());
}
