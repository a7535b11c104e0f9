/** Named places where tests make a process die or a step fail. In production nothing happens there. */
export interface FaultPoints {
  reach(name: string): Promise<void>;
}

export const noFaults: FaultPoints = { reach: () => Promise.resolve() };

/** Kills this process (SIGKILL) when the named point is reached for the `count`-th time. */
export function killAt(name: string, count: number, pid: number = process.pid): FaultPoints {
  let seen = 0;
  return {
    async reach(point) {
      if (point !== name && name !== '*') return;
      seen += 1;
      if (seen < count) return;
      process.kill(pid, 'SIGKILL');
      await new Promise<never>(() => undefined);
    },
  };
}
