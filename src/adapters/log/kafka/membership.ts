import { setTimeout as sleep } from 'node:timers/promises';
import { FootnoteError } from '../../../core/errors.js';
import { assign, type MemberClaim } from './assign.js';
import { protocolError } from '../../kafka/errors.js';
import { MemberAssignment, MemberMetadata, type Broker, type Cluster } from '../../kafka/vendor.js';

export interface GroupTimes {
  /** Without a heartbeat for this long the group takes a member for dead. */
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How long a rebalance waits for members to come. */
  readonly rebalanceTimeoutMs: number;
}

export interface MembershipOwner {
  /** Partitions owned now. */
  owned(): number[];
  /** The group rebalances: nothing is to be committed until `assigned` or `lost`. Resolves when no commit is under way. */
  rebalancing(): Promise<void>;
  /** `keep`: what is owned on was never anybody else's in between. Resolves when the partitions are ready to be read. */
  assigned(partitions: readonly number[], keep: boolean): Promise<void>;
  /** The group took this member for dead: nothing is ours any more. */
  lost(): void;
}

/** Our protocol's name in the group: members of other software can't join by accident. */
const PROTOCOL = 'footnote-sticky-1';
const RETRY_MS = 300;

/** Codes after which the group no longer knows this member, or not in this generation. */
const FORGOTTEN = new Set(['UNKNOWN_MEMBER_ID', 'FENCED_INSTANCE_ID']);
const REJOIN = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION']);

/**
 * One member of a consumer group: joins, is told its partitions, and keeps its place by heartbeats that depend on nothing
 * else (Kafka protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup). A member keeps its partitions through a rebalance
 * when it was there in the generation before: then nobody else can have owned them meanwhile.
 */
export class Membership {
  readonly #cluster: Cluster;
  readonly #groupId: string;
  readonly #topic: string;
  readonly #partitions: number;
  readonly #times: GroupTimes;
  readonly #owner: MembershipOwner;
  readonly #signal: AbortSignal;
  #coordinator: Broker | undefined;
  #memberId = '';
  /** The generation of the present assignment. */
  #assigned = -1;
  #heard = performance.now();
  #rejoin = new AbortController();

  constructor(parts: {
    readonly cluster: Cluster;
    readonly groupId: string;
    readonly topic: string;
    readonly partitions: number;
    readonly times: GroupTimes;
    readonly owner: MembershipOwner;
    readonly signal: AbortSignal;
  }) {
    this.#cluster = parts.cluster;
    this.#groupId = parts.groupId;
    this.#topic = parts.topic;
    this.#partitions = parts.partitions;
    this.#times = parts.times;
    this.#owner = parts.owner;
    this.#signal = parts.signal;
  }

  /** Until the signal aborts; leaves the group then. @throws what cannot be mended by trying again, from `assigned` */
  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      if (!(await this.#join())) {
        await pause(RETRY_MS, this.#signal);
        continue;
      }
      await this.#heartbeats();
      await this.#owner.rebalancing();
    }
  }

  async leave(): Promise<void> {
    if (this.#memberId === '') return;
    const coordinator = await this.#find();
    await coordinator.leaveGroup({ groupId: this.#groupId, memberId: this.#memberId });
    this.#memberId = '';
  }

  /** Records offsets in the present generation: one that is over is refused by the group. */
  async commit(offsets: ReadonlyMap<number, bigint>): Promise<void> {
    // Kafka keeps who committed beside each offset, for whoever has to find out.
    const metadata = this.#memberId;
    const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: offset.toString(), metadata }));
    try {
      const coordinator = await this.#find();
      await coordinator.offsetCommit({
        groupId: this.#groupId,
        groupGenerationId: this.#assigned,
        memberId: this.#memberId,
        topics: [{ topic: this.#topic, partitions }],
      });
      this.#heard = performance.now();
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  async committed(): Promise<Map<number, bigint>> {
    return committedOffsets(await this.#find(), this.#groupId, this.#topic, this.#partitions);
  }

  /** @returns false when it did not come about; tried again after a pause */
  async #join(): Promise<boolean> {
    try {
      const coordinator = await this.#find();
      const claim = Buffer.from(JSON.stringify({ owned: this.#owner.owned(), generation: this.#assigned }));
      const joined = await coordinator.joinGroup({
        groupId: this.#groupId,
        sessionTimeout: this.#times.sessionTimeoutMs,
        rebalanceTimeout: this.#times.rebalanceTimeoutMs,
        memberId: this.#memberId,
        groupProtocols: [
          { name: PROTOCOL, metadata: MemberMetadata.encode({ version: 1, topics: [this.#topic], userData: claim }) },
        ],
      });
      const same = joined.memberId === this.#memberId;
      this.#memberId = joined.memberId;
      if (this.#signal.aborted) return false;
      const leads = joined.leaderId === joined.memberId;
      const { memberAssignment } = await coordinator.syncGroup({
        groupId: this.#groupId,
        generationId: joined.generationId,
        memberId: joined.memberId,
        groupAssignment: leads ? this.#share(joined.members) : [],
      });
      this.#heard = performance.now();
      const keep = same && (joined.generationId === this.#assigned || joined.generationId === this.#assigned + 1);
      this.#assigned = joined.generationId;
      this.#rejoin = new AbortController();
      const partitions = MemberAssignment.decode(memberAssignment)?.assignment[this.#topic] ?? [];
      if (this.#signal.aborted) return false;
      await this.#owner.assigned(partitions, keep);
      return true;
    } catch (error) {
      if (this.#owner.owned().length > 0 && performance.now() - this.#heard > this.#times.sessionTimeoutMs) {
        this.#giveUp();
      }
      if (!this.#failed(error)) throw error;
      return false;
    }
  }

  #share(members: readonly { memberId: string; memberMetadata: Buffer }[]) {
    const claims = members.map(({ memberId, memberMetadata }): MemberClaim => {
      const { userData } = MemberMetadata.decode(memberMetadata);
      return { memberId, ...(JSON.parse(userData.toString()) as Omit<MemberClaim, 'memberId'>) };
    });
    return [...assign(claims, this.#partitions)].map(([memberId, partitions]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version: 1,
        assignment: { [this.#topic]: partitions },
        userData: Buffer.alloc(0),
      }),
    }));
  }

  /** Until the group rebalances, or has forgotten this member. */
  async #heartbeats(): Promise<void> {
    const { sessionTimeoutMs, heartbeatMs } = this.#times;
    while (!this.#signal.aborted && !this.#rejoin.signal.aborted) {
      await pause(heartbeatMs, AbortSignal.any([this.#signal, this.#rejoin.signal]));
      if (this.#signal.aborted || this.#rejoin.signal.aborted) return;
      // Unheard for so long, or suspended and awake again: others may have taken over long ago.
      if (performance.now() - this.#heard > sessionTimeoutMs) return this.#giveUp();
      try {
        const coordinator = await this.#find();
        await coordinator.heartbeat({
          groupId: this.#groupId,
          groupGenerationId: this.#assigned,
          memberId: this.#memberId,
        });
        this.#heard = performance.now();
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  /** Nothing is ours any more; what comes is joined for as by a new member. */
  #giveUp(): void {
    this.#assigned = -1;
    this.#owner.lost();
    this.#rejoin.abort();
  }

  /** Takes note of what an error means for our place. @returns whether trying again makes sense */
  #failed(error: unknown): boolean {
    const code = protocolError(error);
    if (code !== undefined && FORGOTTEN.has(code)) {
      this.#memberId = '';
      this.#giveUp();
    } else if (code !== undefined && REJOIN.has(code)) {
      this.#rejoin.abort();
    } else {
      // The coordinator may be another broker by now.
      this.#coordinator = undefined;
    }
    return !(error instanceof FootnoteError) || error.permanence === 'transient';
  }

  async #find(): Promise<Broker> {
    if (!this.#coordinator?.isConnected()) {
      this.#coordinator = await this.#cluster.findGroupCoordinator({ groupId: this.#groupId });
    }
    return this.#coordinator;
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Rejects only when the signal aborts, which whoever waits looks at.
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** The group's commits by partition; those without one are absent. */
export async function committedOffsets(
  coordinator: Broker,
  groupId: string,
  topic: string,
  partitions: number,
): Promise<Map<number, bigint>> {
  const wanted = Array.from({ length: partitions }, (_, partition) => ({ partition }));
  const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic, partitions: wanted }] });
  const found = responses.flatMap((each) => each.partitions).filter((each) => BigInt(each.offset) >= 0n);
  return new Map(found.map((each) => [each.partition, BigInt(each.offset)]));
}
