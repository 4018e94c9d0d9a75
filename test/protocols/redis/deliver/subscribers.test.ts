/** What subscribers get, and what happens to those that do not read. */
import { afterEach, describe, expect, it } from 'vitest';
import { AT_LEAST_ONCE, DOT, Draft, SLASH } from '../../../../src/api/index.ts';
import { OTHER_DIALECT, RedisHarness } from '../harness.ts';
import { ErrorReply, type RawClient } from '../raw-client.ts';

/** As much of the broker's side as an operator's hand needs. */
interface Topology {
  readonly queues: Map<string, object>;
  deleteQueue(queue: object): void;
}

let harness: RedisHarness;
afterEach(() => harness.stop());

async function publishAs(spelling: 0 | 1, key: string, body: string, props = ''): Promise<number> {
  const session = await harness.session();
  const bytes = Buffer.from(key);
  const draft = new Draft();
  draft.dialect = OTHER_DIALECT.id;
  draft.assurance = AT_LEAST_ONCE;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  draft.props = Buffer.from(props);
  draft.propsEnd = draft.props.length;
  session.publish(session.route('amq.topic', spelling, bytes, 0, bytes.length), draft);
  session.close(true);
  return draft.routed;
}

async function subscribed(command: string, ...names: string[]): Promise<RawClient> {
  const raw = await harness.open();
  for (const name of names) await raw.call(command, name);
  return raw;
}

it('who has unsubscribed from a channel is not led to any more', async () => {
  harness = await RedisHarness.start();
  const raw = await subscribed('SUBSCRIBE', 'a', 'b');
  await raw.call('UNSUBSCRIBE', 'a');
  expect([await publishAs(DOT, 'a', 'x'), await publishAs(DOT, 'b', 'y')]).toEqual([0, 1]);
});

it('who unsubscribes from what it has no subscription to is told so, and keeps what it has', async () => {
  harness = await RedisHarness.start();
  const raw = await subscribed('PSUBSCRIBE', 'a*');
  expect(await raw.call('PUNSUBSCRIBE', 'b*')).toEqual(['punsubscribe', 'b*', 1]);
  expect(await raw.call('UNSUBSCRIBE', 'b')).toEqual(['unsubscribe', 'b', 1]);
  expect(await publishAs(DOT, 'ab', 'x')).toBe(1);
});

describe("other protocols' messages", () => {
  it('come under their names in dots, whatever was promised to their publishers', async () => {
    harness = await RedisHarness.start();
    const raw = await subscribed('SUBSCRIBE', 'sensors.1', 'v1/2.x');
    const pattern = await subscribed('PSUBSCRIBE', 'sensors.*');
    expect(await publishAs(SLASH, 'sensors/1', '20')).toBe(2);
    expect(await raw.next()).toEqual(['message', 'sensors.1', '20']);
    expect(await pattern.next()).toEqual(['pmessage', 'sensors.*', 'sensors.1', '20']);
    await publishAs(SLASH, 'v1.2/x', '21');
    expect(await raw.next()).toEqual(['message', 'v1/2.x', '21']);
    await publishAs(DOT, 'sensors.1', '22', '{}');
    expect(await raw.next()).toEqual(['message', 'sensors.1', '22']);
    expect(harness.stats.lossyConversions).toBe(2);
  });

  it('that a binding brings too many of go no further', async () => {
    harness = await RedisHarness.start();
    const raw = await subscribed('PSUBSCRIBE', 'sens*');
    await publishAs(DOT, 'other', 'x');
    await publishAs(DOT, 'sensors', 'y');
    expect(await raw.next()).toEqual(['pmessage', 'sens*', 'sensors', 'y']);
    expect(raw.unread).toEqual([]);
    expect(harness.stats.messagesOut).toBe(1);
  });
});

it('who does not read loses messages, counted, and nothing is cut in two', async () => {
  harness = await RedisHarness.start({ unsentBytesMax: 1024 * 1024 });
  const raw = await subscribed('SUBSCRIBE', 'c');
  const publisher = await harness.open();
  raw.socket.pause();
  for (let i = 0; i < 200; i++) await publisher.call('PUBLISH', 'c', `${i} ${'x'.repeat(100_000)}`);
  expect(harness.stats.directDropped).toBeGreaterThan(0);
  raw.socket.resume();
  await new Promise((resolve) => setTimeout(resolve, 100));
  await publisher.call('PUBLISH', 'c', 'last');
  for (;;) {
    const [, , text] = (await raw.next()) as string[];
    if (text === 'last') break;
    expect(text).toHaveLength(100_000 + text!.indexOf(' ') + 1);
  }
});

it('a connection has so many subscriptions, and patterns so many bytes', async () => {
  harness = await RedisHarness.start({ subscriptionsMax: 2, patternSizeMax: 4 });
  const raw = await harness.open3();
  raw.send('SUBSCRIBE', 'a', 'b', 'c');
  await raw.next();
  await raw.next();
  expect(await raw.next()).toEqual(new ErrorReply('ERR a connection has 2 subscriptions at most'));
  expect(await raw.call('PUBSUB', 'CHANNELS')).toEqual(['a', 'b']);
  await raw.call('UNSUBSCRIBE', 'a');
  expect(await raw.call('PSUBSCRIBE', 'abcde')).toEqual(
    new ErrorReply('ERR a pattern of more than 4 bytes is not taken'),
  );
});

it('patterns take so long of a message, and no longer', async () => {
  harness = await RedisHarness.start();
  const raw = await harness.open();
  await raw.call('PSUBSCRIBE', 'short*');
  for (let i = 0; i < 50; i++) await raw.call('PSUBSCRIBE', `*${'a'.repeat(200)}b${i}`);
  const publisher = await harness.open();
  await publisher.call('PUBLISH', 'a'.repeat(60_000), 'dear');
  expect(harness.stats.patternsTooDear).toBe(1);
  await publisher.call('PUBLISH', `short${'a'.repeat(100)}`, 'cheap');
  expect(await raw.next()).toEqual(['pmessage', 'short*', `short${'a'.repeat(100)}`, 'cheap']);
  expect(harness.stats.patternsTooDear).toBe(1);
});

it('patterns that take just as long as they may are not too dear', async () => {
  harness = await RedisHarness.start();
  const raw = await harness.open();
  // Each compares every byte of the channel once: 512 times 128 bytes are all the steps there are.
  const patterns = Array.from({ length: 512 }, (_, i) => {
    const bits = i.toString(2).padStart(9, '0').replaceAll('0', '?').replaceAll('1', 'a');
    return bits.padEnd(128, '?');
  });
  raw.send('PSUBSCRIBE', ...patterns);
  for (const _ of patterns) await raw.next();
  const publisher = await harness.open();
  await publisher.call('PUBLISH', 'a'.repeat(128), 'x');
  for (const pattern of patterns) expect(await raw.next()).toEqual(['pmessage', pattern, 'a'.repeat(128), 'x']);
  expect(harness.stats.patternsTooDear).toBe(0);
  await raw.call('PSUBSCRIBE', `b${'?'.repeat(127)}`);
  await publisher.call('PUBLISH', 'a'.repeat(128), 'y');
  expect(harness.stats.patternsTooDear).toBe(1);
});

it('whose queue an operator deletes is hung up on', async () => {
  harness = await RedisHarness.start();
  const raw = await subscribed('SUBSCRIBE', 'c');
  const { client } = harness.handlers[0] as unknown as { client: { subscriptions: { queue: string } } };
  const operator = harness.broker as unknown as { vhosts: Map<string, { topology: Topology }> };
  const { topology } = operator.vhosts.get('/')!;
  topology.deleteQueue(topology.queues.get(client.subscriptions.queue)!);
  await raw.closed();
  expect(harness.broker.sessionCount).toBe(0);
});
