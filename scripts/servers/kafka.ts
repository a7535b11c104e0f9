import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.js';
import { freePort, probePort, startProcess, untilReady, type RunningServer, type ServerKind } from './server.js';

const run = promisify(execFile);

const KAFKA = '4.1.1';
const LOG4J = '2.24.3';

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>footnote</groupId><artifactId>kafka-server</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>${LOG4J}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>${LOG4J}</version></dependency>
  </dependencies>
</project>
`;

async function found(command: string, flag: string): Promise<boolean> {
  try {
    await run(command, [flag]);
    return true;
  } catch {
    return false;
  }
}

/** The server's jars from Maven Central, fetched once. */
function jars(): Promise<string> {
  return cached(`kafka-${KAFKA}`, async (folder) => {
    await writeFile(join(folder, 'pom.xml'), POM);
    const goals = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`];
    await run('mvn', goals, { cwd: folder, maxBuffer: 1 << 24 });
  });
}

interface Ports {
  readonly broker: number;
  readonly controller: number;
}

function properties(data: string, { broker, controller }: Ports, advertised: number): string {
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertised}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Members of a group come one by one here; nobody has to wait for more of them.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'log.cleaner.dedupe.buffer.size': 4 << 20,
    'num.network.threads': 2,
    'num.io.threads': 4,
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** A UUID as Kafka writes it. Its tool takes one that begins with a dash for an option. */
function clusterId(): string {
  const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}

export const kafka: ServerKind = {
  name: 'kafka',
  variable: 'KAFKA_BROKERS',
  async missing() {
    if (!(await found('java', '-version'))) return 'no Java: install a JRE 17 or newer (openjdk-17-jre-headless)';
    if (!(await found('mvn', '-v'))) return 'no Maven, which fetches the server: install maven';
    return undefined;
  },
  start: (directory) => startKafka(directory),
};

/**
 * One node that is broker and controller. Ports and data stay when the folder has been used before.
 * @param advertised the port that it sends clients to, where they are to reach it through something else
 */
export async function startKafka(directory: string, advertised?: number): Promise<RunningServer> {
  const folder = await jars();
  const file = join(directory, 'server.properties');
  const data = join(directory, 'data');
  const classes = ['-Xmx384m', '-Xms128m', '-XX:+UseSerialGC', '-Dlog4j2.level=WARN', '-cp', join(folder, '*')];
  const known = await readFile(join(directory, 'ports.json'), 'utf8').catch(() => undefined);
  const ports = known ? (JSON.parse(known) as Ports) : { broker: await freePort(), controller: await freePort() };
  await writeFile(file, properties(data, ports, advertised ?? ports.broker));
  if (known === undefined) {
    const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', file, '--ignore-formatted'];
    await run('java', [...classes, ...format]);
    await writeFile(join(directory, 'ports.json'), JSON.stringify(ports));
  }
  const server = startProcess({
    command: 'java',
    arguments: [...classes, 'kafka.Kafka', file],
    cwd: directory,
    logFile: join(directory, 'server.log'),
  });
  try {
    await untilReady(server, () => probePort(ports.broker));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { environment: { KAFKA_BROKERS: `127.0.0.1:${ports.broker}` }, stop: () => server.stop(), pid: server.pid };
}
