/** CONNECT and CONNACK [3.1, 3.2]. */
import { strict as assert } from 'node:assert';
import { codeOf, hex } from '../../raw.ts';
import { both, type Scenario, type Stage, v3, v4, v5 } from '../../scenario.ts';
import { connect, join, publish, text } from '../../wire.ts';
import { closedBy, nothingBefore, pair, pass, refused } from '../steps.ts';

/** Sends one CONNECT made by hand, which must be refused. */
async function refusing(stage: Stage, bytes: Buffer): Promise<string> {
  const client = await stage.open();
  client.bytes(bytes);
  return refused(client);
}

const will = (level: number, topic: string | Buffer): Buffer => join(level === 5 ? 0 : [], text(topic), text('gone'));

export const CONNECT: readonly Scenario[] = [
  ...both('the first packet must be CONNECT', '3.1.0-1', '3.1.0-1 3.14.0-1', async (stage) => {
    // Of another type, with what a CONNECT holds: its type alone is wrong.
    for (const first of [0x20, 0x30, 0x82, 0xc0]) {
      const bytes = Buffer.from(connect({ level: stage.level, payload: [text(stage.id())] }));
      bytes[0] = first;
      await refusing(stage, bytes);
    }
    return refusing(stage, publish(stage.level, 0x30, stage.topic(), undefined, 'early'));
  }),
  ...both('a second CONNECT ends the connection', '3.1.0-2', '3.1.0-2 4.13.1-1', async (stage) => {
    const client = await stage.connect();
    client.bytes(client.connectPacket({ clientId: stage.id() }));
    return closedBy(client);
  }),
  ...both('a wrong protocol name is not served', '3.1.2-1', '3.1.2-1', async (stage) => {
    return refusing(stage, connect({ level: stage.level, name: 'MQTX' }));
  }),
  v4('a level that does not exist is answered with return code 1', '3.1.2-2 3.2.2-4 3.2.2-5', async (stage) => {
    const client = await stage.open();
    client.bytes(connect({ level: 4, says: 9 }));
    const connack = await client.expect('connack');
    assert.equal(codeOf(connack), 1);
    assert.equal(connack.sessionPresent, false);
    return refused(client);
  }),
  v5('a level that does not exist is refused', '3.1.2-2', async (stage) => {
    const client = await stage.open(4);
    client.bytes(connect({ level: 5, says: 6 }));
    return refused(client);
  }),
  ...both('the reserved flag must be 0', '3.1.2-3 3.1.4-1', '3.1.2-3 3.1.4-1', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0x03 }));
  }),
  ...both('a clean start forgets the session', '3.1.2-6 3.2.2-1 3.1.4-3', '3.1.2-4 3.2.2-2 3.1.4-4', async (stage) => {
    const topic = stage.topic();
    const before = await stage.kept();
    await before.subscribe({ topic, qos: 1 });
    await before.leave();
    const publisher = await stage.connect();
    await publisher.publish(topic, 'while away', { qos: 1 });
    const after = await stage.connect({ clientId: stage.id('k') });
    assert.equal(after.connack.sessionPresent, false);
    await after.subscribe({ topic: stage.topic('other'), qos: 1 });
    await publisher.publish(topic, 'not subscribed', { qos: 1 });
    await nothingBefore(after, publisher, stage.topic('other'), 1);
  }),
  ...both(
    'a kept session is found again, with what came meanwhile',
    '3.1.2-4 3.1.2-5 3.2.2-2 3.2.2-3 3.1.3-2 4.5.0-1 4.1.0-1',
    '3.1.2-5 3.1.2-6 3.1.2-23 3.2.2-3 3.2.2-1 3.1.3-2 4.5.0-1 4.1.0-1',
    async (stage) => {
      const topic = stage.topic();
      const before = await stage.kept();
      assert.equal(before.connack.sessionPresent, false);
      assert.equal(before.connack.bytes[2]! & 0xfe, 0, 'reserved bits of CONNACK');
      await before.subscribe({ topic, qos: 2 });
      before.drop();
      const publisher = await stage.connect();
      for (const qos of [1, 2]) await publisher.publish(topic, `while away ${qos}`, { qos });
      const after = await stage.kept();
      assert.equal(after.connack.sessionPresent, true);
      assert.equal(after.connack.bytes[2]! & 0xfe, 0, 'reserved bits of CONNACK');
      for (const qos of [1, 2]) assert.equal((await after.message(`while away ${qos}`)).qos, qos);
    },
  ),
  ...both('a session that was clean is not there afterwards', '3.1.2-6 3.2.2-3', '3.2.2-3 3.1.2-6', async (stage) => {
    const before = await stage.connect({ clientId: stage.id('k') });
    await before.subscribe({ topic: stage.topic(), qos: 1 });
    await before.leave();
    const after = await stage.kept();
    assert.equal(after.connack.sessionPresent, false);
  }),
  ...both('identifiers of 1 and of 23 characters are allowed', '3.1.3-5', '3.1.3-5', async (stage) => {
    const long = `Z9${stage.id()}ABCDEFGHIJKLMNOPQRSTUVWXYZ`.slice(0, 23);
    assert.equal(long.length, 23);
    await (await stage.connect({ clientId: long })).ping();
    // One character, but one that no other scenario of this run uses at the same time.
    await (await stage.connect({ clientId: stage.level === 5 ? '5' : '4' })).ping();
  }),
  v4('a client without an identifier is given one of its own', '3.1.3-6', async (stage) => {
    const [one, two] = [await stage.connect({ clientId: '' }), await stage.connect({ clientId: '' })];
    await one.ping();
    await two.ping();
  }),
  v5('a client without an identifier is told its own', '3.1.3-6 3.1.3-7 3.2.2-16', async (stage) => {
    const [one, two] = [await stage.connect({ clientId: '' }), await stage.connect({ clientId: '' })];
    const ids = [one, two].map((client) => client.connack.properties['assignedClientIdentifier']);
    for (const id of ids) assert.ok(typeof id === 'string' && id.length > 0, 'an assigned client identifier');
    assert.notEqual(ids[0], ids[1]);
    // It is as good as one that the client had chosen: whoever uses it takes the session over.
    await stage.connect({ clientId: ids[0] as string });
    await one.ended();
    await two.ping();
  }),
  v4('no identifier and a session to keep is return code 2', '3.1.3-8 3.1.3-9 3.2.2-4 3.2.2-5', async (stage) => {
    const client = await stage.open();
    client.bytes(connect({ level: 4, flags: 0, payload: [text('')] }));
    const connack = await client.expect('connack');
    assert.equal(codeOf(connack), 2);
    assert.equal(connack.sessionPresent, false);
    await refused(client);
  }),
  ...both('an identifier that is not UTF-8', '3.1.3-4 1.5.3-1', '3.1.3-4 1.5.4-1', async (stage) => {
    return refusing(stage, connect({ level: stage.level, payload: [text(Buffer.from([0x61, 0xed, 0xa0, 0x80]))] }));
  }),
  ...both('a CONNECT without an identifier field', '3.1.3-3 3.1.4-1', '3.1.3-3 3.1.4-1', async (stage) => {
    return refusing(stage, connect({ level: stage.level, payload: [] }));
  }),
  ...both('a will topic that is not UTF-8', '3.1.3-10', '3.1.3-11', async (stage) => {
    const topic = Buffer.from([0x74, 0xc0, 0x80]);
    return refusing(
      stage,
      connect({ level: stage.level, flags: 0x06, payload: [text('u'), will(stage.level, topic)] }),
    );
  }),
  ...both('a user name that is not UTF-8', '3.1.3-11', '3.1.3-12', async (stage) => {
    const user = text(Buffer.from([0x67, 0xff]));
    return refusing(stage, connect({ level: stage.level, flags: 0x82, payload: [text('u'), user] }));
  }),
  ...both('will QoS without a will', '3.1.2-11 3.1.2-13', '3.1.2-11', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0x0a }));
  }),
  ...both('will retain without a will', '3.1.2-11 3.1.2-15', '3.1.2-13', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0x22 }));
  }),
  ...both('will QoS 3', '3.1.2-14', '3.1.2-12', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0x1e, payload: [text('q'), will(stage.level, 'w')] }));
  }),
  v4('a password without a user name', '3.1.2-22', async (stage) => {
    return refusing(stage, connect({ level: 4, flags: 0x42, payload: [text('p'), text('guest')] }));
  }),
  ...both('a will that is flagged and missing', '3.1.2-9', '3.1.2-9', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0x06 }));
  }),
  ...both('a user name that is flagged and missing', '3.1.2-19', '3.1.2-17', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0x82 }));
  }),
  ...both('a password that is flagged and missing', '3.1.2-21', '3.1.2-19', async (stage) => {
    return refusing(stage, connect({ level: stage.level, flags: 0xc2, payload: [text('p'), text('guest')] }));
  }),
  ...both('a user name that is there and not flagged', '3.1.2-18', '3.1.2-16', async (stage) => {
    return refusing(stage, connect({ level: stage.level, payload: [text('p'), text('guest')] }));
  }),
  ...both('a password that is there and not flagged', '3.1.2-20', '3.1.2-18', async (stage) => {
    const payload = [text('p'), text('guest'), text('guest')];
    return refusing(stage, connect({ level: stage.level, flags: 0x82, payload }));
  }),
  ...both('all fields, in their order', '3.1.3-1 3.1.2-9 3.1.2-17', '3.1.3-1 3.1.2-9 3.1.2-15', async (stage) => {
    const topic = stage.topic('will');
    const [watcher] = await pair(stage, topic);
    const client = await stage.open();
    const payload = [text(stage.id('all')), will(stage.level, topic), text('guest'), text('guest')];
    client.bytes(connect({ level: stage.level, flags: 0xe6, payload }));
    assert.equal(codeOf(await client.expect('connack')), 0);
    client.drop();
    assert.equal((await watcher.message('gone')).topic, topic);
    const late = await stage.connect();
    await late.subscribe(topic);
    assert.equal((await late.message('gone')).retain, true);
    await late.publish(topic, '', { retain: true });
  }),
  v4('who connects again with the same identifier takes over', '3.1.4-2', async (stage) => {
    const old = await stage.connect({ clientId: stage.id() });
    const young = await stage.connect({ clientId: stage.id() });
    assert.equal(await old.ended(), 'closed');
    await young.ping();
  }),
  v5(
    'who connects again with the same identifier takes over',
    '3.1.4-3 3.14.4-1 3.14.4-2 3.14.2-1 3.14.2-2',
    async (stage) => {
      const old = await stage.kept();
      const young = await stage.kept();
      assert.equal(young.connack.sessionPresent, true);
      const bye = await old.expect('disconnect');
      assert.equal(codeOf(bye), 0x8e);
      assert.equal(bye.properties['sessionExpiryInterval'], undefined);
      assert.equal(await old.ended(), 'closed');
      await young.ping();
    },
  ),
  ...both('CONNACK comes before anything that waits', '3.2.0-1', '3.2.0-1 3.2.0-2', async (stage) => {
    const topic = stage.topic();
    const before = await stage.kept();
    await before.subscribe({ topic, qos: 1 });
    before.drop();
    const publisher = await stage.connect();
    for (let i = 0; i < 5; i++) await publisher.publish(topic, String(i), { qos: 1 });
    const after = await stage.kept();
    for (let i = 0; i < 5; i++) await after.message(String(i));
    await after.ping();
    assert.deepEqual(after.waiting, []);
  }),
  ...both('packets that follow CONNECT at once are answered in turn', '3.1.4-4', '3.1.4-5 3.2.0-1', async (stage) => {
    const topic = stage.topic();
    const client = await stage.open();
    client.bytes(
      client.connectPacket({ clientId: stage.id() }),
      client.encode({ cmd: 'subscribe', messageId: 7, subscriptions: [{ topic, qos: 0 }] }),
      client.encode({ cmd: 'publish', topic, payload: 'at once', qos: 0 }),
      client.encode({ cmd: 'pingreq' }),
    );
    assert.equal(codeOf(await client.expect('connack')), 0);
    assert.equal((await client.expect('suback')).messageId, 7);
    const rest = [await client.next(), await client.next()].map((received) => received.cmd);
    assert.deepEqual(rest.sort(), ['pingresp', 'publish']);
  }),
  ...both('nothing that follows a refused CONNECT is done', '3.1.4-5', '3.1.4-6', async (stage) => {
    const topic = stage.topic();
    const [watcher, publisher] = await pair(stage, topic);
    const client = await stage.open();
    client.bytes(
      client.connectPacket({ clientId: stage.id(), username: 'guest', password: 'wrong' }),
      client.encode({ cmd: 'publish', topic, payload: 'smuggled', qos: 0 }),
    );
    await refused(client);
    await nothingBefore(watcher, publisher, topic);
  }),
  v4('a wrong password is return code 4 or 5', '3.2.2-4 3.2.2-5', async (stage) => {
    const client = await stage.open();
    client.bytes(client.connectPacket({ clientId: stage.id(), username: 'guest', password: 'wrong' }));
    const connack = await client.expect('connack');
    assert.ok([4, 5].includes(codeOf(connack)), hex(codeOf(connack)));
    assert.equal(connack.sessionPresent, false);
    await refused(client);
    return `CONNACK ${codeOf(connack)}`;
  }),
  v5('a wrong password is refused with its reason', '3.1.4-2 3.2.2-6 3.2.2-7 3.2.2-8 4.13.2-1', async (stage) => {
    const client = await stage.open();
    client.bytes(client.connectPacket({ clientId: stage.id(), username: 'guest', password: 'wrong' }));
    const connack = await client.expect('connack');
    assert.ok([0x86, 0x87].includes(codeOf(connack)), hex(codeOf(connack)));
    assert.equal(connack.sessionPresent, false);
    await refused(client);
    return `CONNACK ${hex(codeOf(connack))}`;
  }),
  v5('response information only for who asks', '3.1.2-28', async (stage) => {
    for (const properties of [{}, { requestResponseInformation: false }]) {
      const client = await stage.connect({ properties });
      assert.equal(client.connack.properties['responseInformation'], undefined);
    }
  }),
  v5('what CONNACK says of the server', '3.2.2-8 3.2.2-9', async (stage) => {
    const { properties } = (await stage.connect()).connack;
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
  v5('a property twice in CONNECT', '3.1.4-1 4.13.1-1', async (stage) => {
    const twice = [0x21, 0, 5, 0x21, 0, 5];
    return refusing(stage, connect({ level: 5, properties: twice }));
  }),
  v5('receive maximum 0 in CONNECT', '3.1.4-1', async (stage) => {
    return refusing(stage, connect({ level: 5, properties: [0x21, 0, 0] }));
  }),
  v5('maximum packet size 0 in CONNECT', '3.1.4-1', async (stage) => {
    return refusing(stage, connect({ level: 5, properties: [0x27, 0, 0, 0, 0] }));
  }),
  v5('a property that CONNECT may not hold', '3.1.4-1 4.13.1-1', async (stage) => {
    return refusing(stage, connect({ level: 5, properties: [0x23, 0, 1] })); // topic alias
  }),
  v5('a property that does not exist, in CONNECT', '3.1.4-1 4.13.1-1', async (stage) => {
    return refusing(stage, connect({ level: 5, properties: [0x7e, 0] }));
  }),
  v5('a flag property that is neither 0 nor 1', '3.1.4-1 4.13.1-1', async (stage) => {
    return refusing(stage, connect({ level: 5, properties: [0x17, 2] }));
  }),
  v5('a section of properties longer than its packet', '3.1.4-1 4.13.1-1', async (stage) => {
    return refusing(stage, join(0x10, 13, text('MQTT'), 5, 2, 0, 0, 0x7f, text('')));
  }),
  ...both(
    'silence for one and a half keep-alives ends the connection',
    '3.1.2-24',
    '3.1.2-22 3.2.2-22',
    async (stage) => {
      const topic = stage.topic('will');
      const [watcher] = await pair(stage, topic);
      const client = await stage.connect({ keepalive: 1, will: { topic, payload: 'silent' } });
      const startedMs = performance.now();
      const how = await client.ended(8_000);
      const silentMs = performance.now() - startedMs;
      assert.ok(silentMs >= 1_000, `closed after ${silentMs.toFixed(0)} ms`);
      // As if the network had failed: the will is published.
      await watcher.message('silent');
      return how;
    },
  ),
  ...both('any packet keeps a connection alive', '3.1.2-24', '3.1.2-22', async (stage) => {
    const client = await stage.connect({ keepalive: 1 });
    for (let i = 0; i < 6; i++) {
      await pass(500);
      if (i % 2 === 0) await client.ping();
      else client.send({ cmd: 'publish', topic: stage.topic(), payload: 'alive', qos: 0 });
    }
    await client.ping();
  }),
  v3('MQIsdp, level 3, is served', async (stage) => {
    const topic = stage.topic();
    const [subscriber, publisher] = await pair(stage, topic, 2);
    for (const qos of [0, 1, 2]) {
      await publisher.publish(topic, `qos ${qos}`, { qos });
      assert.equal((await subscriber.message(`qos ${qos}`)).qos, qos);
    }
  }),
  v3('a kept session is found again', async (stage) => {
    const topic = stage.topic();
    const before = await stage.kept();
    await before.subscribe({ topic, qos: 1 });
    await before.leave();
    await (await stage.connect()).publish(topic, 'while away', { qos: 1 });
    const after = await stage.kept();
    assert.equal(after.connack.bytes[2], 0, '3.1 has no session present flag');
    await after.message('while away');
  }),
  v3('no identifier is return code 2', async (stage) => {
    const client = await stage.open();
    client.bytes(connect({ level: 3, payload: [text('')] }));
    assert.equal(codeOf(await client.expect('connack')), 2);
    await refused(client);
  }),
  v3('an identifier of 24 characters', async (stage) => {
    const client = await stage.open();
    client.bytes(connect({ level: 3, payload: [text('x'.repeat(24))] }));
    return `CONNACK ${codeOf(await client.expect('connack'))}`;
  }),
];
