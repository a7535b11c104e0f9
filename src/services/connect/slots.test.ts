import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Slots } from './slots.js';

const NEVER = new AbortController().signal;

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

describe('slots', () => {
  it('let so many in at once, the others in order', async () => {
    const slots = new Slots(2);
    const gates = [gate(), gate(), gate(), gate()];
    const began: number[] = [];
    const all = gates.map(({ opened }, i) =>
      slots.use(NEVER, async () => {
        began.push(i);
        await opened;
      }),
    );
    await turn();
    expect(began).toEqual([0, 1]);
    gates[1]!.open();
    await all[1];
    await turn();
    expect(began).toEqual([0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(all);
    expect(began).toEqual([0, 1, 2, 3]);
  });

  it('are free again after a failure, and are not taken by who left the queue', async () => {
    const slots = new Slots(1);
    await expect(slots.use(NEVER, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const { opened, open } = gate();
    const first = slots.use(NEVER, () => opened);
    const leave = new AbortController();
    const second = slots.use(leave.signal, async () => 'second');
    const third = slots.use(NEVER, async () => 'third');
    leave.abort();
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    open();
    await first;
    await expect(third).resolves.toBe('third');
    await expect(slots.use(leave.signal, async () => 'late')).rejects.toMatchObject({ code: 'cancelled' });
  });
});
