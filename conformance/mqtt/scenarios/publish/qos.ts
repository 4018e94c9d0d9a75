/** Acknowledgements [3.4 to 3.7], delivery by quality of service, what is sent again, order [4.3 to 4.6]. */
import { strict as assert } from 'node:assert';
import { codeOf, hex } from '../../received.ts';
import { both, type Scenario, v4, v5 } from '../../scenario.ts';
import { none, packet, u16 } from '../../wire.ts';
import { closedBy, nothingBefore, pair } from '../steps.ts';

export const QOS: readonly Scenario[] = [
  ...both(
    'QoS 0: once, no identifier, no DUP',
    '4.3.1-1 3.3.1-2 2.3.1-5 3.3.4-1',
    '4.3.1-1 3.3.1-2 2.2.1-2 3.3.4-1',
    async (harness) => {
      const topic = harness.topic();
      const [subscriber, publisher] = await pair(harness, topic, 2);
      await publisher.publish(topic, 'x');
      const { bytes, qos, dup, topic: got } = await subscriber.message('x');
      assert.deepEqual([qos, dup, got], [0, false, topic]);
      // Header, topic, (no properties,) body: no room for an identifier.
      assert.equal(bytes.length, 2 + 2 + topic.length + none(harness.level).length + 1);
      await nothingBefore(subscriber, publisher, topic);
      assert.deepEqual(publisher.waiting, []);
    },
  ),
  ...both(
    'QoS 1 is answered with PUBACK of the same identifier',
    '4.3.2-2 2.3.1-6 3.3.4-1',
    '4.3.2-4 2.2.1-5 3.3.4-1 3.4.2-1',
    async (harness) => {
      const client = await harness.connect();
      for (const messageId of [1, 65_535, 300]) {
        client.send({ cmd: 'publish', topic: harness.topic(), payload: 'x', qos: 1, messageId });
        const puback = await client.expect('puback');
        assert.equal(puback.messageId, messageId);
        assert.ok([0, 0x10].includes(codeOf(puback)), hex(codeOf(puback)));
      }
    },
  ),
  ...both(
    'QoS 2 is answered with PUBREC and PUBCOMP of the same identifier',
    '4.3.3-2 2.3.1-6 3.3.4-1',
    '4.3.3-8 4.3.3-11 2.2.1-5 3.3.4-1 3.5.2-1 3.7.2-1',
    async (harness) => {
      const client = await harness.connect();
      for (const messageId of [1, 65_535, 300]) {
        client.send({ cmd: 'publish', topic: harness.topic(), payload: 'x', qos: 2, messageId });
        const pubrec = await client.expect('pubrec');
        assert.equal(pubrec.messageId, messageId);
        assert.ok([0, 0x10].includes(codeOf(pubrec)), hex(codeOf(pubrec)));
        client.send({ cmd: 'pubrel', messageId });
        const pubcomp = await client.expect('pubcomp');
        assert.equal(pubcomp.messageId, messageId);
        assert.equal(codeOf(pubcomp), 0);
      }
    },
  ),
  ...both(
    'open messages to a client have identifiers of their own, not 0',
    '4.3.2-1 2.3.1-1 2.3.1-2 2.3.1-4 4.3.3-1',
    '4.3.2-1 4.3.2-2 4.3.3-1 4.3.3-2 2.2.1-4',
    async (harness) => {
      const topic = harness.topic();
      const [subscriber, publisher] = await pair(harness, topic, 2);
      subscriber.answers = false;
      const ids = new Set<number>();
      for (let i = 0; i < 10; i++) {
        await publisher.publish(topic, String(i), { qos: 1 + (i % 2) });
        const { messageId, dup, qos } = await subscriber.message(String(i));
        assert.deepEqual([dup, qos], [false, 1 + (i % 2)]);
        assert.ok(messageId > 0);
        ids.add(messageId);
      }
      assert.equal(ids.size, 10);
    },
  ),
  ...both('after PUBACK the same identifier is a new message, DUP or not', '4.3.2-2', '4.3.2-5', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    await publisher.publish(topic, 'first', { qos: 1, messageId: 5 });
    await publisher.publish(topic, 'second', { qos: 1, messageId: 5, dup: true });
    await subscriber.message('first');
    assert.equal((await subscriber.message('second')).dup, false);
  }),
  ...both('QoS 2 sent again before PUBREL is one message', '4.3.3-2', '4.3.3-10', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    for (const dup of [false, true, true]) {
      publisher.send({ cmd: 'publish', topic, payload: 'once', qos: 2, messageId: 9, dup });
      assert.equal((await publisher.expect('pubrec')).messageId, 9);
    }
    publisher.send({ cmd: 'pubrel', messageId: 9 });
    assert.equal((await publisher.expect('pubcomp')).messageId, 9);
    await subscriber.message('once');
    await nothingBefore(subscriber, publisher, topic, 2);
  }),
  ...both(
    'QoS 2 sent again after a lost connection is one message',
    '4.3.3-2 4.4.0-1',
    '4.3.3-10 4.4.0-1',
    async (harness) => {
      const topic = harness.topic();
      const [subscriber, watcher] = await pair(harness, topic, 2);
      const before = await harness.kept('p');
      before.send({ cmd: 'publish', topic, payload: 'once', qos: 2, messageId: 9 });
      await before.expect('pubrec');
      before.drop();
      const after = await harness.kept('p');
      after.send({ cmd: 'publish', topic, payload: 'once', qos: 2, messageId: 9, dup: true });
      await after.expect('pubrec');
      after.send({ cmd: 'pubrel', messageId: 9 });
      await after.expect('pubcomp');
      await subscriber.message('once');
      await nothingBefore(subscriber, watcher, topic, 2);
    },
  ),
  ...both('after PUBCOMP the same identifier is a new message', '4.3.3-2', '4.3.3-12', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    for (const payload of ['first', 'second']) {
      await publisher.publish(topic, payload, { qos: 2, messageId: 9, dup: payload === 'second' });
      await subscriber.message(payload);
    }
  }),
  v4('PUBREL of nothing is answered with PUBCOMP', '4.3.3-2', async (harness) => {
    const client = await harness.connect();
    client.send({ cmd: 'pubrel', messageId: 77 });
    assert.equal((await client.expect('pubcomp')).messageId, 77);
  }),
  v5('PUBREL of nothing is answered with PUBCOMP', '4.3.3-11 3.7.2-1', async (harness) => {
    const client = await harness.connect();
    client.send({ cmd: 'pubrel', messageId: 77 });
    const pubcomp = await client.expect('pubcomp');
    assert.equal(pubcomp.messageId, 77);
    assert.ok([0, 0x92].includes(codeOf(pubcomp)));
    return `PUBCOMP ${hex(codeOf(pubcomp))}`;
  }),
  ...both(
    'the server releases a QoS 2 message once it has PUBREC',
    '4.3.3-1 2.3.1-6',
    '4.3.3-4 3.6.2-1 2.2.1-5',
    async (harness) => {
      const topic = harness.topic();
      const [subscriber, publisher] = await pair(harness, topic, 2);
      subscriber.answers = false;
      await publisher.publish(topic, 'x', { qos: 2 });
      const { messageId } = await subscriber.message('x');
      subscriber.send({ cmd: 'pubrec', messageId });
      const pubrel = await subscriber.expect('pubrel');
      assert.equal(pubrel.messageId, messageId);
      assert.equal(codeOf(pubrel), 0);
      subscriber.send({ cmd: 'pubcomp', messageId });
      await subscriber.ping();
    },
  ),
  ...both(
    'what was not acknowledged is sent again, in order, marked, with its identifiers',
    '4.4.0-1 3.3.1-1 2.3.1-3 2.3.1-4 4.6.0-1 4.3.2-1 4.3.3-1',
    '4.4.0-1 3.3.1-1 4.3.2-3 4.3.3-3',
    async (harness) => {
      const topic = harness.topic();
      const before = await harness.kept();
      before.answers = false;
      await before.subscribe({ topic, qos: 2 });
      const publisher = await harness.connect();
      for (let i = 0; i < 6; i++) await publisher.publish(topic, String(i), { qos: 1 + (i % 2) });
      // Order holds within a QoS; between the two it is what the first delivery made it.
      const first: [payload: string, qos: number, messageId: number][] = [];
      for (let i = 0; i < 6; i++) {
        const got = await before.expect('publish');
        first.push([got.payload.toString(), got.qos, got.messageId]);
      }
      for (const [qos, expected] of [
        [1, '024'],
        [2, '135'],
      ] as const) {
        const order = first.filter((message) => message[1] === qos).map((message) => message[0]);
        assert.equal(order.join(''), expected);
      }
      before.drop();
      const after = await harness.kept();
      for (const [payload, qos, messageId] of first) {
        const again = await after.message(payload);
        assert.deepEqual([again.messageId, again.dup, again.qos], [messageId, true, qos]);
      }
      await nothingBefore(after, publisher, topic, 1);
    },
  ),
  ...both('after PUBREC only PUBREL is sent again', '4.4.0-1 4.3.3-1', '4.4.0-1 4.3.3-5 4.3.3-6', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    before.answers = false;
    await before.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    await publisher.publish(topic, 'x', { qos: 2 });
    const { messageId } = await before.message('x');
    before.send({ cmd: 'pubrec', messageId });
    await before.expect('pubrel');
    before.drop();
    const after = await harness.kept('k', { answers: false });
    const pubrel = await after.expect('pubrel');
    assert.equal(pubrel.messageId, messageId);
    after.send({ cmd: 'pubcomp', messageId });
    await nothingBefore(after, publisher, topic, 2);
  }),
  v5('nothing is sent again while the connection lasts', '4.4.0-1', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 1);
    subscriber.answers = false;
    await publisher.publish(topic, 'x', { qos: 1 });
    await subscriber.message('x');
    await nothingBefore(subscriber, publisher, topic, 1);
    await subscriber.ping();
    assert.deepEqual(subscriber.waiting, []);
  }),
  ...both('one publisher and topic: in order, at every QoS', '4.6.0-5 4.6.0-6', '4.6.0-5 4.6.0-6', async (harness) => {
    const topic = harness.topic();
    for (const qos of [0, 1, 2]) {
      const [subscriber, publisher] = await pair(harness, `${topic}/${qos}`, qos);
      // No more at once than every server takes.
      for (let from = 0; from < 100; from += 20) {
        for (let i = from; i < from + 20; i++) {
          const messageId = qos === 0 ? undefined : i + 1;
          publisher.send({ cmd: 'publish', topic: `${topic}/${qos}`, payload: String(i), qos, messageId });
        }
        for (let i = 0; i < 20 && qos > 0; i++) {
          const first = await publisher.expectAmong(qos === 1 ? 'puback' : 'pubrec');
          if (qos === 2) publisher.send({ cmd: 'pubrel', messageId: first.messageId });
        }
        for (let i = 0; i < 20 && qos === 2; i++) await publisher.expectAmong('pubcomp');
      }
      for (let i = 0; i < 100; i++) await subscriber.message(String(i));
    }
  }),
  ...both('acknowledgements of nothing', '', '', async (harness) => {
    const seen: string[] = [];
    for (const cmd of ['puback', 'pubrec', 'pubcomp']) {
      const client = await harness.connect();
      client.send({ cmd, messageId: 4711 });
      client.send({ cmd: 'pingreq' });
      const first = await client.next().catch(() => undefined);
      seen.push(`${cmd}: ${first === undefined ? 'closed' : first.cmd === 'pingresp' ? 'ignored' : first.cmd}`);
    }
    return seen.join(', ');
  }),
  ...both(
    'PUBREL with wrong flags ends the connection',
    '3.6.1-1 2.2.2-1 2.2.2-2',
    '3.6.1-1 2.1.3-1',
    async (harness) => {
      const client = await harness.connect();
      client.bytes(packet(0x60, u16(1)));
      return closedBy(client);
    },
  ),
  v5('a refused QoS 1 message is not sent again', '4.4.0-2', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    before.answers = false;
    await before.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    for (const qos of [1, 2]) {
      await publisher.publish(topic, `refused ${qos}`, { qos });
      const { messageId } = await before.message(`refused ${qos}`);
      before.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0x83 });
    }
    await before.ping();
    assert.deepEqual(
      before.waiting.map((received) => received.cmd),
      [],
      'no PUBREL for what was refused',
    );
    before.drop();
    const after = await harness.kept();
    await nothingBefore(after, publisher, topic, 1);
  }),
];
