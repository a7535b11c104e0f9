import { createRequire } from 'node:module';
import type { Kafka, logCreator } from 'kafkajs';

/**
 * What the log and the connector use of kafkajs below its consumer. That consumer ties heartbeats to processing, commits for partitions
 * that it lost, and resets an offset that is out of range by itself; none of it can be switched off. Its wire protocol is
 * sound, so the group protocol is spoken on that (docs/decisions/0010-kafka.md). Version 2.2.4 is pinned.
 */
const vendor = createRequire(import.meta.url);

export interface PartitionMetadata {
  readonly partitionId: number;
  readonly leader: number;
}

export interface FetchedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | undefined>>;
  readonly timestamp: string;
  readonly isControlRecord: boolean;
}

/** A request as kafkajs' connections send it. */
export interface ProtocolRequest<T> {
  readonly request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<unknown> };
  readonly response: { decode(payload: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
}

export interface Broker {
  readonly nodeId: number;
  /** By API key. */
  readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number } | undefined>> | null;
  readonly connectionPool: { send<T>(request: ProtocolRequest<T>): Promise<T> };
  isConnected(): boolean;
  fetch(request: {
    replicaId: number;
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: {
      topic: string;
      partitions: { partition: number; fetchOffset: string; maxBytes: number }[];
    }[];
  }): Promise<{
    responses: {
      topicName: string;
      partitions: { partition: number; highWatermark: string; messages: FetchedRecord[] }[];
    }[];
  }>;
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: { name: string; metadata: Buffer }[];
  }): Promise<{
    generationId: number;
    leaderId: string;
    memberId: string;
    members: { memberId: string; memberMetadata: Buffer }[];
  }>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: { topic: string; partitions: { partition: number; offset: string; metadata?: string }[] }[];
  }): Promise<unknown>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  listOffsets(request: {
    replicaId: number;
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[];
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>;
  deleteRecords(request: {
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }): Promise<unknown>;
  describeConfigs(request: { resources: { type: number; name: string; configNames: string[] }[] }): Promise<{
    resources: { configEntries: { configName: string; configValue: string | null }[] }[];
  }>;
  describeGroups(request: {
    groupIds: string[];
  }): Promise<{ groups: { groupId: string; state: string; members: unknown[] }[] }>;
}

export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Asks for these topics alone; fails at once with UNKNOWN_TOPIC_OR_PARTITION. Nothing about them is kept. */
  metadata(of: {
    topics: string[];
  }): Promise<{ clusterId: string | null; topicMetadata: { topic: string; partitionMetadata: PartitionMetadata[] }[] }>;
  refreshMetadata(): Promise<void>;
  findBroker(where: { nodeId: number | string }): Promise<Broker>;
  findGroupCoordinator(where: { groupId: string }): Promise<Broker>;
  removeBroker(where: { host: string; port: number }): void;
}

/** A connection of one's own to the cluster: requests on one wait for each other, so whoever polls or joins needs one. */
export function createCluster(kafka: Kafka): Cluster {
  // kafkajs keeps the maker of its clusters under a symbol of this description.
  const key = Object.getOwnPropertySymbols(kafka).find((each) => each.description?.endsWith('createCluster'));
  const make = key && (kafka as unknown as Record<symbol, unknown>)[key];
  if (typeof make !== 'function') throw new TypeError('This is not kafkajs 2.2.4, which the Kafka log is made for.');
  return (make as (options: object) => Cluster)({ metadataMaxAge: 60_000, allowAutoTopicCreation: false });
}

interface Assignments {
  MemberMetadata: {
    encode(value: { version: number; topics: string[]; userData: Buffer }): Buffer;
    decode(buffer: Buffer): { userData: Buffer };
  };
  MemberAssignment: {
    encode(value: { version: number; assignment: Record<string, number[]>; userData: Buffer }): Buffer;
    decode(buffer: Buffer): { assignment: Record<string, number[]> } | null;
  };
}

/** The consumer protocol's own encodings of what members say and get. */
export const { MemberMetadata, MemberAssignment } = vendor('kafkajs/src/consumer/assignerProtocol') as Assignments;

interface Encoder {
  writeInt8(value: number): Encoder;
  writeBoolean(value: boolean): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
  writeBuffer(value: Buffer): Encoder;
}

export const Encoder = vendor('kafkajs/src/protocol/encoder') as new () => Encoder;

/** Fetch of version 11 (Kafka 2.3), the newest that kafkajs speaks. */
export const fetchRequest = vendor('kafkajs/src/protocol/requests/fetch/v11/request') as (
  request: Parameters<Broker['fetch']>[0],
) => ProtocolRequest<unknown>['request'];

export const { createErrorFromCode } = vendor('kafkajs/src/protocol/error') as {
  createErrorFromCode: (code: number) => Error & { type: string };
};

/** Nothing of kafkajs goes to the console: what matters comes as an error. */
export const silent: logCreator = () => () => undefined;
