/** Lets waiting I/O and timers run between the slices of a long piece of work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
