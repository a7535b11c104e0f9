export interface MemberClaim {
  readonly memberId: string;
  /** What it owned when it joined, as of the generation in which it got it. */
  readonly owned: readonly number[];
  readonly generation: number;
}

/**
 * Shares `partitions` evenly and moves as few as that takes: each member keeps what it owns, the newest claim first where
 * two claim one, up to its share; what is free goes to those that have least. The same on every member (sorted by id).
 */
export function assign(members: readonly MemberClaim[], partitions: number): Map<string, number[]> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const owner = new Map<number, MemberClaim>();
  for (const claim of [...sorted].sort((a, b) => b.generation - a.generation)) {
    for (const partition of claim.owned) {
      if (partition >= 0 && partition < partitions && !owner.has(partition)) owner.set(partition, claim);
    }
  }
  const least = Math.floor(partitions / sorted.length);
  // Those that own most get the shares that are larger by one.
  const byCount = [...sorted].sort((a, b) => count(owner, b) - count(owner, a));
  const share = new Map(byCount.map((each, i) => [each.memberId, least + (i < partitions % sorted.length ? 1 : 0)]));
  const result = new Map(sorted.map((each) => [each.memberId, [] as number[]]));
  const free: number[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const claim = owner.get(partition);
    const own = claim && result.get(claim.memberId)!;
    if (own && own.length < share.get(claim.memberId)!) own.push(partition);
    else free.push(partition);
  }
  for (const each of sorted) {
    const own = result.get(each.memberId)!;
    own.push(...free.splice(0, share.get(each.memberId)! - own.length));
  }
  return result;
}

function count(owner: ReadonlyMap<number, MemberClaim>, claim: MemberClaim): number {
  return [...owner.values()].filter((each) => each === claim).length;
}
