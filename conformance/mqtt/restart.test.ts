/**
 * What MQTT 5.0 promises beyond a connection, beyond a kill -9 of the broker as well. Each scenario has a part before the kill and
 * one after it; all parts before are played, the broker is killed once and started again, then all parts after.
 */
import { strict as assert } from 'node:assert';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type EntrepotPeer, startEntrepot } from '../peers/index.ts';
import { Harness } from './harness.ts';
import { codeOf } from './received.ts';
import { nothingBefore } from './scenarios/steps.ts';
import { propertiesOf, publish, text } from './wire.ts';

/** Returns what is to be played after the restart. */
type Before = (harness: Harness) => Promise<(harness: Harness) => Promise<void>>;

const userProperty = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0x26]), text(name), text(value)]);
const userPropertiesOf = (bytes: Buffer): unknown[] =>
  propertiesOf(bytes)
    .filter(([id]) => id === 0x26)
    .map(([, value]) => value);

const SCENARIOS: Readonly<Record<string, Before>> = {
  'a subscription with its options and its identifier': async (harness) => {
    const topic = harness.topic();
    const keeper = await harness.kept();
    await keeper.subscribeWith({ subscriptionIdentifier: 42 }, { topic, qos: 2, nl: true, rap: true });
    return async () => {
      const back = await harness.kept();
      assert.equal(back.connack.sessionPresent, true);
      await back.publish(topic, 'mine', { qos: 1 });
      const other = await harness.connect();
      await other.publish(topic, 'theirs', { qos: 2, retain: true });
      const got = await back.message('theirs');
      assert.deepEqual([got.qos, got.retain, got.properties['subscriptionIdentifier']], [2, true, 42]);
      await other.publish(topic, '', { retain: true });
    };
  },

  'messages that wait, with all their properties and what is left of their time': async (harness) => {
    const topic = harness.topic();
    const keeper = await harness.kept();
    await keeper.subscribe({ topic, qos: 2 });
    keeper.drop();
    const publisher = await harness.connect();
    const properties = [
      userProperty('b', '1'),
      userProperty('a', '2'),
      userProperty('b', '3'),
      Buffer.from([0x02, 0, 0, 0, 100]),
      Buffer.from([0x03]),
      text('text/plain'),
    ];
    for (const qos of [1, 2]) {
      publisher.bytes(publish(5, 0x30 | (qos << 1), topic, qos, `kept ${qos}`, properties));
      assert.equal(codeOf(await publisher.expect(qos === 1 ? 'puback' : 'pubrec')), 0);
    }
    await publisher.publish(topic, 'short-lived', { qos: 1, properties: { messageExpiryInterval: 1 } });
    return async () => {
      const back = await harness.kept();
      for (const qos of [1, 2]) {
        const got = await back.message(`kept ${qos}`);
        assert.deepEqual(userPropertiesOf(got.bytes), [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ]);
        assert.equal(got.properties['contentType'], 'text/plain');
        const left = got.properties['messageExpiryInterval'] as number;
        assert.ok(left > 30 && left < 100, `${left} s left`);
      }
      await nothingBefore(back, await harness.connect(), topic, 1);
    };
  },

  'packet identifiers that a publisher has used and not released': async (harness) => {
    const topic = harness.topic();
    const keeper = await harness.kept('s');
    await keeper.subscribe({ topic, qos: 2 });
    const publisher = await harness.kept('p');
    publisher.send({ cmd: 'publish', topic, payload: 'once', qos: 2, messageId: 7 });
    await publisher.expect('pubrec');
    await keeper.message('once');
    await keeper.ping();
    return async () => {
      const again = await harness.kept('p');
      again.send({ cmd: 'publish', topic, payload: 'once', qos: 2, messageId: 7, dup: true });
      assert.equal((await again.expect('pubrec')).messageId, 7);
      again.send({ cmd: 'pubrel', messageId: 7 });
      assert.equal((await again.expect('pubcomp')).messageId, 7);
      const back = await harness.kept('s');
      await nothingBefore(back, again, topic, 2);
    };
  },

  'what a subscriber has not acknowledged, with its identifiers': async (harness) => {
    const topic = harness.topic();
    const keeper = await harness.kept('k', { answers: false });
    await keeper.subscribe({ topic, qos: 2 });
    const publisher = await harness.connect();
    await publisher.publish(topic, 'one', { qos: 1 });
    await publisher.publish(topic, 'two', { qos: 2 });
    await publisher.publish(topic, 'released', { qos: 2 });
    const ids = new Map<string, number>();
    for (let i = 0; i < 3; i++) {
      const { payload, messageId } = await keeper.expect('publish');
      ids.set(payload.toString(), messageId);
    }
    keeper.send({ cmd: 'pubrec', messageId: ids.get('released')! });
    await keeper.expect('pubrel');
    return async () => {
      const back = await harness.kept('k', { answers: false });
      const again = [await back.next(), await back.next(), await back.next()];
      const seen = again.map(({ cmd, payload, messageId, dup }) =>
        // Deliveries at QoS 1 are not logged: the message comes again, marked, and under any identifier that is free.
        payload?.toString() === 'one' ? `one ${dup}` : `${cmd} ${payload ?? ''} ${messageId}`,
      );
      const [two, released] = [ids.get('two'), ids.get('released')];
      assert.deepEqual(seen.sort(), ['one true', `publish two ${two}`, `pubrel  ${released}`].sort());
      assert.equal(new Set(again.map((received) => received.messageId)).size, 3);
    };
  },

  'a retained message with its properties, and one that has expired meanwhile': async (harness) => {
    const publisher = await harness.connect();
    publisher.bytes(publish(5, 0x33, harness.topic('a'), 1, 'kept', [userProperty('z', '1'), userProperty('a', '2')]));
    await publisher.expect('puback');
    const properties = { messageExpiryInterval: 1 };
    await publisher.publish(harness.topic('b'), 'short-lived', { qos: 1, retain: true, properties });
    await publisher.publish(harness.topic('c'), 'taken back', { qos: 1, retain: true });
    await publisher.publish(harness.topic('c'), '', { qos: 1, retain: true });
    return async () => {
      const late = await harness.connect();
      await late.subscribe({ topic: harness.topic('+'), qos: 1 });
      const got = await late.message('kept');
      assert.equal(got.retain, true);
      assert.deepEqual(userPropertiesOf(got.bytes), [
        ['z', '1'],
        ['a', '2'],
      ]);
      await nothingBefore(late, late, harness.topic('end'), 1);
      await late.publish(harness.topic('a'), '', { qos: 1, retain: true });
    };
  },

  'sessions whose time has passed are gone, others are not': async (harness) => {
    const ending = await harness.kept('ending', { properties: { sessionExpiryInterval: 1 } });
    await ending.subscribe({ topic: harness.topic(), qos: 1 });
    ending.drop();
    const unkept = await harness.connect({ clientId: harness.id('unkept') });
    await unkept.subscribe({ topic: harness.topic(), qos: 1 });
    const kept = await harness.kept('kept');
    await kept.subscribe({ topic: harness.topic(), qos: 1 });
    return async () => {
      for (const [name, present] of [
        ['ending', false],
        ['unkept', false],
        ['kept', true],
      ] as const) {
        assert.equal((await harness.kept(name)).connack.sessionPresent, present, name);
      }
    };
  },

  'a will that waits for the end of its session': async (harness) => {
    const topic = harness.topic();
    const will = { topic, payload: 'gone', qos: 1, properties: { willDelayInterval: 600, contentType: 'text/x-will' } };
    const mortal = await harness.kept('mortal', { will });
    mortal.drop();
    const returning = await harness.kept('returning', { will: { ...will, payload: 'not this one' } });
    returning.drop();
    return async () => {
      const watcher = await harness.connect();
      await watcher.subscribe({ topic, qos: 1 });
      await harness.kept('returning');
      await harness.connect({ clientId: harness.id('mortal') }); // a clean start ends the session
      assert.equal((await watcher.message('gone')).properties['contentType'], 'text/x-will');
      await nothingBefore(watcher, await harness.connect(), topic, 1);
    };
  },

  'what waits for a group, and what one of its members holds': async (harness) => {
    const topic = harness.topic();
    const filter = `$share/${harness.id('g')}/${topic}`;
    const holder = await harness.kept('holder', { answers: false });
    await holder.subscribe({ topic: filter, qos: 2 });
    const publisher = await harness.connect();
    await publisher.publish(topic, 'held', { qos: 2 });
    const { messageId } = await holder.message('held');
    holder.send({ cmd: 'pubrec', messageId });
    await holder.expect('pubrel');
    holder.drop();
    for (let i = 0; i < 5; i++) await publisher.publish(topic, String(i), { qos: 1 });
    return async () => {
      const other = await harness.connect();
      await other.subscribe({ topic: filter, qos: 1 });
      for (let i = 0; i < 5; i++) await other.message(String(i));
      const back = await harness.kept('holder', { answers: false });
      assert.equal((await back.expect('pubrel')).messageId, messageId);
      back.send({ cmd: 'pubcomp', messageId });
      for (const member of [back, other]) await member.unsubscribe(filter);
    };
  },
};

describe('MQTT 5.0 through a kill', () => {
  let broker: EntrepotPeer;
  const played = new Map<string, { harness: Harness; after: (harness: Harness) => Promise<void> } | Error>();
  beforeAll(async () => {
    broker = await startEntrepot();
    const { mqttPort, wsMqttUrl, amqpPort } = broker;
    const target = { name: 'entrepot', mqttPort, wsMqttUrl, amqpPort, levels: [5], offers: [] } as const;
    for (const [name, before] of Object.entries(SCENARIOS)) {
      const harness = new Harness(target, 5);
      try {
        played.set(name, { harness, after: await before(harness) });
      } catch (error) {
        played.set(name, error as Error);
      }
    }
    await broker.kill();
    // For what lasts one second: it passes while nobody is there to see to it.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await broker.restart();
  }, 60_000);
  afterAll(async () => {
    for (const scenario of played.values()) if (!(scenario instanceof Error)) scenario.harness.end();
    await broker?.stop();
  });

  it.each(Object.keys(SCENARIOS))('%s', async (name) => {
    const scenario = played.get(name)!;
    if (scenario instanceof Error) throw scenario;
    await scenario.after(scenario.harness);
  });
});
