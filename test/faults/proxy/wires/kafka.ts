import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../../../../scripts/servers/kafka.js';
import { KAFKA } from '../../../support/framing.js';
import { tcpFaults } from '../../../support/tcp-faults.js';
import { FaultPlan } from '../plan.js';
import type { WireKind } from '../wires.js';
import { TCP_FAULTS, tcpRule } from './tcp.js';

/** Asked all the time: by every consumer for what is new, and to be heard. */
const SHARES: Readonly<Record<string, number>> = { Fetch: 0.1, Heartbeat: 0.3 };

/** A broker of its own: clients go where it says that it is, and it says that it is at the proxy. */
export const kafkaWire: WireKind = {
  variable: 'KAFKA_BROKERS',
  faults: TCP_FAULTS,
  async open(directory) {
    const plan = new FaultPlan();
    let port = 0;
    const proxy = await tcpFaults(() => port, KAFKA);
    proxy.decide(tcpRule(plan, (name) => SHARES[name] ?? 1));
    const server = await startKafka(directory, proxy.port).catch(async (error: unknown) => {
      await proxy.close();
      throw error;
    });
    port = Number(server.environment['KAFKA_BROKERS']!.split(':')[1]);
    const brokers = [`127.0.0.1:${proxy.port}`];
    const topics = async (beginning: string): Promise<string[]> => {
      const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const all = await admin.listTopics();
      await admin.disconnect();
      return all.filter((topic) => topic.startsWith(beginning));
    };
    return {
      plan,
      stores: (own) => ({
        log: {
          kind: 'kafka',
          brokers,
          prefix: own,
          replicationFactor: 1,
          minInsyncReplicas: 1,
          sessionTimeoutMs: 10_000,
          heartbeatMs: 500,
          requestTimeoutMs: 5000,
        },
      }),
      idle: () => Promise.resolve(),
      // What the log knows of itself stays.
      left: (own) => topics(`${own}.events.`),
      async remove() {
        // Its data goes with its folder.
      },
      async close() {
        await proxy.close();
        await server.stop();
      },
    };
  },
};
