/** `$SYS/broker/…`, bounded rates, and bounded sessions. */
import { afterEach, expect, it } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { until } from '../../../support/until.ts';
import { type Stage, stage, text } from '../harness.ts';
import type { Peer } from '../raw-client.ts';

let house: Stage;
afterEach(() => house.broker.close());

async function values(peer: Peer, count: number): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const packet = await peer.next('publish');
    found.set(packet.topic.replace('$SYS/broker/', ''), text(packet));
  }
  return found;
}

it('what the broker says of itself comes at once as retained, then what changes, as long as somebody wants it', async () => {
  const clock = new ManualClock();
  house = await stage({}, { clock });
  const other = await house.connect311('other');
  other.publish('a', 'x', 1, 1, { retain: true });
  await other.next('puback');
  const peer = await house.connect311('c');
  await peer.subscribe('$SYS/broker/clients/+', 0);
  const first = await peer.next('publish');
  expect(first.retain).toBe(true);
  const rest = await values(peer, 6);
  expect([rest.get('clients/connected'), rest.get('clients/maximum'), rest.get('clients/inactive')]).toEqual([
    '2',
    '2',
    '0',
  ]);
  await peer.settle();
  expect(peer.packets).toEqual([]);
  await peer.subscribe('$SYS/#', 1, 2);
  await until(() => peer.packets.some((p) => p.cmd === 'publish' && p.topic === '$SYS/broker/retained messages/count'));
  await peer.settle();
  const all = await values(peer, peer.packets.length);
  expect(all.get('uptime')).toBe('0 seconds');
  expect(all.get('retained messages/count')).toBe('1');
  expect(Number(all.get('publish/messages/received'))).toBe(1);
  // All that is sent for the first time, then what has changed.
  clock.advance(10_000);
  await values(peer, all.size);
  await other.leave();
  clock.advance(10_000);
  await until(() => peer.packets.some((p) => p.cmd === 'publish' && p.topic === '$SYS/broker/uptime'));
  await peer.settle();
  const changed = new Map(
    peer.packets.splice(0).map((p) => (p.cmd === 'publish' ? [p.topic, [text(p), p.retain]] : ['', []])),
  );
  expect(changed.get('$SYS/broker/clients/connected')).toEqual(['1', false]);
  expect(changed.get('$SYS/broker/uptime')).toEqual(['20 seconds', false]);
  expect(changed.has('$SYS/broker/version')).toBe(false);
  // Nobody listens: nothing is said. Then somebody does again.
  for (const [i, topic] of ['$SYS/broker/clients/+', '$SYS/#'].entries()) {
    peer.send({ cmd: 'unsubscribe', messageId: 5 + i, unsubscriptions: [topic] });
    await peer.next('unsuback');
  }
  clock.advance(60_000);
  await peer.settle();
  expect(peer.packets).toEqual([]);
  await peer.subscribe('$SYS/broker/uptime', 0, 9);
  expect(text(await peer.next('publish'))).toBe('80 seconds');
  clock.advance(10_000);
  expect(text(await peer.next('publish'))).toBe('90 seconds');
});

it('nothing is said where that is switched off, and # does not match it', async () => {
  const clock = new ManualClock();
  house = await stage({ sysIntervalMs: 0 }, { clock });
  const peer = await house.connect311('c');
  await peer.subscribe('#', 0);
  await peer.subscribe('$SYS/#', 0, 2);
  clock.advance(60_000);
  await peer.settle();
  expect(peer.packets).toEqual([]);
});

it('connections over the rate are refused, and welcome a second later', async () => {
  const clock = new ManualClock();
  house = await stage({ connectRateMax: 2 }, { clock });
  await house.connect('a');
  await house.connect311('b');
  await expect(house.connect('c')).rejects.toThrow('CONNACK 159');
  await expect(house.connect311('c')).rejects.toThrow('CONNACK 3');
  expect(house.adapter.stats.connectRateRefused).toBe(2);
  clock.advance(1000);
  await house.connect('c');
});

it('a client that sends too fast is read more slowly, and loses nothing', async () => {
  const clock = new ManualClock();
  house = await stage({ packetRateMax: 10 }, { clock });
  const peer = await house.connect311('fast');
  const answered = (): number => peer.packets.filter((p) => p.cmd === 'puback').length;
  for (let i = 1; i <= 35; i++) peer.publish('t', 'x', 1, i);
  await until(() => answered() === 11, 'a second of them');
  clock.advance(1000);
  await until(() => answered() === 22, 'another second of them');
  const other = await house.connect311('other');
  await other.settle();
  expect(answered()).toBe(22);
  clock.advance(1000);
  await until(() => answered() === 33);
  clock.advance(1000);
  await until(() => answered() === 35);
  expect(house.adapter.stats.paced).toBe(3);
});

it('a session keeps as many messages, and for as long, as it may', async () => {
  const clock = new ManualClock();
  house = await stage({ sessionMessagesMax: 3, sessionMessageTtlMs: 60_000 }, { clock });
  const first = await house.connect311('c', { clean: false });
  await first.subscribe('t', 1);
  await first.vanish();
  await until(() => house.broker.connections === 0);
  const peer = await house.connect311('p');
  for (let i = 1; i <= 5; i++) {
    peer.publish('t', String(i), 1, i);
    await peer.next('puback');
  }
  const again = await house.connect311('c', { clean: false });
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
  await until(() => house.broker.connections === 1);
  peer.publish('t', 'old', 1, 6);
  await peer.next('puback');
  clock.advance(61_000);
  const late = await house.connect311('c', { clean: false });
  await late.settle();
  expect(late.packets).toEqual([]);
});
