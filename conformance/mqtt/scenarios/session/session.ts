/** How long a session lasts [3.1.2.11.2, 4.1], shared subscriptions [4.8.2]. */
import { strict as assert } from 'node:assert';
import type { Harness } from '../../harness.ts';
import type { RawClient } from '../../raw-client.ts';
import { both, type Scenario, v5 } from '../../scenario.ts';
import { none, packet, text, u16 } from '../../wire.ts';
import { nothingBefore, pair, pass } from '../steps.ts';

/** Members of one group, each subscribed. */
async function group(harness: Harness, count: number, qos: number, topic = harness.topic()): Promise<RawClient[]> {
  const members: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const member = await harness.connect({ clientId: harness.id(`m${i}`) });
    assert.deepEqual([...(await member.subscribe({ topic: `$share/${harness.id('g')}/${topic}`, qos }))], [qos]);
    members.push(member);
  }
  return members;
}

/** Has every member leave its group: a queue of a group outlives its members' connections. */
async function disband(harness: Harness, members: readonly RawClient[], topic = harness.topic()): Promise<void> {
  for (const member of members) if (!member.closed) await member.unsubscribe(`$share/${harness.id('g')}/${topic}`);
}

const SHARED = { needs: 'shared' } as const;

export const SESSION: readonly Scenario[] = [
  v5('without an expiry interval it ends with the connection', '4.1.0-2 3.2.2-3', async (harness) => {
    const before = await harness.connect({ clientId: harness.id('k'), clean: false });
    await before.subscribe({ topic: harness.topic(), qos: 1 });
    before.drop();
    assert.equal((await harness.kept()).connack.sessionPresent, false);
  }),
  v5('it is there until its expiry interval has passed, and not after', '4.1.0-1 4.1.0-2 3.1.2-23', async (harness) => {
    const topic = harness.topic();
    const properties = { sessionExpiryInterval: 1 };
    const before = await harness.kept('k', { properties });
    await before.subscribe({ topic, qos: 1 });
    before.drop();
    const again = await harness.kept('k', { properties });
    assert.equal(again.connack.sessionPresent, true);
    await again.leave();
    await pass(2_600);
    const publisher = await harness.connect();
    await publisher.publish(topic, 'too late', { qos: 1 });
    const after = await harness.kept('k');
    assert.equal(after.connack.sessionPresent, false);
    await after.subscribe({ topic: harness.topic('end'), qos: 1 });
    await nothingBefore(after, publisher, harness.topic('end'), 1);
  }),
  v5('an open connection outlasts the expiry interval', '4.1.0-1', async (harness) => {
    const topic = harness.topic();
    const client = await harness.kept('k', { properties: { sessionExpiryInterval: 1 } });
    await client.subscribe({ topic, qos: 1 });
    await pass(2_200);
    await client.publish(topic, 'still here', { qos: 1 });
    await client.message('still here');
  }),
  v5('DISCONNECT can change the expiry interval', '3.1.2-23 4.1.0-2', async (harness) => {
    for (const [name, sessionExpiryInterval, present] of [
      ['longer', 300, true],
      ['none', 0, false],
    ] as const) {
      const before = await harness.kept(name, { properties: { sessionExpiryInterval: 60 } });
      await before.subscribe({ topic: harness.topic(), qos: 1 });
      await before.leave({ sessionExpiryInterval });
      assert.equal((await harness.kept(name)).connack.sessionPresent, present, name);
    }
  }),
  v5('DISCONNECT cannot make a session kept that was not', '4.13.1-1', async (harness) => {
    const client = await harness.connect({ clientId: harness.id('k') });
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 60 } });
    const how = await client.ended();
    assert.equal((await harness.kept()).connack.sessionPresent, false);
    return how;
  }),
  v5('it resumes with clean start 0, whatever its first connection said', '3.1.2-5 3.1.2-23', async (harness) => {
    const topic = harness.topic();
    // Clean start and a session expiry: new, and kept.
    const before = await harness.kept('k', { clean: true });
    assert.equal(before.connack.sessionPresent, false);
    await before.subscribe({ topic, qos: 1 });
    before.drop();
    await (await harness.connect()).publish(topic, 'while away', { qos: 1 });
    const after = await harness.kept();
    assert.equal(after.connack.sessionPresent, true);
    await after.message('while away');
  }),
  ...both('several sessions on one topic each get all', '4.5.0-1', '4.5.0-1', async (harness) => {
    const topic = harness.topic();
    const subscribers = [await harness.kept('a'), await harness.kept('b'), await harness.connect()];
    for (const subscriber of subscribers) await subscriber.subscribe({ topic, qos: 1 });
    subscribers[0]!.drop();
    const publisher = await harness.connect();
    for (let i = 0; i < 20; i++) await publisher.publish(topic, String(i), { qos: 1 });
    subscribers[0] = await harness.kept('a');
    for (const subscriber of subscribers) for (let i = 0; i < 20; i++) await subscriber.message(String(i));
  }),
  ...both(
    'shared: each message to one member',
    '',
    '4.8.2-3',
    async (harness) => {
      const topic = harness.topic();
      const members = await group(harness, 3, 1);
      const [alone, publisher] = await pair(harness, topic, 1);
      for (let i = 0; i < 30; i++) await publisher.publish(topic, String(i), { qos: 1 });
      for (let i = 0; i < 30; i++) await alone.message(String(i));
      for (const member of members) await member.ping();
      const counts = members.map((member) => member.waiting.filter((r) => r.cmd === 'publish').length);
      const all = members.flatMap((member) => member.waiting.map((r) => r.payload.toString()));
      assert.deepEqual(
        all.map(Number).sort((a, b) => a - b),
        Array.from({ length: 30 }, (_, i) => i),
      );
      assert.ok(
        counts.every((count) => count > 0),
        `shares of ${counts}`,
      );
      await disband(harness, members);
    },
    SHARED,
  ),
  ...both(
    'shared: the QoS granted to the member',
    '',
    '4.8.2-3',
    async (harness) => {
      const topic = harness.topic();
      const publisher = await harness.connect();
      for (const granted of [0, 1, 2]) {
        const members = await group(harness, 1, granted);
        for (const qos of [0, 1, 2]) {
          await publisher.publish(topic, 'x', { qos });
          assert.equal((await members[0]!.message('x')).qos, Math.min(qos, granted));
        }
        await disband(harness, members);
      }
    },
    SHARED,
  ),
  ...both(
    'shared: malformed names are refused',
    '',
    '4.8.2-1 4.8.2-2',
    async (harness) => {
      const seen = new Set<string>();
      for (const filter of ['$share//x', '$share/g', '$share/g/', '$share/g+/x', '$share/#/x', '$share/']) {
        const client = await harness.connect();
        client.bytes(packet(0x82, u16(1), none(harness.level), text(filter), 1));
        const first = await client.next().catch(() => undefined);
        if (first?.cmd === 'suback') {
          assert.ok(first.granted[0]! >= 0x80, `${filter} was granted`);
          seen.add('SUBACK');
        } else seen.add(first === undefined ? 'closed' : `DISCONNECT`);
      }
      return [...seen].join(' or ');
    },
    SHARED,
  ),
  v5(
    'shared: a QoS 2 message under way is completed with its member',
    '4.8.2-4',
    async (harness) => {
      const topic = harness.topic();
      const filter = `$share/${harness.id('g')}/${topic}`;
      const before = await harness.kept('m');
      before.answers = false;
      await before.subscribe({ topic: filter, qos: 2 });
      const publisher = await harness.connect();
      await publisher.publish(topic, 'mine', { qos: 2 });
      const { messageId } = await before.message('mine');
      before.send({ cmd: 'pubrec', messageId });
      await before.expect('pubrel');
      const other = await harness.connect();
      await other.subscribe({ topic: filter, qos: 2 });
      before.drop();
      const after = await harness.kept('m', { answers: false });
      assert.equal((await after.expectAmong('pubrel')).messageId, messageId);
      after.send({ cmd: 'pubcomp', messageId });
      await other.ping();
      assert.deepEqual(other.waiting, []);
      await after.unsubscribe(filter);
      await other.unsubscribe(filter);
    },
    SHARED,
  ),
  v5(
    'shared: a QoS 2 message under way goes to no one else when its session ends',
    '4.8.2-5',
    async (harness) => {
      const topic = harness.topic();
      const filter = `$share/${harness.id('g')}/${topic}`;
      const before = await harness.kept('m');
      before.answers = false;
      await before.subscribe({ topic: filter, qos: 2 });
      const publisher = await harness.connect();
      await publisher.publish(topic, 'mine', { qos: 2 });
      await before.message('mine');
      const other = await harness.connect();
      await other.subscribe({ topic: filter, qos: 2 });
      before.drop();
      await harness.connect({ clientId: harness.id('m') }); // clean start: the session ends
      await nothingBefore(other, publisher, topic, 2);
      await other.unsubscribe(filter);
    },
    SHARED,
  ),
  v5(
    'shared: what a member refuses goes to no other',
    '4.8.2-6',
    async (harness) => {
      const topic = harness.topic();
      const [refuser] = await group(harness, 1, 1);
      refuser!.answers = false;
      const publisher = await harness.connect();
      await publisher.publish(topic, 'refused', { qos: 1 });
      const { messageId } = await refuser!.message('refused');
      const other = await harness.connect();
      await other.subscribe({ topic: `$share/${harness.id('g')}/${topic}`, qos: 1 });
      refuser!.send({ cmd: 'puback', messageId, reasonCode: 0x80 });
      await refuser!.unsubscribe(`$share/${harness.id('g')}/${topic}`);
      await nothingBefore(other, publisher, topic, 1);
      await disband(harness, [other]);
    },
    SHARED,
  ),
];
