/** Each bound that an operator can set, and what the adapter counts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MqttProtocol, mqtt } from '../../../../protocols/mqtt/index.ts';
import { DOT } from '../../../../src/message/message.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import { until } from '../../../support/until.ts';
import { openSession, publishAs } from '../harness.ts';
import { RawClient } from '../raw-client.ts';

let broker: TestBroker;
let adapter: MqttProtocol;
let port: number;
beforeAll(async () => {
  const options = {
    packetSizeMax: 300_000,
    controlSizeMax: 500,
    inflightMax: 2,
    receiveMax: 3,
    topicLevelsMax: 4,
    subscriptionsMax: 3,
    handshakeTimeoutMs: 500,
  };
  adapter = Object.assign(mqtt(options), { name: 'mqtt-limited' });
  broker = await startTestBroker({ data: null, protocols: [adapter], listen: ['mqtt-limited://127.0.0.1:0'] });
  port = broker.port('mqtt-limited');
});
afterAll(() => broker.close());

it('a client that says nothing is closed after the handshake timeout', async () => {
  const before = adapter.stats.handshakeTimeouts;
  const silent = await RawClient.dial(port);
  const half = await RawClient.dial(port);
  half.raw(Buffer.of(0x10, 100, 0, 4));
  await until(() => silent.closed && half.closed, 'both to be closed');
  expect(adapter.stats.handshakeTimeouts - before).toBe(2);
});

it('a PUBLISH over the bound closes the connection before its body is read, one at the bound is delivered', async () => {
  const watcher = await RawClient.connect(port, 'watcher');
  await watcher.subscribe('t', 0);
  const client = await RawClient.connect(port, 'big');
  client.publish('t', Buffer.alloc(300_000 - 3, 'x'));
  expect((await watcher.next('publish')).payload.length).toBe(299_997);
  client.raw(Buffer.of(0x30, 0xe1, 0xa7, 0x12)); // 300,001 announced
  await until(() => client.closed, 'the connection to close');
  await watcher.leave();
});

it('another packet over its bound closes the connection', async () => {
  const client = await RawClient.connect(port, 'big');
  client.raw(Buffer.of(0x82, 0xf5, 3));
  await until(() => client.closed, 'the connection to close');
});

it('filters beyond the bound are refused with 0x80, shared ones counted with the others', async () => {
  const client = await RawClient.connect(port, 'many');
  expect(await client.subscribe('a', 1)).toBe(1);
  expect(await client.subscribe('$share/g/b', 1)).toBe(1);
  expect(await client.subscribe('c', 1)).toBe(1);
  expect(await client.subscribe('d', 1)).toBe(0x80);
  expect(await client.subscribe('$share/g/d', 1)).toBe(0x80);
  expect(await client.subscribe('c', 0)).toBe(0); // not a new one
  client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a'] });
  await client.next('unsuback');
  expect(await client.subscribe('d', 1)).toBe(1);
  await client.leave();
});

it('more publishes at once than may wait for the log are all answered, in order', async () => {
  const keeper = await RawClient.connect(port, 'keeper', { clean: false });
  await keeper.subscribe('burst', 1);
  const client = await RawClient.connect(port, 'burster');
  for (let i = 1; i <= 200; i++) client.publish('burst', 'x', 1, i);
  for (let i = 1; i <= 200; i++) expect((await client.next('puback')).messageId).toBe(i);
  await client.leave();
  await keeper.vanish();
});

it('a client may hold as many messages as the window says, over all its subscriptions', async () => {
  const client = await RawClient.connect(port, 'holder');
  await client.subscribe('w', 1);
  await client.subscribe('$share/g/s', 1, 2);
  for (let i = 1; i <= 3; i++) {
    client.publish('w', 'x', 1, i);
    await client.next('puback');
    client.publish('s', 'x', 1, i);
    await client.next('puback');
  }
  await client.settle();
  let answered = 0;
  while (answered < 6) {
    const held = client.packets.filter((p) => p.cmd === 'publish');
    expect(held.length).toBeLessThanOrEqual(2);
    const packet = await client.next('publish');
    client.send({ cmd: 'puback', messageId: packet.messageId! });
    answered++;
    await client.settle();
  }
  await client.leave();
});

it('the window counts what a former connection left without PUBCOMP', async () => {
  const first = await RawClient.connect(port, 'releaser', { clean: false });
  await first.subscribe('r', 2);
  const publisher = await RawClient.connect(port, 'publisher');
  for (let i = 1; i <= 3; i++) publisher.publish('r', String(i), 1, i);
  for (let i = 1; i <= 3; i++) await publisher.next('puback');
  await publisher.leave();
  const other = await RawClient.connect(port, 'publisher');
  for (let i = 1; i <= 3; i++) {
    other.publish('r', `2-${i}`, 2, i);
    await other.next('pubrec');
  }
  await other.leave();
  // Two of QoS 1 are held, the third waits: answered one by one until QoS 2 has its turn.
  for (let i = 0; i < 3; i++) first.send({ cmd: 'puback', messageId: (await first.next('publish')).messageId! });
  const held = [await first.next('publish'), await first.next('publish')];
  for (const packet of held) {
    expect(packet.qos).toBe(2);
    first.send({ cmd: 'pubrec', messageId: packet.messageId! });
    await first.next('pubrel');
  }
  await first.vanish();
  const again = await RawClient.connect(port, 'releaser', { clean: false });
  for (const packet of held) expect((await again.next('pubrel')).messageId).toBe(packet.messageId);
  await again.settle();
  expect(again.packets.filter((p) => p.cmd === 'publish')).toEqual([]);
  again.send({ cmd: 'pubcomp', messageId: held[0]!.messageId! });
  expect((await again.next('publish')).payload.toString()).toBe('2-3');
  await again.vanish();
});

it('what 3.1.1 cannot carry is counted, and the message delivered', async () => {
  const client = await RawClient.connect(port, 'plain');
  await client.subscribe('lossy/+', 1);
  const session = await openSession(broker);
  const before = adapter.stats.lossyConversions;
  publishAs(session, 'amq.topic', DOT, 'lossy.no', 'nothing to lose');
  publishAs(session, 'amq.topic', DOT, 'lossy.#', 'a topic');
  publishAs(session, 'amq.topic', DOT, 'lossy.props', 'properties', (draft) => {
    draft.assurance = 1;
    draft.props = Buffer.from('anything');
    draft.propsEnd = draft.props.length;
  });
  for (let i = 0; i < 3; i++) await client.next('publish');
  expect(adapter.stats.lossyConversions - before).toBe(2);
  session.close(true);
  await client.leave();
});
