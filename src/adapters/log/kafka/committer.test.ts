import { describe, expect, it } from 'vitest';
import { Committer } from './committer.js';
import { KafkaPartition } from './partition.js';

const identity = { id: 'x', epoch: 1, partitions: 4 };
const source = (partition: number) => new KafkaPartition('t', partition, identity, 0n);

function scene() {
  const sent: [number, bigint][][] = [];
  const answers: { resolve(): void; reject(error: Error): void }[] = [];
  const committer = new Committer((offsets) => {
    sent.push([...offsets]);
    return new Promise((resolve, reject) => answers.push({ resolve, reject }));
  });
  committer.release();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
  return { sent, answers, committer, turn };
}

describe('Committer', () => {
  it('has one request under way, and sends what came meanwhile with the next', async () => {
    const { sent, answers, committer, turn } = scene();
    const [a, b] = [source(0), source(1)];
    const first = committer.commit(a, 1n);
    const second = committer.commit(a, 2n);
    const third = committer.commit(b, 7n);
    await turn();
    expect(sent).toEqual([[[0, 1n]]]);
    answers[0]!.resolve();
    await first;
    await turn();
    expect(sent[1]).toEqual([
      [0, 2n],
      [1, 7n],
    ]);
    answers[1]!.resolve();
    await Promise.all([second, third]);
    await committer.flushed();
    expect(sent).toHaveLength(2);
  });

  it('sends nothing while the group rebalances, and never what was revoked', async () => {
    const { sent, answers, committer, turn } = scene();
    const [a, b] = [source(0), source(1)];
    await committer.hold();
    const lost = committer.commit(a, 1n);
    const kept = committer.commit(b, 2n);
    await turn();
    expect(sent).toEqual([]);
    a.revoke();
    committer.drop(a);
    await lost;
    committer.release();
    await turn();
    expect(sent).toEqual([[[1, 2n]]]);
    answers[0]!.resolve();
    await kept;
    await committer.commit(a, 5n);
    expect(sent).toHaveLength(1);
  });

  it('tries again what failed, with the newest offset, and drops it when it is revoked meanwhile', async () => {
    const { sent, answers, committer, turn } = scene();
    const a = source(0);
    const first = committer.commit(a, 1n);
    await turn();
    const second = committer.commit(a, 3n);
    answers[0]!.reject(new Error('connection reset'));
    while (sent.length < 2) await turn();
    expect(sent[1]).toEqual([[0, 3n]]);
    answers[1]!.reject(new Error('ILLEGAL_GENERATION'));
    committer.drop(a);
    await Promise.all([first, second]);
    await committer.flushed();
    expect(sent).toHaveLength(2);
  });
});
