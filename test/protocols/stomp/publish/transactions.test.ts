/** What goes through a transaction comes out of it as it went in; what it is to settle is nobody else's to settle. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { StompHarness } from '../harness.ts';
import { type Frame, header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let clock: ManualClock;
let other: Session;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({}, { clock });
  other = await harness.session();
});
afterEach(() => harness.stop());

const LARGE = 'x'.repeat(300_000);
const bodyOf = async (client: RawClient): Promise<string> => (await client.next('MESSAGE')).body.toString();

/** Messages 1 to `count`, unsettled by the client in mode `client`. */
async function unsettled(client: RawClient, count: number): Promise<Frame[]> {
  for (let i = 1; i <= count; i++) await client.confirmed('SEND', { destination: '/queue/q' }, String(i));
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client' });
  const frames: Frame[] = [];
  for (let i = 0; i < count; i++) frames.push(await client.next('MESSAGE'));
  return frames;
}

describe.each(['1.1', '1.2'])('a cumulative ACK outside, in %s', (version) => {
  const naming = (frame: Frame): Record<string, string> =>
    version === '1.2'
      ? { id: header(frame, 'ack')! }
      : { 'message-id': header(frame, 'message-id')!, subscription: header(frame, 'subscription')! };

  /** The middle two of five are enlisted, and what is outside is acknowledged up to the fourth. */
  async function enlisted(client: RawClient): Promise<Frame[]> {
    const frames = await unsettled(client, 5);
    await client.confirmed('ACK', naming(frames[0]!));
    await client.confirmed('BEGIN', { transaction: 't' });
    await client.confirmed('ACK', { ...naming(frames[2]!), transaction: 't' });
    await client.confirmed('ACK', naming(frames[3]!));
    return frames;
  }

  /** What is given back by whoever leaves now. */
  async function left(client: RawClient): Promise<string[]> {
    await client.leave();
    const reader = await harness.open();
    const count = other.checkQueue('q').messages;
    await reader.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const bodies: string[] = [];
    for (let i = 0; i < count; i++) bodies.push(await bodyOf(reader));
    return bodies;
  }

  test('leaves what the transaction is to settle to its COMMIT', async () => {
    const client = await harness.open(version);
    await enlisted(client);
    await client.confirmed('COMMIT', { transaction: 't' });
    expect(await left(client)).toEqual(['5']);
  });

  test('leaves what the transaction is to settle to its ABORT, after which it is unsettled again', async () => {
    const client = await harness.open(version);
    await enlisted(client);
    await client.confirmed('ABORT', { transaction: 't' });
    expect(await left(client)).toEqual(['2', '3', '5']);
  });

  test('takes what was enlisted once it is aborted', async () => {
    const client = await harness.open(version);
    const frames = await enlisted(client);
    await client.confirmed('ABORT', { transaction: 't' });
    await client.confirmed('ACK', naming(frames[2]!));
    expect(await left(client)).toEqual(['5']);
  });

  test('of an enlisted one settles those before it alone', async () => {
    const client = await harness.open(version);
    const frames = await unsettled(client, 3);
    await client.confirmed('BEGIN', { transaction: 't' });
    await client.confirmed('ACK', { ...naming(frames[1]!), transaction: 't' });
    await client.confirmed('ACK', naming(frames[1]!));
    await client.confirmed('ABORT', { transaction: 't' });
    expect(await left(client)).toEqual(['1', '2', '3']);
  });

  test('in a second transaction leaves to the first what it has', async () => {
    const client = await harness.open(version);
    const frames = await enlisted(client);
    await client.confirmed('BEGIN', { transaction: 'u' });
    await client.confirmed('ACK', { ...naming(frames[4]!), transaction: 'u' });
    await client.confirmed('ABORT', { transaction: 't' });
    await client.confirmed('COMMIT', { transaction: 'u' });
    expect(await left(client)).toEqual(['2', '3']);
  });
});

test('frames that wait for a COMMIT count against memory with more than their bodies, until they are done with', async () => {
  const client = await harness.open();
  const held = (): number => harness.handlers[0]!.heldBytes!;
  await client.confirmed('BEGIN', { transaction: 't' });
  expect(held()).toBe(0);
  for (let i = 0; i < 50; i++) await client.confirmed('SEND', { destination: '/queue/q', transaction: 't' }, '12345');
  const before = held();
  expect(before).toBeGreaterThanOrEqual(50 * (5 + 256));
  expect(before).toBeLessThan(50 * 300);
  await client.confirmed('BEGIN', { transaction: 'u' });
  await client.confirmed('SEND', { destination: '/queue/q', transaction: 'u' }, '');
  expect(held()).toBeGreaterThanOrEqual(before + 256);
  await client.confirmed('COMMIT', { transaction: 't' });
  await client.confirmed('ABORT', { transaction: 'u' });
  expect(held()).toBe(0);
});

describe.each([
  ['a small body', 'x'],
  ['a large body', LARGE],
])('a SEND in a transaction, with %s,', (_, body) => {
  /** Sends it in a transaction, together with another before it, and commits. */
  async function sendIn(client: RawClient, headers: Record<string, string>): Promise<void> {
    await client.confirmed('BEGIN', { transaction: 't' });
    await client.confirmed('SEND', { destination: '/queue/before', transaction: 't', priority: '1' }, 'before');
    const length = { 'content-length': String(body.length) };
    await client.confirmed('SEND', { destination: '/queue/q', transaction: 't', ...length, ...headers }, body);
    await client.confirmed('COMMIT', { transaction: 't' });
  }

  test('lives as long as its expiration says, from the COMMIT on', async () => {
    const client = await harness.open();
    await sendIn(client, { expiration: '5000' });
    expect(other.checkQueue('q').messages).toBe(1);
    clock.advance(4_900);
    await client.confirmed('SEND', { destination: '/queue/other' }, 'x');
    expect(other.checkQueue('q').messages).toBe(1);
    clock.advance(200);
    await client.confirmed('SEND', { destination: '/queue/other' }, 'x');
    expect(other.checkQueue('q').messages).toBe(0);
  });

  test('has its priority', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q', 'x-max-priority': '9', priority: '5' }, 'middle');
    await sendIn(client, { priority: '9' });
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    expect(await bodyOf(client)).toBe(body);
    expect(await bodyOf(client)).toBe('middle');
  });

  test('waits for its delay', async () => {
    const client = await harness.open();
    await sendIn(client, { AMQ_SCHEDULED_DELAY: '1000' });
    expect(other.queueExists('q') ? other.checkQueue('q').messages : 0).toBe(0);
    clock.advance(1_100);
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    expect(await bodyOf(client)).toBe(body);
  });

  test('stays with the consumer that has its group', async () => {
    const [one, two] = [await harness.open(), await harness.open()];
    for (const client of [one, two]) {
      await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client', 'prefetch-count': '1' });
    }
    await one.confirmed('SEND', { destination: '/queue/q', JMSXGroupID: 'g' }, 'first');
    const owner = await Promise.race(
      [one, two].map(async (client) => {
        await client.next('MESSAGE');
        return client;
      }),
    );
    await sendIn(one, { JMSXGroupID: 'g' });
    // Nobody else may have it, and its owner holds as much as it may.
    expect(other.checkQueue('q').messages).toBe(1);
    expect((owner === one ? two : one).frames).toEqual([]);
  });

  test.each(['true', 'false'])('is as safe as it asks to be: persistent:%s', async (persistent) => {
    const client = await harness.open();
    await sendIn(client, { persistent });
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    expect(header(await client.next('MESSAGE'), 'persistent')).toBe(persistent === 'true' ? 'true' : undefined);
  });

  test('carries its headers, and nothing of the one before it', async () => {
    const client = await harness.open();
    await sendIn(client, { own: 'a\\cb', 'correlation-id': 'c' });
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q' });
    const message = await client.next('MESSAGE');
    expect([header(message, 'own'), header(message, 'correlation-id')]).toEqual(['a\\cb', 'c']);
    expect(header(message, 'priority')).toBeUndefined();
  });
});
