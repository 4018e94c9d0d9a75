/** `$SYS/broker/…`, bounded rates, and bounded sessions. */
import { afterEach, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { until } from '../../../support/until.ts';
import { type Harness, startHarness, text } from '../harness.ts';
import type { RawClient } from '../raw-client.ts';

let harness: Harness;
afterEach(() => harness.broker.close());

async function values(client: RawClient, count: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const packet = await client.next('publish');
    found.set(packet.topic.replace('$SYS/broker/', ''), text(packet));
  }
  return found;
}

it('what the broker says of itself comes at once as retained, then what changes, as long as somebody wants it', async () => {
  const clock = new ManualClock();
  harness = await startHarness({}, { clock });
  const other = await harness.connect311('other');
  other.publish('a', 'x', 1, 1, { retain: true });
  await other.next('puback');
  const client = await harness.connect311('c');
  await client.subscribe('$SYS/broker/clients/+', 0);
  const first = await client.next('publish');
  expect(first.retain).toBe(true);
  const rest = await values(client, 6);
  expect([rest.get('clients/connected'), rest.get('clients/maximum'), rest.get('clients/inactive')]).toEqual([
    '2',
    '2',
    '0',
  ]);
  await client.settle();
  expect(client.packets).toEqual([]);
  await client.subscribe('$SYS/#', 1, 2);
  await until(() =>
    client.packets.some((p) => p.cmd === 'publish' && p.topic === '$SYS/broker/retained messages/count'),
  );
  await client.settle();
  const all = await values(client, client.packets.length);
  expect(all.get('uptime')).toBe('0 seconds');
  expect(all.get('retained messages/count')).toBe('1');
  expect(Number(all.get('publish/messages/received'))).toBe(1);
  // All that is sent for the first time, then what has changed.
  clock.advance(10_000);
  await values(client, all.size);
  await other.leave();
  clock.advance(10_000);
  await until(() => client.packets.some((p) => p.cmd === 'publish' && p.topic === '$SYS/broker/uptime'));
  await client.settle();
  const changed = new Map(
    client.packets.splice(0).map((p) => (p.cmd === 'publish' ? [p.topic, [text(p), p.retain]] : ['', []])),
  );
  expect(changed.get('$SYS/broker/clients/connected')).toEqual(['1', false]);
  expect(changed.get('$SYS/broker/uptime')).toEqual(['20 seconds', false]);
  expect(changed.has('$SYS/broker/version')).toBe(false);
  // Nobody listens: nothing is said. Then somebody does again.
  for (const [i, topic] of ['$SYS/broker/clients/+', '$SYS/#'].entries()) {
    client.send({ cmd: 'unsubscribe', messageId: 5 + i, unsubscriptions: [topic] });
    await client.next('unsuback');
  }
  clock.advance(60_000);
  await client.settle();
  expect(client.packets).toEqual([]);
  await client.subscribe('$SYS/broker/uptime', 0, 9);
  expect(text(await client.next('publish'))).toBe('80 seconds');
  clock.advance(10_000);
  expect(text(await client.next('publish'))).toBe('90 seconds');
});

it('nothing is said where that is switched off, and # does not match it', async () => {
  const clock = new ManualClock();
  harness = await startHarness({ sysIntervalMs: 0 }, { clock });
  const client = await harness.connect311('c');
  await client.subscribe('#', 0);
  await client.subscribe('$SYS/#', 0, 2);
  clock.advance(60_000);
  await client.settle();
  expect(client.packets).toEqual([]);
});

it('connections over the rate are refused, and welcome a second later', async () => {
  const clock = new ManualClock();
  harness = await startHarness({ connectRateMax: 2 }, { clock });
  await harness.connect('a');
  await harness.connect311('b');
  await expect(harness.connect('c')).rejects.toThrow('CONNACK 159');
  await expect(harness.connect311('c')).rejects.toThrow('CONNACK 3');
  expect(harness.adapter.stats.connectRateRefused).toBe(2);
  clock.advance(1000);
  await harness.connect('c');
});

it('a client that sends too fast is read more slowly, and loses nothing', async () => {
  const clock = new ManualClock();
  harness = await startHarness({ packetRateMax: 10 }, { clock });
  const client = await harness.connect311('fast');
  const answered = (): number => client.packets.filter((p) => p.cmd === 'puback').length;
  for (let i = 1; i <= 35; i++) client.publish('t', 'x', 1, i);
  await until(() => answered() === 11, 'a second of them');
  clock.advance(1000);
  await until(() => answered() === 22, 'another second of them');
  const other = await harness.connect311('other');
  await other.settle();
  expect(answered()).toBe(22);
  clock.advance(1000);
  await until(() => answered() === 33);
  clock.advance(1000);
  await until(() => answered() === 35);
  expect(harness.adapter.stats.paced).toBe(3);
});

it('a session keeps as many messages, and for as long, as it may', async () => {
  const clock = new ManualClock();
  harness = await startHarness({ sessionMessagesMax: 3, sessionMessageTtlMs: 60_000 }, { clock });
  const first = await harness.connect311('c', { clean: false });
  await first.subscribe('t', 1);
  await first.vanish();
  await until(() => harness.broker.connections === 0);
  const client = await harness.connect311('p');
  for (let i = 1; i <= 5; i++) {
    client.publish('t', String(i), 1, i);
    await client.next('puback');
  }
  const again = await harness.connect311('c', { clean: false });
  expect([
    text(await again.next('publish')),
    text(await again.next('publish')),
    text(await again.next('publish')),
  ]).toEqual(['3', '4', '5']);
  await again.settle();
  expect(again.packets).toEqual([]);
  for (const messageId of [1, 2, 3]) again.send({ cmd: 'puback', messageId });
  await again.settle();
  await again.vanish();
  await until(() => harness.broker.connections === 1);
  client.publish('t', 'old', 1, 6);
  await client.next('puback');
  clock.advance(61_000);
  const late = await harness.connect311('c', { clean: false });
  await late.settle();
  expect(late.packets).toEqual([]);
});
