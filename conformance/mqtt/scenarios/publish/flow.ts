/** Receive maximum, maximum packet size and topic aliases, both ways [3.1.2.11, 3.2.2.3, 3.3.2.3.4, 4.9]. */
import { strict as assert } from 'node:assert';
import { codeOf } from '../../received.ts';
import { type Scenario, v5 } from '../../scenario.ts';
import { packet, propertiesOf, publish, section, text, u16 } from '../../wire.ts';
import { closedBy, nothingBefore, pair } from '../steps.ts';

export const FLOW: readonly Scenario[] = [
  v5('no more open messages than the receive maximum of the client', '3.3.4-9 4.9.0-1 4.9.0-2', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect({ properties: { receiveMaximum: 3 } });
    subscriber.answers = false;
    await subscriber.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    for (let i = 0; i < 8; i++) await publisher.publish(topic, String(i), { qos: 1 + (i % 2) });
    const open: { messageId: number; qos: number }[] = [];
    for (let i = 0; i < 3; i++) open.push(await subscriber.message(String(i)));
    await subscriber.ping();
    assert.equal(subscriber.waiting.length, 0, 'the quota is used up');
    for (let i = 3; i < 8; i++) {
      const { messageId, qos } = open.shift()!;
      if (qos === 1) subscriber.send({ cmd: 'puback', messageId });
      else {
        subscriber.send({ cmd: 'pubrec', messageId });
        await subscriber.expect('pubrel');
        await subscriber.ping();
        assert.equal(subscriber.waiting.length, 0, 'PUBREC gives no quota back');
        subscriber.send({ cmd: 'pubcomp', messageId });
      }
      open.push(await subscriber.message(String(i)));
    }
  }),
  v5('everything else goes on while the quota is used up', '3.3.4-10 4.9.0-3', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect({ properties: { receiveMaximum: 1 } });
    subscriber.answers = false;
    await subscriber.subscribe({ topic, qos: 1 }, { topic: harness.topic('zero'), qos: 0 });
    const publisher = await harness.connect();
    for (let i = 0; i < 2; i++) await publisher.publish(topic, String(i), { qos: 1 });
    await subscriber.message('0');
    await subscriber.ping();
    await subscriber.subscribe(harness.topic('more'));
    await publisher.publish(harness.topic('zero'), 'QoS 0', { qos: 0 });
    await subscriber.message('QoS 0');
    await subscriber.publish(harness.topic('other'), 'mine', { qos: 2 });
  }),
  v5('the receive maximum holds for what is sent again', '4.9.0-1 4.9.0-2 3.3.4-9', async (harness) => {
    const topic = harness.topic();
    const before = await harness.kept();
    before.answers = false;
    await before.subscribe({ topic, qos: 1 });
    const publisher = await harness.connect();
    for (let i = 0; i < 6; i++) await publisher.publish(topic, String(i), { qos: 1 });
    for (let i = 0; i < 6; i++) await before.message(String(i));
    before.drop();
    const after = await harness.kept('k', { properties: { receiveMaximum: 2 }, answers: false });
    const first = await after.message('0');
    await after.message('1');
    await after.ping();
    assert.equal(after.waiting.length, 0, 'no more than two are open');
    after.send({ cmd: 'puback', messageId: first.messageId });
    await after.message('2');
  }),
  v5('PUBREC with an error gives the quota back', '4.9.0-2 3.3.4-9', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect({ properties: { receiveMaximum: 1 } });
    subscriber.answers = false;
    await subscriber.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    for (let i = 0; i < 2; i++) await publisher.publish(topic, String(i), { qos: 2 });
    const { messageId } = await subscriber.message('0');
    subscriber.send({ cmd: 'pubrec', messageId, reasonCode: 0x80 });
    await subscriber.message('1');
  }),
  v5('more open messages than the server takes end the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    const maximum = (client.connack.properties['receiveMaximum'] as number | undefined) ?? 65_535;
    // Where it takes all that there are identifiers for, there is nothing to be exceeded.
    if (maximum === 65_535) return 'takes 65535';
    const qos2 = Array.from({ length: maximum + 1 }, (_, i) => publish(5, 0x34, harness.topic(), i + 1, 'x'));
    client.bytes(...qos2);
    const how = await client.ended();
    assert.match(how, /DISCONNECT 0x93, closed$/);
    return 'DISCONNECT 0x93';
  }),
  v5('no packet larger than the client takes', '3.1.2-24 3.1.2-25', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect({ properties: { maximumPacketSize: 200 } });
    await subscriber.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    for (const qos of [0, 1, 2]) {
      await publisher.publish(topic, 'x'.repeat(300), { qos });
      await publisher.publish(topic, `small ${qos}`, { qos });
      await subscriber.message(`small ${qos}`);
    }
  }),
  v5('the limit on a packet is exact to the byte', '3.1.2-24', async (harness) => {
    const topic = harness.topic();
    const subscriber = await harness.connect({ properties: { maximumPacketSize: 200 } });
    await subscriber.subscribe(topic);
    const publisher = await harness.connect();
    const fits = 200 - (3 + 2 + topic.length + 1);
    await publisher.publish(topic, 'f'.repeat(fits));
    assert.equal((await subscriber.message('f'.repeat(fits))).bytes.length, 200);
    await publisher.publish(topic, 'f'.repeat(fits + 1));
    await nothingBefore(subscriber, publisher, topic);
  }),
  v5(
    'no answer larger than the client takes',
    '3.2.2-19 3.2.2-20 3.4.2-2 3.4.2-3 3.5.2-2 3.5.2-3 3.6.2-2 3.6.2-3 3.7.2-2 3.7.2-3 3.9.2-1 3.9.2-2 3.11.2-1 3.11.2-2',
    async (harness) => {
      const topic = harness.topic();
      const client = await harness.connect({ properties: { maximumPacketSize: 16 } });
      assert.ok(client.connack.bytes.length <= 16, 'CONNACK');
      const small: { bytes: Buffer; cmd: string }[] = [
        await client.subscribeWith({}, { topic: 'a+b', qos: 0 }).catch(() => client.connack),
      ];
      // A filter that is not well-formed may end the connection; on with another then.
      const next = client.closed ? await harness.connect({ properties: { maximumPacketSize: 16 } }) : client;
      next.answers = false;
      small.push(await next.unsubscribe(topic));
      for (const qos of [1, 2]) small.push((await next.publish(topic, 'x', { qos }))!);
      next.send({ cmd: 'pubrel', messageId: 999 });
      small.push(await next.expect('pubcomp'));
      next.send({ cmd: 'pubrec', messageId: 999 });
      next.send({ cmd: 'pingreq' });
      small.push(await next.next());
      for (const { bytes, cmd } of small) assert.ok(bytes.length <= 16, `${cmd} of ${bytes.length} bytes`);
    },
  ),
  v5('no DISCONNECT larger than the client takes', '3.14.2-3 3.14.2-4', async (harness) => {
    const client = await harness.connect({ clientId: harness.id('d'), properties: { maximumPacketSize: 16 } });
    await harness.connect({ clientId: harness.id('d') });
    const bye = await client.expect('disconnect');
    assert.ok(bye.bytes.length <= 16, `${bye.bytes.length} bytes`);
  }),
  v5('reason strings and user properties only for who wants them', '3.1.2-29', async (harness) => {
    const client = await harness.connect({ properties: { requestProblemInformation: false } });
    const answers = [
      await client.unsubscribe(harness.topic()),
      (await client.publish(harness.topic(), 'x', { qos: 1 }))!,
      (await client.publish(harness.topic(), 'x', { qos: 2 }))!,
      await client.subscribeWith({}, { topic: harness.topic(), qos: 0 }),
    ];
    client.send({ cmd: 'pubrel', messageId: 999 });
    answers.push(await client.expect('pubcomp'));
    for (const { cmd, properties } of answers) {
      assert.equal(properties?.['reasonString'], undefined, cmd);
      assert.equal(properties?.['userProperties'], undefined, cmd);
    }
  }),
  v5('a packet larger than the server takes ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    const maximum = client.connack.properties['maximumPacketSize'] as number | undefined;
    if (maximum === undefined || maximum > 300_000_000) return 'no maximum of its own';
    client.bytes(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    const how = await client.ended();
    assert.match(how, /DISCONNECT 0x95, closed$/);
    return 'DISCONNECT 0x95';
  }),
  v5('every topic alias up to the maximum of the server is taken', '3.3.2-12', async (harness) => {
    const [subscriber, publisher] = await pair(harness, harness.topic('#'), 1);
    const maximum = (publisher.connack.properties['topicAliasMaximum'] as number | undefined) ?? 0;
    if (maximum === 0) return 'no aliases';
    for (const topicAlias of new Set([1, maximum])) {
      const topic = harness.topic(`alias${topicAlias}`);
      publisher.send({ cmd: 'publish', topic, payload: 'named', qos: 0, properties: { topicAlias } });
      assert.equal((await subscriber.message('named')).topic, topic);
    }
    for (const topicAlias of new Set([1, maximum])) {
      for (const qos of [0, 1, 2]) {
        await publisher.publish('', `by alias ${qos}`, { qos, properties: { topicAlias } });
        assert.equal((await subscriber.message(`by alias ${qos}`)).topic, harness.topic(`alias${topicAlias}`));
      }
    }
    // Given again, it means the new topic.
    publisher.send({
      cmd: 'publish',
      topic: harness.topic('anew'),
      payload: 'x',
      qos: 0,
      properties: { topicAlias: 1 },
    });
    publisher.send({ cmd: 'publish', topic: '', payload: 'y', qos: 0, properties: { topicAlias: 1 } });
    assert.equal((await subscriber.message('x')).topic, harness.topic('anew'));
    assert.equal((await subscriber.message('y')).topic, harness.topic('anew'));
    return undefined;
  }),
  v5('topic alias 0 ends the connection', '3.3.2-8 4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(5, 0x30, harness.topic(), undefined, 'x', [0x23, 0, 0]));
    return closedBy(client);
  }),
  v5('a topic alias above the maximum ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    const maximum = (client.connack.properties['topicAliasMaximum'] as number | undefined) ?? 0;
    if (maximum === 65_535) return 'takes 65535';
    client.bytes(publish(5, 0x30, harness.topic(), undefined, 'x', [0x23, ...u16(maximum + 1)]));
    const how = await closedBy(client);
    return how;
  }),
  v5('a topic alias that means nothing ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(5, 0x30, '', undefined, 'x', [0x23, 0, 1]));
    return closedBy(client);
  }),
  v5('no topic and no alias ends the connection', '4.13.1-1 4.7.3-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(publish(5, 0x30, '', undefined, 'x'));
    return closedBy(client);
  }),
  v5('topic aliases end with their connection', '3.3.2-7', async (harness) => {
    const before = await harness.kept();
    before.send({ cmd: 'publish', topic: harness.topic(), payload: 'x', qos: 0, properties: { topicAlias: 1 } });
    await before.ping();
    await before.leave();
    const after = await harness.kept();
    after.bytes(publish(5, 0x30, '', undefined, 'x', [0x23, 0, 1]));
    return closedBy(after);
  }),
  v5('no topic alias to a client that takes none', '3.1.2-27 3.3.2-11', async (harness) => {
    for (const properties of [{}, { topicAliasMaximum: 0 }]) {
      const topic = harness.topic();
      const subscriber = await harness.connect({ properties });
      await subscriber.subscribe(topic);
      const publisher = await harness.connect();
      for (let i = 0; i < 5; i++) {
        await publisher.publish(topic, 'x');
        assert.equal((await subscriber.message('x')).properties['topicAlias'], undefined);
      }
    }
  }),
  v5('no topic alias above what the client takes', '3.1.2-26 3.3.2-11', async (harness) => {
    const subscriber = await harness.connect({ properties: { topicAliasMaximum: 2 } });
    await subscriber.subscribe({ topic: harness.topic('#'), qos: 1 });
    const publisher = await harness.connect();
    const names = new Map<number, string>();
    let aliased = 0;
    for (let i = 0; i < 30; i++) {
      const topic = harness.topic(`long/enough/to/be/worth/an/alias/${i % 5}`);
      await publisher.publish(topic, String(i), { qos: i % 2 });
      const got = await subscriber.expect('publish');
      const alias = propertiesOf(got.bytes).find(([id]) => id === 0x23)?.[1] as number | undefined;
      if (alias !== undefined) {
        assert.ok(alias >= 1 && alias <= 2, `alias ${alias}`);
        if (got.topic !== '') names.set(alias, got.topic);
        else aliased++;
      }
      const meant = got.topic !== '' ? got.topic : names.get(alias!);
      assert.equal(meant, harness.topic(`long/enough/to/be/worth/an/alias/${Number(got.payload.toString()) % 5}`));
    }
    return aliased > 0 ? 'uses aliases' : 'uses none';
  }),
  v5('a SUBSCRIBE with a property of PUBLISH ends the connection', '4.13.1-1', async (harness) => {
    const client = await harness.connect();
    client.bytes(packet(0x82, u16(1), section(0x23, 0, 1), text(harness.topic()), 0));
    return closedBy(client);
  }),
  v5('PUBACK of a message with no subscriber', '3.4.2-1', async (harness) => {
    const client = await harness.connect();
    const puback = (await client.publish(harness.topic('nobody'), 'x', { qos: 1 }))!;
    assert.ok([0, 0x10].includes(codeOf(puback)));
    return `PUBACK ${codeOf(puback)}`;
  }),
];
