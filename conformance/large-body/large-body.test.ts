/** 64 MiB in one message, and nobody else notices. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EntrepotPeer, startEntrepot } from '../peers/index.ts';
import { runLargeBody } from './run.ts';

const MIB = 1024 * 1024;
const GAP_MAX_MS = 250;

describe('a large body', () => {
  let broker: EntrepotPeer;
  beforeAll(async () => {
    broker = await startEntrepot();
  });
  afterAll(() => broker?.stop());

  it.each([
    { from: 'amqp', to: 'amqp', mebibytes: 64 },
    { from: 'stomp', to: 'stomp', mebibytes: 8 },
    { from: 'mqtt', to: 'mqtt', mebibytes: 8 },
    { from: 'amqp', to: 'stomp', mebibytes: 8 },
    { from: 'stomp', to: 'mqtt', mebibytes: 8 },
    { from: 'mqtt', to: 'amqp', mebibytes: 8 },
    { from: 'mqtt-ws', to: 'stomp-ws', mebibytes: 8 },
    { from: 'stomp-ws', to: 'mqtt-ws', mebibytes: 8 },
  ] as const)(
    'of $mebibytes MiB goes from $from to $to whole, while others keep flowing',
    { timeout: 100_000 },
    async ({ from, to, mebibytes }) => {
      const report = await runLargeBody(broker, from, to, mebibytes * MIB);
      expect(report.bytes).toBe(mebibytes * MIB);
      expect(report.equal, 'byte for byte').toBe(true);
      expect(report.ticks).toBeGreaterThan(0);
      expect(report.gapMaxMs, 'the longest time without a small message').toBeLessThan(GAP_MAX_MS);
    },
  );
});
