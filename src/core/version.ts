/** Order of a document's events: fence, then epoch, then number (design section 4). */
export interface Version {
  readonly fence: number;
  readonly epoch: number;
  /** The log offset, or the head's sequence for documents owned by the API. */
  readonly n: bigint;
}

/** A version as fixed-width text whose plain string order is the version order; stores and rows hold this. */
export type VersionKey = string;

const FENCE_DIGITS = 13;
const EPOCH_DIGITS = 8;
const NUMBER_DIGITS = 16;
const PATTERN = /^([0-9a-f]{13})\.([0-9a-f]{8})\.([0-9a-f]{16})$/;

export function versionKey(version: Version): VersionKey {
  const fence = version.fence.toString(16).padStart(FENCE_DIGITS, '0');
  const epoch = version.epoch.toString(16).padStart(EPOCH_DIGITS, '0');
  return `${fence}.${epoch}.${version.n.toString(16).padStart(NUMBER_DIGITS, '0')}`;
}

/** @throws TypeError when the text is not a version key. */
export function parseVersionKey(key: VersionKey): Version {
  const match = PATTERN.exec(key);
  if (!match) throw new TypeError(`not a version key: ${JSON.stringify(key)}`);
  return { fence: Number.parseInt(match[1]!, 16), epoch: Number.parseInt(match[2]!, 16), n: BigInt(`0x${match[3]!}`) };
}
