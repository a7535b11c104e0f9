/**
 * The keys of finite state transducers as the Rust crate `fst` (format 3) writes them: LanceDB keeps the terms of its text
 * index in these, where no plain search finds one.
 */

const HEADER = 16;
const FOOTER = 20;
/** The most frequent bytes, which some nodes name by their place in this list (0.4's `common_inputs`). */
const COMMON = 'te/oasripcnw.hlm-du012g=:bf3y5&_4v9678k%?xCDASFIBEjPTzRNM+LOqHG';
const MAX_KEYS = 1_000_000;

interface Node {
  readonly final: boolean;
  readonly transitions: readonly { readonly byte: number; readonly to: number }[];
}

/** Every key of every transducer that lies whole somewhere in these bytes. */
export function transducerKeys(bytes: Buffer): string[] {
  const keys: string[] = [];
  const header = Buffer.alloc(HEADER);
  header.writeBigUInt64LE(3n);
  for (let from = bytes.indexOf(header); from >= 0; from = bytes.indexOf(header, from + 1)) {
    const end = endOf(bytes, from);
    if (end !== undefined) keys.push(...keysOf(bytes.subarray(from, end)));
  }
  return keys;
}

/** The root is the last node that is written, so its recorded place says where the whole ends. */
function endOf(bytes: Buffer, from: number): number | undefined {
  for (let end = from + HEADER + FOOTER + 1; end <= bytes.length; end += 1) {
    if (bytes.readBigUInt64LE(end - 12) === BigInt(end - from - FOOTER - 1)) return end;
  }
  return undefined;
}

function keysOf(fst: Buffer): string[] {
  const keys: string[] = [];
  const walk = (at: number, prefix: readonly number[]): void => {
    const { final, transitions } = nodeAt(fst, at);
    if (final) keys.push(Buffer.from(prefix).toString('utf8'));
    if (keys.length > MAX_KEYS) throw new Error('more terms than can be');
    for (const { byte, to } of transitions) walk(to, [...prefix, byte]);
  };
  walk(fst.length - FOOTER - 1, []);
  return keys;
}

/** A node ends at its address and is read backwards from there. */
function nodeAt(fst: Buffer, address: number): Node {
  if (address === 0) return { final: true, transitions: [] };
  const state = fst[address]!;
  let at = address - 1;
  if (state >= 0x80) {
    const common = state & 0x3f;
    const byte = common > 0 ? COMMON.charCodeAt(common - 1) : fst[at--]!;
    // The next node is the one that lies right before.
    if (state >= 0xc0) return { final: false, transitions: [{ byte, to: at }] };
    const sizes = fst[at]!;
    const [addressSize, outputSize] = [sizes >> 4, sizes & 0x0f];
    const start = at - addressSize - outputSize;
    return {
      final: false,
      transitions: [{ byte, to: target(fst.readUIntLE(at - addressSize, addressSize), start) }],
    };
  }
  const final = (state & 0x40) !== 0;
  let count = state & 0x3f;
  if (count === 0) {
    count = fst[at--]!;
    if (count === 1) count = 256;
  }
  const sizes = fst[at]!;
  const [addressSize, outputSize] = [sizes >> 4, sizes & 0x0f];
  const inputs = at - (count > 32 ? 256 : 0) - count;
  const start = inputs - count * (addressSize + outputSize) - (final ? outputSize : 0);
  const transitions = Array.from({ length: count }, (_, i) => ({
    byte: fst[inputs + count - 1 - i]!,
    to: addressSize === 0 ? 0 : target(fst.readUIntLE(inputs - (i + 1) * addressSize, addressSize), start),
  }));
  return { final, transitions };
}

/** Addresses are kept as distances back from the node's start; 0 is the one empty final node. */
function target(distance: number, start: number): number {
  return distance === 0 ? 0 : start - distance;
}
