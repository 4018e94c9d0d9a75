/** All 25 pairs of publisher and consumer. CONFORMANCE_PEER=rabbitmq runs the same against RabbitMQ. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { carriesProperties, type MessageProperties, type Wire } from '../clients/client.ts';
import { differenceOf } from '../peers/differences.ts';
import { installed, type Peer, startEntrepot, startRabbitmq } from '../peers/index.ts';
import { BODIES, competitors, expectedProperties, PAIRS, runQueuePair, runTopicPair } from './pairs.ts';

const kind = process.env['CONFORMANCE_PEER'] === 'rabbitmq' ? 'rabbitmq' : 'entrepot';
const shared = differenceOf(kind, 'no-shared-subscriptions') === undefined;

describe.skipIf(installed(kind) === undefined)(`25 pairs on ${kind}`, () => {
  let peer: Peer;
  beforeAll(async () => {
    peer = kind === 'rabbitmq' ? await startRabbitmq() : await startEntrepot();
  }, 120_000);
  afterAll(() => peer?.stop(), 60_000);

  it.each(PAIRS)('topic: $from to $to, each subscriber gets all', async (pair) => {
    const { sent, received, errors } = await runTopicPair(peer, pair);
    expect(errors).toEqual([]);
    for (const messages of received) {
      expect(messages.map((m) => m.body.length)).toEqual(sent.map((body) => body.length));
      for (const [i, message] of messages.entries()) {
        expect(message.body.equals(sent[i]!), `the ${BODIES[i]![0]} body, byte for byte`).toBe(true);
        expectProperties(message.properties, expectedProperties(pair), pair.to);
        expect(message.redelivered).toBe(false);
      }
    }
  });

  const queuePairs = PAIRS.filter((pair) => shared || carriesProperties(pair.to));
  it.each(queuePairs)('queue: $from to $to, each message to exactly one of three', async (pair) => {
    const { sent, consumers, left, errors } = await runQueuePair(peer, pair, shared);
    expect(errors).toEqual([]);
    expect(consumers.map((c) => c.wire).sort()).toEqual([...competitors(pair.to, shared)].sort());
    const bodies = consumers.flatMap((c) => c.received.map((m) => m.body));
    expect(bodies.length).toBe(sent.length);
    const sorted = (list: readonly Buffer[]): Buffer[] => [...list].sort(Buffer.compare);
    expect(Buffer.concat(sorted(bodies)).equals(Buffer.concat(sorted(sent)))).toBe(true);
    for (const { wire, received } of consumers) {
      expect(received.length, `${wire} gets its share`).toBeGreaterThan(0);
      for (const message of received) {
        expectProperties(message.properties, expectedProperties({ from: pair.from, to: wire }), wire);
        expect(message.redelivered).toBe(false);
      }
    }
    expect(left).toBe(0);
  });

  // A queue without an MQTT consumer, by its plain name, which is what AMQP and STOMP clients meet most.
  it.runIf(shared).each(PAIRS.filter((pair) => carriesProperties(pair.to)))(
    'plain queue: $from to $to, each message to exactly one of three',
    async (pair) => {
      const { sent, consumers, left, errors } = await runQueuePair(peer, pair, false);
      expect(errors).toEqual([]);
      expect(left).toBe(0);
      const bodies = consumers.flatMap((c) => c.received.map((m) => m.body.toString('latin1')));
      expect(bodies.sort()).toEqual(sent.map((body) => body.toString('latin1')).sort());
      for (const { wire, received } of consumers) expect(received.length, wire).toBeGreaterThan(0);
    },
  );

  function expectProperties(got: MessageProperties, expected: MessageProperties, to: Wire): void {
    if (kind === 'entrepot') {
      // Nothing is lost, and nothing is made up.
      expect(got).toEqual(expected);
      return;
    }
    const { replyTo, headers, ...rest } = expected;
    expect(got).toMatchObject(rest);
    const dropsTyped = to !== 'amqp' && differenceOf(kind, 'typed-headers-dropped') !== undefined;
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (dropsTyped && got.headers?.[name] === undefined && name !== 'x-colour') continue;
      expect(String(got.headers?.[name])).toBe(String(value));
    }
    if (replyTo !== undefined) expect(got.replyTo).toContain('answers');
  }
});
