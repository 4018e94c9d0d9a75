/** CONNECT and CONNACK [3.1, 3.2]. */
import { strict as assert } from 'node:assert';
import { codeOf, hex } from '../../received.ts';
import { both, type Scenario, v3, v4, v5 } from '../../scenario.ts';
import { connect, join, publish, text } from '../../wire.ts';
import { closedBy, nothingBefore, pair, pass, refused, refusing } from '../steps.ts';

const will = (level: number, topic: string | Buffer): Buffer => join(level === 5 ? 0 : [], text(topic), text('gone'));

export const CONNECT: readonly Scenario[] = [
  ...both('the first packet must be CONNECT', '3.1.0-1', '3.1.0-1 3.14.0-1', async (harness) => {
    // Of another type, with what a CONNECT holds: its type alone is wrong.
    for (const first of [0x20, 0x30, 0x82, 0xc0]) {
      const bytes = Buffer.from(connect({ level: harness.level, payload: [text(harness.id())] }));
      bytes[0] = first;
      await refusing(harness, bytes);
    }
    return refusing(harness, publish(harness.level, 0x30, harness.topic(), undefined, 'early'));
  }),
  ...both('a second CONNECT ends the connection', '3.1.0-2', '3.1.0-2 4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(client.connectPacket({ clientId: harness.id() }));
    return closedBy(client);
  }),
  ...both('a wrong protocol name is not served', '3.1.2-1', '3.1.2-1', async (harness) => {
    return refusing(harness, connect({ level: harness.level, name: 'MQTX' }));
  }),
  v4('a level that does not exist is answered with return code 1', '3.1.2-2 3.2.2-4 3.2.2-5', async (harness) => {
    const client = await harness.open();
    client.bytes(connect({ level: 4, says: 9 }));
    const connack = await client.expect('connack');
    assert.equal(codeOf(connack), 1);
    assert.equal(connack.sessionPresent, false);
    return refused(client);
  }),
  v5('a level that does not exist is refused', '3.1.2-2', async (harness) => {
    const client = await harness.open(4);
    client.bytes(connect({ level: 5, says: 6 }));
    return refused(client);
  }),
  ...both('the reserved flag must be 0', '3.1.2-3 3.1.4-1', '3.1.2-3 3.1.4-1', async (harness) => {
    return refusing(harness, connect({ level: harness.level, flags: 0x03 }));
  }),
  ...both(
    'a clean start forgets the session',
    '3.1.2-6 3.2.2-1 3.1.4-3',
    '3.1.2-4 3.2.2-2 3.1.4-4',
    async (harness) => {
      const topic = harness.topic();
      const before = await harness.kept();
      await before.subscribe({ topic, qos: 1 });
      await before.leave();
      const publisher = await harness.connect();
      await publisher.publish(topic, 'while away', { qos: 1 });
      const after = await harness.connect({ clientId: harness.id('k') });
      assert.equal(after.connack.sessionPresent, false);
      await after.subscribe({ topic: harness.topic('other'), qos: 1 });
      await publisher.publish(topic, 'not subscribed', { qos: 1 });
      await nothingBefore(after, publisher, harness.topic('other'), 1);
    },
  ),
  ...both(
    'a kept session is found again, with what came meanwhile',
    '3.1.2-4 3.1.2-5 3.2.2-2 3.2.2-3 3.1.3-2 4.5.0-1 4.1.0-1',
    '3.1.2-5 3.1.2-6 3.1.2-23 3.2.2-3 3.2.2-1 3.1.3-2 4.5.0-1 4.1.0-1',
    async (harness) => {
      const topic = harness.topic();
      const before = await harness.kept();
      assert.equal(before.connack.sessionPresent, false);
      assert.equal(before.connack.bytes[2]! & 0xfe, 0, 'reserved bits of CONNACK');
      await before.subscribe({ topic, qos: 2 });
      before.drop();
      const publisher = await harness.connect();
      for (const qos of [1, 2]) await publisher.publish(topic, `while away ${qos}`, { qos });
      const after = await harness.kept();
      assert.equal(after.connack.sessionPresent, true);
      assert.equal(after.connack.bytes[2]! & 0xfe, 0, 'reserved bits of CONNACK');
      for (const qos of [1, 2]) assert.equal((await after.message(`while away ${qos}`)).qos, qos);
    },
  ),
  ...both('a session that was clean is not there afterwards', '3.1.2-6 3.2.2-3', '3.2.2-3 3.1.2-6', async (harness) => {
    const before = await harness.connect({ clientId: harness.id('k') });
    await before.subscribe({ topic: harness.topic(), qos: 1 });
    await before.leave();
    const after = await harness.kept();
    assert.equal(after.connack.sessionPresent, false);
  }),
  ...both('identifiers of 1 and of 23 characters are allowed', '3.1.3-5', '3.1.3-5', async (harness) => {
    const long = `Z9${harness.id()}ABCDEFGHIJKLMNOPQRSTUVWXYZ`.slice(0, 23);
    assert.equal(long.length, 23);
    await (await harness.connect({ clientId: long })).ping();
    // One character, but one that no other scenario of this run uses at the same time.
    await (await harness.connect({ clientId: harness.level === 5 ? '5' : '4' })).ping();
  }),
  v4('a client without an identifier is given one of its own', '3.1.3-6', async (harness) => {
    const [one, two] = [await harness.connect({ clientId: '' }), await harness.connect({ clientId: '' })];
    await one.ping();
    await two.ping();
  }),
  v5('a client without an identifier is told its own', '3.1.3-6 3.1.3-7 3.2.2-16', async (harness) => {
    const [one, two] = [await harness.connect({ clientId: '' }), await harness.connect({ clientId: '' })];
    const ids = [one, two].map((client) => client.connack.properties['assignedClientIdentifier']);
    for (const id of ids) assert.ok(typeof id === 'string' && id.length > 0, 'an assigned client identifier');
    assert.notEqual(ids[0], ids[1]);
    // It is as good as one that the client had chosen: whoever uses it takes the session over.
    await harness.connect({ clientId: ids[0] as string });
    await one.ended();
    await two.ping();
  }),
  v4('no identifier and a session to keep is return code 2', '3.1.3-8 3.1.3-9 3.2.2-4 3.2.2-5', async (harness) => {
    const client = await harness.open();
    client.bytes(connect({ level: 4, flags: 0, payload: [text('')] }));
    const connack = await client.expect('connack');
    assert.equal(codeOf(connack), 2);
    assert.equal(connack.sessionPresent, false);
    await refused(client);
  }),
  ...both('all fields, in their order', '3.1.3-1 3.1.2-9 3.1.2-17', '3.1.3-1 3.1.2-9 3.1.2-15', async (harness) => {
    const topic = harness.topic('will');
    const [watcher] = await pair(harness, topic);
    const client = await harness.open();
    const payload = [text(harness.id('all')), will(harness.level, topic), text('guest'), text('guest')];
    client.bytes(connect({ level: harness.level, flags: 0xe6, payload }));
    assert.equal(codeOf(await client.expect('connack')), 0);
    client.drop();
    assert.equal((await watcher.message('gone')).topic, topic);
    const late = await harness.connect();
    await late.subscribe(topic);
    assert.equal((await late.message('gone')).retain, true);
    await late.publish(topic, '', { retain: true });
  }),
  v4('who connects again with the same identifier takes over', '3.1.4-2', async (harness) => {
    const old = await harness.connect({ clientId: harness.id() });
    const young = await harness.connect({ clientId: harness.id() });
    assert.equal(await old.ended(), 'closed');
    await young.ping();
  }),
  v5(
    'who connects again with the same identifier takes over',
    '3.1.4-3 3.14.4-1 3.14.4-2 3.14.2-1 3.14.2-2',
    async (harness) => {
      const old = await harness.kept();
      const young = await harness.kept();
      assert.equal(young.connack.sessionPresent, true);
      const bye = await old.expect('disconnect');
      assert.equal(codeOf(bye), 0x8e);
      assert.equal(bye.properties['sessionExpiryInterval'], undefined);
      assert.equal(await old.ended(), 'closed');
      await young.ping();
    },
  ),
  ...both('CONNACK comes before anything that waits', '3.2.0-1', '3.2.0-1 3.2.0-2', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 1 });
    before.drop();
    const publisher = await harness.connect();
    for (let i = 0; i < 5; i++) await publisher.publish(topic, String(i), { qos: 1 });
    const after = await harness.kept();
    for (let i = 0; i < 5; i++) await after.message(String(i));
    await after.ping();
    assert.deepEqual(after.waiting, []);
  }),
  ...both('packets that follow CONNECT at once are answered in turn', '3.1.4-4', '3.1.4-5 3.2.0-1', async (harness) => {
    const topic = harness.topic();
    const client = await harness.open();
    client.bytes(
      client.connectPacket({ clientId: harness.id() }),
      client.encode({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic, qos: 0 }] }),
      client.encode({ cmd: 'publish', topic, payload: 'at once', qos: 0 }),
      client.encode({ cmd: 'pingreq' }),
    );
    assert.equal(codeOf(await client.expect('connack')), 0);
    assert.equal((await client.expect('suback')).messageId, 7);
    const rest = [await client.next(), await client.next()].map((received) => received.cmd);
    assert.deepEqual(rest.sort(), ['pingresp', 'publish']);
  }),
  ...both('nothing that follows a refused CONNECT is done', '3.1.4-5', '3.1.4-6', async (harness) => {
    const topic = harness.topic();
    const [watcher, publisher] = await pair(harness, topic);
    const client = await harness.open();
    client.bytes(
      client.connectPacket({ clientId: harness.id(), username: 'guest', password: 'wrong' }),
      client.encode({ cmd: 'publish', topic, payload: 'smuggled', qos: 0 }),
    );
    await refused(client);
    await nothingBefore(watcher, publisher, topic);
  }),
  v4('a wrong password is return code 4 or 5', '3.2.2-4 3.2.2-5', async (harness) => {
    const client = await harness.open();
    client.bytes(client.connectPacket({ clientId: harness.id(), username: 'guest', password: 'wrong' }));
    const connack = await client.expect('connack');
    assert.ok([4, 5].includes(codeOf(connack)), hex(codeOf(connack)));
    assert.equal(connack.sessionPresent, false);
    await refused(client);
    return `CONNACK ${codeOf(connack)}`;
  }),
  v5('a wrong password is refused with its reason', '3.1.4-2 3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1', async (harness) => {
    const client = await harness.open();
    client.bytes(client.connectPacket({ clientId: harness.id(), username: 'guest', password: 'wrong' }));
    const connack = await client.expect('connack');
    assert.ok([0x86, 0x87].includes(codeOf(connack)), hex(codeOf(connack)));
    assert.equal(connack.sessionPresent, false);
    await refused(client);
    return `CONNACK ${hex(codeOf(connack))}`;
  }),
  v5('response information only for who asks', '3.1.2-28', async (harness) => {
    for (const properties of [{}, { requestResponseInformation: false }]) {
      const client = await harness.connect({ properties });
      assert.equal(client.connack.properties['responseInformation'], undefined);
    }
  }),
  v5('what CONNACK says of the server', '3.2.2-8 3.2.2-9', async (harness) => {
    const { properties } = (await harness.connect()).connack;
    // QoS 2 works here, so there is no maximum; the other features are there unless said otherwise.
    assert.ok([undefined, 2].includes(properties['maximumQoS'] as undefined), 'maximum QoS is 0 or 1 where given');
    const lacks = [
      'retainAvailable',
      'wildcardSubscriptionAvailable',
      'subscriptionIdentifiersAvailable',
      'sharedSubscriptionAvailable',
    ];
    return `without ${lacks.filter((name) => properties[name] === false).join(', ') || 'nothing'}`;
  }),
  ...both(
    'silence for one and a half keep-alives ends the connection',
    '3.1.2-24',
    '3.1.2-22 3.2.2-22',
    async (harness) => {
      const topic = harness.topic('will');
      const [watcher] = await pair(harness, topic);
      const client = await harness.connect({ keepalive: 1, will: { topic, payload: 'silent' } });
      const startedMs = performance.now();
      const how = await client.ended(8_000);
      const silentMs = performance.now() - startedMs;
      assert.ok(silentMs >= 1_000, `closed after ${silentMs.toFixed(0)} ms`);
      // As if the network had failed: the will is published.
      await watcher.message('silent');
      return how;
    },
  ),
  ...both('any packet keeps a connection alive', '3.1.2-24', '3.1.2-22', async (harness) => {
    const client = await harness.connect({ keepalive: 1 });
    for (let i = 0; i < 6; i++) {
      await pass(500);
      if (i % 2 === 0) await client.ping();
      else client.send({ cmd: 'publish', topic: harness.topic(), payload: 'alive', qos: 0 });
    }
    await client.ping();
  }),
  v3('MQIsdp, level 3, is served', async (harness) => {
    const topic = harness.topic();
    const [subscriber, publisher] = await pair(harness, topic, 2);
    for (const qos of [0, 1, 2]) {
      await publisher.publish(topic, `qos ${qos}`, { qos });
      assert.equal((await subscriber.message(`qos ${qos}`)).qos, qos);
    }
  }),
  v3('a kept session is found again', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    await before.subscribe({ topic, qos: 1 });
    await before.leave();
    await (await harness.connect()).publish(topic, 'while away', { qos: 1 });
    const after = await harness.kept();
    assert.equal(after.connack.bytes[2], 0, '3.1 has no session present flag');
    await after.message('while away');
  }),
  v3('no identifier is return code 2', async (harness) => {
    const client = await harness.open();
    client.bytes(connect({ level: 3, payload: [text('')] }));
    assert.equal(codeOf(await client.expect('connack')), 2);
    await refused(client);
  }),
  v3('an identifier of 24 characters', async (harness) => {
    const client = await harness.open();
    client.bytes(connect({ level: 3, payload: [text('x'.repeat(24))] }));
    return `CONNACK ${codeOf(await client.expect('connack'))}`;
  }),
];
