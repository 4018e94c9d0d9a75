/** `compat: activemq`: what dies in a durable queue that says nothing of it lies in ActiveMQ.DLQ; topics keep a last message for who comes late. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

const DLQ = 'ActiveMQ.DLQ';
let harness: StompHarness;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({}, { clock, compat: 'activemq' });
});
afterEach(() => harness.stop());

async function refuse(client: RawClient, queue: string, headers: Record<string, string>, nack = {}): Promise<void> {
  await client.confirmed('SUBSCRIBE', { id: queue, destination: queue, ack: 'client-individual' });
  await client.confirmed('SEND', { destination: queue, ...headers }, 'dead');
  await client.confirmed('NACK', { id: header(await client.take('MESSAGE'), 'ack')!, ...nack });
}

const deadOf = async (client: RawClient): Promise<readonly string[]> => {
  await client.confirmed('SUBSCRIBE', { id: 'dlq', destination: `/queue/${DLQ}` });
  await client.confirmed('SEND', { destination: '/topic/nobody' });
  return client.frames.splice(0).map(({ body }) => body.toString());
};

describe('the dead letter queue', () => {
  test.each([
    ['to be kept', { persistent: 'true' }],
    ['not to be kept, which ActiveMQ loses', {}],
  ])('has what a consumer refuses that was %s', async (_, headers: Record<string, string>) => {
    const client = await harness.open();
    await refuse(client, '/queue/q', headers);
    await client.confirmed('SUBSCRIBE', { id: 'dlq', destination: `/queue/${DLQ}` });
    const dead = await client.take('MESSAGE');
    const said = ['original-destination', 'originalExpiration', 'dlqDeliveryFailureCause', 'x-first-death-queue'];
    expect(said.map((name) => header(dead, name))).toEqual(['/queue/q', '0', 'Refused by a consumer', 'q']);
  });

  test('has what has expired, if that was to be kept', async () => {
    const client = await harness.open();
    const expires = `${clock.epochMs() + 1_000}`;
    await client.confirmed('SEND', { destination: '/queue/q', persistent: 'true', expires }, 'kept');
    await client.confirmed('SEND', { destination: '/queue/q', expires }, 'not kept');
    clock.advance(2_000);
    await client.confirmed('SUBSCRIBE', { id: 'q', destination: '/queue/q' });
    await client.confirmed('SUBSCRIBE', { id: 'dlq', destination: `/queue/${DLQ}` });
    const dead = await client.take('MESSAGE');
    expect(dead.body.toString()).toBe('kept');
    expect(header(dead, 'dlqDeliveryFailureCause')).toMatch(/^Message Expired\. Expiration\\c\d{13}$/);
    expect(client.frames).toEqual([]);
  });

  test('does not get what a queue has another place for, what comes back, or what dies in it', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: 'other', destination: '/queue/other' });
    await client.confirmed(
      'SEND',
      { destination: '/queue/named', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'other' },
      '-',
    );
    await client.confirmed('SUBSCRIBE', { id: 'n', destination: '/amq/queue/named', ack: 'client-individual' });
    await client.confirmed('NACK', { id: header(await client.take('MESSAGE'), 'ack')! });
    expect(header(await client.take('MESSAGE'), 'subscription')).toBe('other');
    await refuse(client, '/queue/back', {}, { requeue: 'true' });
    await client.take('MESSAGE');
    await refuse(client, `/queue/${DLQ}`, {});
    expect(await deadOf(client)).toEqual([]);
    expect(harness.broker.vhostsByName.get('/')!.counters.droppedRejected).toBe(1);
  });

  test('is nothing of what other vhosts have', async () => {
    await harness.stop();
    harness = await StompHarness.start({}, { clock });
    const client = await harness.open();
    await refuse(client, '/queue/q', {}, { requeue: 'false' });
    expect(await deadOf(client)).toEqual([]);
  });
});

describe('activemq.retroactive', () => {
  test("brings a topic's last message that was to be kept for that", async () => {
    const client = await harness.open();
    for (const body of ['old', 'last'])
      await client.confirmed('SEND', { destination: '/topic/a.b', 'ActiveMQ.Retain': 'true' }, body);
    await client.confirmed('SEND', { destination: '/topic/a.c', 'ActiveMQ.Retain': 'true' }, 'other');
    await client.confirmed('SEND', { destination: '/topic/a.d' }, 'not kept');
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/a.>', 'activemq.retroactive': 'true' });
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/topic/a.>' });
    const come = [await client.take('MESSAGE'), await client.take('MESSAGE')];
    expect(come.map((frame) => [header(frame, 'subscription'), frame.body.toString()]).sort()).toEqual([
      ['1', 'last'],
      ['1', 'other'],
    ]);
    await client.confirmed('SEND', { destination: '/topic/nobody' });
    expect(client.frames).toEqual([]);
  });
});
