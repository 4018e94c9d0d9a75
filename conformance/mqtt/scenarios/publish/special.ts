/** Topics that begin with `$`, bridges between brokers, and who may be told what [3.3.5, 4.7.2, 4.8.2]. */
import { strict as assert } from 'node:assert';
import { codeOf, hex } from '../../received.ts';
import { both, type Scenario, v3, v4, v5 } from '../../scenario.ts';
import { connect, none, packet, text, u16 } from '../../wire.ts';
import { nothingBefore } from '../steps.ts';

const STATE = (id: string): string => `$SYS/broker/connection/${id}/state`;

export const SPECIAL: readonly Scenario[] = [
  v4('what may not be published is acknowledged, and reaches nobody', '3.3.5-2', async (harness) => {
    const topic = `$SYS/broker/${harness.id()}`;
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1 }, { topic: harness.topic(), qos: 1 });
    const publisher = await harness.connect();
    for (const qos of [0, 1, 2]) {
      for (const payload of ['x', 'x'.repeat(200_000)]) await publisher.publish(topic, payload, { qos, retain: true });
    }
    await nothingBefore(subscriber, publisher, harness.topic(), 1);
    const later = await harness.connect();
    await later.subscribe({ topic, qos: 1 }, { topic: harness.topic(), qos: 1 });
    await nothingBefore(later, publisher, harness.topic(), 1);
  }),
  v5('what may not be published is refused, and reaches nobody', '', async (harness) => {
    const topic = `$SYS/broker/${harness.id()}`;
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1 }, { topic: harness.topic(), qos: 1 });
    const publisher = await harness.connect();
    for (const qos of [1, 2]) assert.equal(codeOf((await publisher.publish(topic, 'x', { qos }))!), 0x87);
    await publisher.publish(topic, 'x');
    await nothingBefore(subscriber, publisher, harness.topic(), 1);
  }),
  ...both('a will to where it may not be published reaches nobody, and is not retained', '', '', async (harness) => {
    const topic = `$SYS/broker/${harness.id()}`;
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1 }, { topic: harness.topic(), qos: 1 });
    const mortal = await harness.connect({
      clientId: harness.id('w'),
      will: { topic, payload: 'gone', qos: 1, retain: true },
    });
    mortal.drop();
    // Once its identifier connects again, its connection is over for sure.
    await (await harness.connect({ clientId: harness.id('w') })).leave();
    await nothingBefore(subscriber, await harness.connect(), harness.topic(), 1);
    const later = await harness.connect();
    await later.subscribe({ topic, qos: 1 }, { topic: harness.topic(), qos: 1 });
    await nothingBefore(later, await harness.connect(), harness.topic(), 1);
  }),
  ...both('the state of a bridge is published and retained, as a message and as a will', '', '', async (harness) => {
    const topic = STATE(harness.id());
    const subscriber = await harness.connect();
    await subscriber.subscribe({ topic, qos: 1 });
    const bridge = await harness.connect({ will: { topic, payload: '0', qos: 1, retain: true } });
    await bridge.publish(topic, '1', { qos: 1, retain: true });
    await subscriber.message('1');
    bridge.drop();
    await subscriber.message('0');
    const later = await harness.connect();
    await later.subscribe({ topic, qos: 1 });
    assert.equal((await later.message('0')).retain, true);
    await later.publish(topic, '', { qos: 1, retain: true });
  }),
  ...([3, 4] as const).map((level) =>
    (level === 3 ? v3 : (name: string, run: Scenario['run']) => v4(name, '', run))(
      'a bridge does not get its own messages back, and sees which are retained',
      async (harness) => {
        const bridge = await harness.open();
        bridge.bytes(connect({ level, says: 0x80 | level, payload: [text(harness.id('bridge'))] }));
        assert.equal(codeOf(await bridge.expect('connack')), 0);
        await bridge.subscribe({ topic: harness.topic('#'), qos: 1 });
        await bridge.publish(harness.topic(), 'mine', { qos: 1, retain: true });
        const other = await harness.connect();
        await other.publish(harness.topic(), 'theirs', { qos: 1, retain: true });
        assert.equal((await bridge.message('theirs')).retain, true);
        await other.publish(harness.topic(), 'plain', { qos: 1 });
        assert.equal((await bridge.message('plain')).retain, false);
      },
    ),
  ),
  ...(
    [
      ['MQIsdp', 4],
      ['MQIsdp', 5],
      ['MQTT', 3],
      ['MQTT', 0x83],
    ] as const
  ).map(([name, says]) =>
    v4(`${name} with level ${says} is return code 1, and closed`, '3.1.2-2', async (harness) => {
      const client = await harness.open();
      client.bytes(connect({ level: 4, name, says, payload: [text(harness.id())] }));
      const how = await client.ended();
      assert.match(how, /^CONNACK 0x01, closed$/);
    }),
  ),
  v5('no local beside another subscription: that one says how the own message comes', '3.8.3-3', async (harness) => {
    const client = await harness.connect();
    await client.subscribeWith(
      { subscriptionIdentifier: 1 },
      { topic: harness.topic('t'), qos: 2, nl: true, rap: true },
    );
    await client.subscribeWith({ subscriptionIdentifier: 2 }, { topic: harness.topic('+'), qos: 0 });
    await client.publish(harness.topic('t'), 'mine', { qos: 2, retain: true });
    const { qos, retain, properties } = await client.expectAmong('publish');
    assert.deepEqual([qos, retain, properties['subscriptionIdentifier']], [0, false, 2]);
    await nothingBefore(client, await harness.connect(), harness.topic('other'));
  }),
  ...both('an acknowledgement of the wrong kind ends the connection', '4.8.0-1', '4.13.1-1', async (harness) => {
    const seen = new Set<string>();
    for (const [qos, cmd] of [
      [1, 'pubrec'],
      [1, 'pubcomp'],
      [2, 'puback'],
    ] as const) {
      const client = await harness.connect();
      client.answers = false;
      await client.subscribe({ topic: harness.topic(), qos });
      await client.publish(harness.topic(), cmd, { qos });
      const { messageId } = await client.expectAmong('publish');
      client.send({ cmd, messageId });
      seen.add((await client.ended()).replace(/^PUBREL 0x00, /, ''));
    }
    return [...seen].join(' or ');
  }),
  v5('PUBREC that refuses an identifier that is over is not answered', '', async (harness) => {
    const client = await harness.connect();
    client.send({ cmd: 'pubrec', messageId: 4711, reasonCode: 0x80 });
    client.send({ cmd: 'pingreq' });
    return (await client.next().catch(() => undefined))?.cmd ?? 'closed';
  }),
  v5('no SUBACK or UNSUBACK larger than the client takes', '3.1.2-24', async (harness) => {
    const many = Array.from({ length: 100 }, (_, i) => text(harness.topic(String(i))));
    const seen = new Set<string>();
    for (const first of [0x82, 0xa2]) {
      const client = await harness.connect({ properties: { maximumPacketSize: 60 } });
      const filters = many.flatMap((filter) => (first === 0x82 ? [filter, 0] : [filter]));
      client.bytes(packet(first, u16(7), none(5), ...filters));
      client.bytes(packet(0xc0));
      const answer = await client.next().catch(() => undefined);
      if (answer !== undefined) assert.ok(answer.bytes.length <= 60, `${answer.cmd} of ${answer.bytes.length} bytes`);
      seen.add(
        answer === undefined ? 'closed' : `${answer.cmd} ${answer.cmd === 'disconnect' ? hex(codeOf(answer)) : ''}`,
      );
    }
    return [...seen].join(' or ');
  }),
  v5(
    'what a share has not handed on is gone with its last member',
    '',
    async (harness) => {
      const filter = `$share/g/${harness.topic()}`;
      const member = await harness.connect({ clientId: harness.id('m') });
      member.answers = false;
      await member.subscribe({ topic: filter, qos: 1 });
      const publisher = await harness.connect();
      for (const payload of ['1', '2']) await publisher.publish(harness.topic(), payload, { qos: 1 });
      await member.message('1');
      member.drop();
      await (await harness.connect({ clientId: harness.id('m') })).leave();
      await publisher.publish(harness.topic(), 'to no one', { qos: 1 });
      const next = await harness.connect();
      await next.subscribe({ topic: filter, qos: 1 });
      await nothingBefore(next, publisher, harness.topic(), 1);
    },
    { needs: 'shared' },
  ),
  ...both('a user name of no length is none', '', '', async (harness) => {
    const client = await harness.open();
    const flags = 0xc2;
    const payload = [text(harness.id()), text(''), text('')];
    client.bytes(connect({ level: harness.level, flags, payload }));
    assert.equal(codeOf(await client.expect('connack')), 0);
  }),
];
