/** SUBSCRIBE, UNSUBSCRIBE and their answers [3.8 to 3.11], topic filters [4.7]. */
import { strict as assert } from 'node:assert';
import { hex } from '../../raw.ts';
import { both, type Scenario, type Stage, v4, v5 } from '../../scenario.ts';
import { none, packet, section, text, u16 } from '../../wire.ts';
import { closedBy, nothingBefore, pair } from '../steps.ts';

/** Sends one SUBSCRIBE by hand; the connection ends, or the filter is refused in SUBACK. */
async function refusedFilter(stage: Stage, filter: string | Buffer): Promise<string> {
  const client = await stage.connect();
  client.bytes(packet(0x82, u16(1), none(stage.level), text(filter), 1));
  const first = await client.next().catch(() => undefined);
  if (first === undefined) return 'closed';
  if (first.cmd === 'disconnect') return `DISCONNECT, ${await client.ended()}`;
  assert.equal(first.cmd, 'suback');
  assert.ok(first.granted[0]! >= 0x80, `granted with ${hex(first.granted[0]!)}`);
  return `SUBACK ${hex(first.granted[0]!)}`;
}

const MATCHES: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
  ['s/p/#', 's/p', true],
  ['s/p/#', 's/p/r', true],
  ['s/p/#', 's/p/r/w', true],
  ['s/p/#', 's/q', false],
  ['s/p/+', 's/p/r', true],
  ['s/p/+', 's/p/r/w', false],
  ['s/p/+', 's/p', false],
  ['s/p/+', 's/p/', true],
  ['s/+/r', 's/p/r', true],
  ['s/+/r', 's//r', true],
  ['+', '/f', false],
  ['+/+', '/f', true],
  ['/+', '/f', true],
  ['/+', 'f', false],
  ['s/+/#', 's/p', true],
  ['s/+/#', 's', false],
  ['S/p', 's/p', false],
  ['s/p', 's/p/', false],
  ['s/p', '/s/p', false],
  ['s p', 's p', true],
  ['s.p', 's/p', false],
  ['s/*/r', 's/p/r', false],
  ['\u00e9', 'e\u0301', false],
  ['\u00e9', '\u00e9', true],
];

export const SUBSCRIBE: readonly Scenario[] = [
  ...both(
    'one answer, a code for each filter, in their order',
    '3.8.4-1 3.8.4-2 3.8.4-4 3.8.4-5 3.9.3-1 3.9.3-2 2.3.1-7',
    '3.8.4-1 3.8.4-2 3.8.4-5 3.8.4-6 3.8.4-7 3.9.3-1 3.9.3-2 2.2.1-6 2.2.2-1',
    async (stage) => {
      const client = await stage.connect();
      const filters = [2, 0, 1, 0].map((qos, i) => ({ topic: stage.topic(String(i)), qos }));
      const suback = await client.subscribeWith({}, ...filters);
      assert.deepEqual([...suback.granted], [2, 0, 1, 0]);
      assert.equal(suback.bytes.length, 4 + none(stage.level).length + 4);
      const publisher = await stage.connect();
      for (const { topic, qos } of filters) {
        await publisher.publish(topic, 'x', { qos: 2 });
        const got = await client.message('x');
        assert.deepEqual([got.topic, got.qos], [topic, qos]);
      }
    },
  ),
  ...both('the same filter again replaces the subscription', '3.8.4-3', '3.8.4-3', async (stage) => {
    const topic = stage.topic();
    const [subscriber, publisher] = await pair(stage, topic, 0);
    await subscriber.subscribe({ topic, qos: 1 });
    await publisher.publish(topic, 'x', { qos: 1 });
    assert.equal((await subscriber.message('x')).qos, 1);
    await nothingBefore(subscriber, publisher, topic, 1);
    await subscriber.subscribe({ topic, qos: 0 });
    await publisher.publish(topic, 'y', { qos: 1 });
    assert.equal((await subscriber.message('y')).qos, 0);
    await nothingBefore(subscriber, publisher, topic, 1);
  }),
  ...both('replacing a subscription loses nothing', '3.8.4-3', '3.8.4-4', async (stage) => {
    const topic = stage.topic();
    const [subscriber, publisher] = await pair(stage, topic, 1);
    const publishing = (async () => {
      for (let i = 0; i < 100; i++) await publisher.publish(topic, String(i), { qos: 1 });
    })();
    for (let i = 0; i < 20; i++) await subscriber.subscribe({ topic, qos: 1 + (i % 2) });
    await publishing;
    for (let i = 0; i < 100; i++) await subscriber.message(String(i));
  }),
  v4('a SUBSCRIBE without a filter ends the connection', '3.8.3-3', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1)));
    return closedBy(client);
  }),
  v5('a SUBSCRIBE without a filter ends the connection', '3.8.3-2 4.13.1-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1), 0));
    return closedBy(client);
  }),
  ...both(
    'SUBSCRIBE with wrong flags ends the connection',
    '3.8.1-1 2.2.2-1 2.2.2-2',
    '3.8.1-1 2.1.3-1',
    async (stage) => {
      const client = await stage.connect();
      client.bytes(packet(0x80, u16(1), none(stage.level), text(stage.topic()), 0));
      return closedBy(client);
    },
  ),
  ...both('reserved bits beside the QoS end the connection', '3.8.3-4', '3.8.3-5', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1), none(stage.level), text(stage.topic()), stage.level === 5 ? 0xc0 : 0x04));
    return closedBy(client);
  }),
  ...both('QoS 3 in SUBSCRIBE ends the connection', '3.8.3-4', '4.13.1-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1), none(stage.level), text(stage.topic()), 3));
    return closedBy(client);
  }),
  v5('retain handling 3 ends the connection', '4.13.1-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1), 0, text(stage.topic()), 0x30));
    return closedBy(client);
  }),
  ...both('packet identifier 0 in SUBSCRIBE ends the connection', '2.3.1-1', '2.2.1-3', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(0), none(stage.level), text(stage.topic()), 0));
    return closedBy(client);
  }),
  ...both('# anywhere but as the last level is refused', '4.7.1-2', '4.7.1-1', async (stage) => {
    const seen = new Set<string>();
    for (const filter of ['a/#/b', 'a#', '#a', 'a/b#', '##']) seen.add(await refusedFilter(stage, filter));
    return [...seen].join(' or ');
  }),
  ...both('+ beside other characters is refused', '4.7.1-3', '4.7.1-2', async (stage) => {
    const seen = new Set<string>();
    for (const filter of ['a+', '+a', 'a/+b/c', '++']) seen.add(await refusedFilter(stage, filter));
    return [...seen].join(' or ');
  }),
  ...both('an empty filter is refused', '4.7.3-1', '4.7.3-1', (stage) => refusedFilter(stage, '')),
  ...both('what filters match', '4.7.1-2 4.7.1-3 4.7.3-4 3.3.2-3', '4.7.1-1 4.7.1-2 4.7.3-4 3.3.2-3', async (stage) => {
    const publisher = await stage.connect();
    const wrong: string[] = [];
    for (const [i, [filter, topic, matches]] of MATCHES.entries()) {
      // Under a level of its own, so that scenarios do not meet, and a leading slash keeps its sense.
      const base = stage.topic(`m${i}`);
      const [subscriber] = await pair(stage, `${base}/${filter}`, 1);
      await subscriber.subscribe({ topic: `${base}/...end`, qos: 1 });
      await publisher.publish(`${base}/${topic}`, 'x', { qos: 1 });
      await publisher.publish(`${base}/...end`, 'end', { qos: 1 });
      const first = (await subscriber.expect('publish')).payload.toString();
      if ((first === 'x') !== matches) wrong.push(`${filter} ${matches ? 'misses' : 'takes'} ${topic}`);
      subscriber.close();
    }
    assert.deepEqual(wrong, []);
  }),
  ...both('a leading wildcard does not match $-topics', '4.7.2-1', '4.7.2-1', async (stage) => {
    const name = stage.topic().replaceAll('/', '-');
    const [subscriber, publisher] = await pair(stage, `+/${name}`, 1);
    await publisher.publish(`$conf/${name}`, 'hidden', { qos: 1 });
    await nothingBefore(subscriber, publisher, `conf/${name}`, 1);
  }),
  ...both(
    'UNSUBSCRIBE is answered, and stops the messages',
    '3.10.4-2 3.10.4-4 2.3.1-7',
    '3.10.4-2 3.10.4-4 2.2.1-6',
    async (stage) => {
      const topic = stage.topic('gone');
      const [subscriber, publisher] = await pair(stage, topic, 1);
      await subscriber.subscribe({ topic: stage.topic('stays'), qos: 1 });
      await publisher.publish(topic, 'before', { qos: 1 });
      await subscriber.message('before');
      await subscriber.unsubscribe(topic);
      await publisher.publish(topic, 'after', { qos: 1 });
      await nothingBefore(subscriber, publisher, stage.topic('stays'), 1);
    },
  ),
  ...both('$SYS/broker/version is there for who asks for it', '', '', async (stage) => {
    const client = await stage.connect();
    await client.subscribe('$SYS/broker/version');
    const { topic, payload, retain } = await client.expect('publish', 12_000);
    assert.deepEqual([topic, retain], ['$SYS/broker/version', true]);
    assert.match(payload.toString(), /\d+\.\d+/);
  }),
  ...both('$SYS counts what is connected', '', '', async (stage) => {
    const client = await stage.connect();
    await client.subscribe('$SYS/broker/clients/connected');
    const { payload } = await client.expect('publish', 12_000);
    assert.ok(Number(payload.toString()) >= 0, payload.toString());
  }),
  ...both('UNSUBSCRIBE from nothing is answered', '3.10.4-5', '3.10.4-5', async (stage) => {
    const client = await stage.connect();
    await client.unsubscribe(stage.topic());
  }),
  ...both('UNSUBSCRIBE from several filters is one answer', '3.10.4-6', '3.10.4-6 3.11.3-1 3.11.3-2', async (stage) => {
    const client = await stage.connect();
    const topics = ['a', 'b', 'c'].map((name) => stage.topic(name));
    await client.subscribe(topics[0]!, topics[2]!);
    const unsuback = await client.unsubscribe(...topics);
    if (stage.level === 5) assert.deepEqual([...unsuback.granted], [0, 0x11, 0]);
    const publisher = await stage.connect();
    for (const topic of topics) await publisher.publish(topic, 'x');
    await client.subscribe(stage.topic('end'));
    await nothingBefore(client, publisher, stage.topic('end'));
  }),
  ...both('UNSUBSCRIBE takes filters by the letter', '3.10.4-1', '3.10.4-1', async (stage) => {
    const [subscriber, publisher] = await pair(stage, stage.topic('+'), 1);
    await subscriber.unsubscribe(stage.topic('x'), stage.topic('#'));
    await publisher.publish(stage.topic('x'), 'still', { qos: 1 });
    await subscriber.message('still');
    await subscriber.unsubscribe(stage.topic('+'));
    await subscriber.subscribe({ topic: stage.topic('end'), qos: 1 });
    await publisher.publish(stage.topic('x'), 'no more', { qos: 1 });
    await nothingBefore(subscriber, publisher, stage.topic('end'), 1);
  }),
  ...both('what was being delivered is completed after UNSUBSCRIBE', '3.10.4-3', '3.10.4-3', async (stage) => {
    const topic = stage.topic();
    const [subscriber, publisher] = await pair(stage, topic, 2);
    subscriber.answers = false;
    await publisher.publish(topic, 'x', { qos: 2 });
    const { messageId } = await subscriber.message('x');
    await subscriber.unsubscribe(topic);
    subscriber.send({ cmd: 'pubrec', messageId });
    assert.equal((await subscriber.expect('pubrel')).messageId, messageId);
    subscriber.send({ cmd: 'pubcomp', messageId });
    await subscriber.ping();
  }),
  ...both('UNSUBSCRIBE with wrong flags ends the connection', '3.10.1-1 2.2.2-2', '3.10.1-1 2.1.3-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0xa0, u16(1), none(stage.level), text(stage.topic())));
    return closedBy(client);
  }),
  ...both('UNSUBSCRIBE without a filter ends the connection', '3.10.3-2', '3.10.3-2 4.13.1-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0xa2, u16(1), none(stage.level)));
    return closedBy(client);
  }),
  v5('no local: nothing that the subscriber itself publishes', '3.8.3-3', async (stage) => {
    const topic = stage.topic();
    const client = await stage.connect();
    await client.subscribe({ topic, qos: 1, nl: true });
    for (const qos of [0, 1, 2]) await client.publish(topic, 'mine', { qos });
    await nothingBefore(client, await stage.connect(), topic, 1);
  }),
  v5('no local holds for the identifier, not the connection', '3.8.3-3', async (stage) => {
    const topic = stage.topic();
    const before = await stage.kept();
    await before.subscribe({ topic, qos: 1, nl: true });
    before.drop();
    const after = await stage.kept();
    await after.publish(topic, 'mine', { qos: 1 });
    await nothingBefore(after, await stage.connect(), topic, 1);
  }),
  v5('no local on a shared subscription ends the connection', '3.8.3-4', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1), 0, text(`$share/g/${stage.topic()}`), 0x05));
    return closedBy(client);
  }),
  v5('subscription identifiers come with what they matched', '3.3.4-3 3.3.4-4 3.3.4-5', async (stage) => {
    const subscriber = await stage.connect();
    await subscriber.subscribeWith({ subscriptionIdentifier: 7 }, { topic: stage.topic('a'), qos: 1 });
    await subscriber.subscribeWith({ subscriptionIdentifier: 268_435_455 }, { topic: stage.topic('+'), qos: 1 });
    await subscriber.subscribe({ topic: stage.topic('b'), qos: 1 });
    const publisher = await stage.connect();
    const seen = async (name: string): Promise<number[]> => {
      await publisher.publish(stage.topic(name), 'x', { qos: 1 });
      await publisher.publish(stage.topic('c'), 'end', { qos: 1 });
      const ids: number[] = [];
      for (;;) {
        const got = await subscriber.expect('publish');
        const found = got.properties['subscriptionIdentifier'] as number | number[] | undefined;
        if (got.payload.toString() === 'end') return ids.sort((a, b) => a - b);
        if (found !== undefined) ids.push(...[found].flat());
      }
    };
    assert.deepEqual(await seen('a'), [7, 268_435_455]);
    assert.deepEqual(await seen('b'), [268_435_455]);
  }),
  v5('a new SUBSCRIBE replaces the identifier as well', '3.8.4-3 3.3.4-3', async (stage) => {
    const topic = stage.topic();
    const subscriber = await stage.connect();
    const publisher = await stage.connect();
    for (const [properties, expected] of [
      [{ subscriptionIdentifier: 1 }, 1],
      [{ subscriptionIdentifier: 2 }, 2],
      [{}, undefined],
    ] as const) {
      await subscriber.subscribeWith(properties, { topic, qos: 1 });
      await publisher.publish(topic, 'x', { qos: 1 });
      assert.equal((await subscriber.message('x')).properties['subscriptionIdentifier'], expected);
    }
  }),
  v5('subscription identifier 0 ends the connection', '4.13.1-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(packet(0x82, u16(1), section(0x0b, 0), text(stage.topic()), 0));
    return closedBy(client);
  }),
  v5('a subscription identifier survives in a kept session', '3.3.4-3 4.1.0-1', async (stage) => {
    const topic = stage.topic();
    const before = await stage.kept();
    await before.subscribeWith({ subscriptionIdentifier: 42 }, { topic, qos: 1 });
    before.drop();
    await (await stage.connect()).publish(topic, 'x', { qos: 1 });
    const after = await stage.kept();
    assert.equal((await after.message('x')).properties['subscriptionIdentifier'], 42);
  }),
];
