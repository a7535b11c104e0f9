/** Named places where tests make a process die or a step fail. In production nothing happens there. */
export interface FaultPoints {
  /** @param about the id of the document that the step is for, where it is for one */
  reach(name: string, about?: string): Promise<void>;
}

export const noFaults: FaultPoints = { reach: () => Promise.resolve() };

/** Kills this process (SIGKILL) when the named point is reached for the `count`-th time. */
export function killAt(name: string, count: number): FaultPoints {
  let seen = 0;
  return {
    async reach(point) {
      if (point !== name) return;
      seen += 1;
      if (seen < count) return;
      process.kill(process.pid, 'SIGKILL');
      await new Promise<never>(() => undefined);
    },
  };
}
