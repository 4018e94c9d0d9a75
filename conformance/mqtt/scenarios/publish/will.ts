/** The will [3.1.2.5, 3.1.3.2, 3.14.4]. */
import { strict as assert } from 'node:assert';
import { both, type Scenario, v5 } from '../../scenario.ts';
import { packet, propertiesOf } from '../../wire.ts';
import { nothingBefore, pair, pass } from '../steps.ts';

export const WILL: readonly Scenario[] = [
  ...both('published when the connection is cut, with its QoS', '3.1.2-8', '3.1.2-7 3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher, publisher] = await pair(harness, topic, 2);
    for (const qos of [0, 1, 2]) {
      const client = await harness.connect({ will: { topic, payload: `gone ${qos}`, qos } });
      client.drop();
      assert.equal((await watcher.message(`gone ${qos}`)).qos, qos);
    }
    await nothingBefore(watcher, publisher, topic, 2);
  }),
  ...both('not published after DISCONNECT', '3.1.2-10 3.14.4-3', '3.1.2-8 3.1.2-10 3.14.4-3', async (harness) => {
    const topic = harness.topic();
    const [watcher, publisher] = await pair(harness, topic, 1);
    const client = await harness.connect({ will: { topic, payload: 'gone', qos: 1 } });
    await client.leave();
    await nothingBefore(watcher, publisher, topic, 1);
  }),
  ...both(
    'published once: not again when the next connection ends',
    '3.1.2-10 3.1.2-12',
    '3.1.2-10',
    async (harness) => {
      const topic = harness.topic();
      const [watcher, publisher] = await pair(harness, topic, 1);
      const first = await harness.kept('w', { will: { topic, payload: 'gone', qos: 1 } });
      first.drop();
      await watcher.message('gone');
      const second = await harness.kept('w');
      second.drop();
      const third = await harness.kept('w');
      await third.ping();
      await nothingBefore(watcher, publisher, topic, 1);
    },
  ),
  ...both('published when the client breaks the protocol', '3.1.2-8', '3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher] = await pair(harness, topic, 1);
    const client = await harness.connect({ will: { topic, payload: 'gone', qos: 1 } });
    client.bytes(packet(0x36, 0, 1, 'x', 0, 1)); // QoS 3
    await client.ended();
    await watcher.message('gone');
  }),
  ...both('published when the identifier is taken over', '3.1.2-8', '3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher] = await pair(harness, topic, 1);
    await harness.connect({ clientId: harness.id('w'), will: { topic, payload: 'gone', qos: 1 } });
    await harness.connect({ clientId: harness.id('w') });
    await watcher.message('gone');
  }),
  ...both('retained only if it says so', '3.1.2-16 3.1.2-17', '3.1.2-14 3.1.2-15', async (harness) => {
    const [watcher, publisher] = await pair(harness, harness.topic('+'), 1);
    for (const retain of [false, true]) {
      const topic = harness.topic(retain ? 'retained' : 'passing');
      const client = await harness.connect({ will: { topic, payload: 'gone', qos: 1, retain } });
      client.drop();
      await watcher.message('gone');
    }
    const late = await harness.connect();
    await late.subscribe({ topic: harness.topic('+'), qos: 1 });
    const got = await late.message('gone');
    assert.deepEqual([got.topic, got.retain], [harness.topic('retained'), true]);
    await publisher.publish(harness.topic('retained'), '', { qos: 1, retain: true });
    await late.message('');
  }),
  ...both('who has no will leaves none', '3.1.2-12', '3.1.2-8', async (harness) => {
    const [watcher, publisher] = await pair(harness, harness.topic('#'), 1);
    const client = await harness.connect();
    await client.publish(harness.topic('said'), 'said', { qos: 1 });
    client.drop();
    await watcher.message('said');
    await nothingBefore(watcher, publisher, harness.topic('end'), 1);
  }),
  v5('DISCONNECT 0x04 publishes it', '3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher] = await pair(harness, topic, 1);
    const client = await harness.connect({ will: { topic, payload: 'gone', qos: 1 } });
    await client.leave(undefined, 0x04);
    await watcher.message('gone');
  }),
  v5('carries its properties, in their order', '3.1.3-10 3.1.2-7', async (harness) => {
    const topic = harness.topic();
    const [watcher] = await pair(harness, topic, 1);
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'text/x-will',
      responseTopic: 'r/t',
      correlationData: Buffer.from('c'),
      userProperties: { z: '1', a: ['2', '3'] },
    };
    const client = await harness.connect({ will: { topic, payload: 'gone', qos: 1, properties } });
    client.drop();
    const got = await watcher.message('gone');
    for (const name of ['payloadFormatIndicator', 'contentType', 'responseTopic', 'correlationData'] as const) {
      assert.deepEqual(got.properties[name], properties[name], name);
    }
    const messageExpiryInterval = got.properties['messageExpiryInterval'];
    assert.ok((messageExpiryInterval as number) >= 58);
    const pairs = propertiesOf(got.bytes)
      .filter(([id]) => id === 0x26)
      .map(([, value]) => value);
    assert.deepEqual(pairs, [
      ['z', '1'],
      ['a', '2'],
      ['a', '3'],
    ]);
  }),
  v5('a delayed will waits', '3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher, publisher] = await pair(harness, topic, 1);
    const client = await harness.kept('w', {
      will: { topic, payload: 'gone', qos: 1, properties: { willDelayInterval: 2 } },
    });
    client.drop();
    const cutMs = performance.now();
    await publisher.publish(topic, 'before', { qos: 1 });
    await watcher.message('before');
    await watcher.message('gone', 8_000);
    assert.ok(performance.now() - cutMs >= 1_000, 'it was delayed');
  }),
  v5('who comes back within the delay has no will published', '3.1.3-9 3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher, publisher] = await pair(harness, topic, 1);
    const will = { topic, payload: 'gone', qos: 1, properties: { willDelayInterval: 1 } };
    const client = await harness.kept('w', { will });
    client.drop();
    const back = await harness.kept('w');
    assert.equal(back.connack.sessionPresent, true);
    await pass(2_500);
    await nothingBefore(watcher, publisher, topic, 1);
  }),
  v5('the end of the session ends the delay', '3.1.2-8', async (harness) => {
    const topic = harness.topic();
    const [watcher] = await pair(harness, topic, 1);
    // No session expiry: the session ends with the connection.
    const client = await harness.connect({
      will: { topic, payload: 'gone', qos: 1, properties: { willDelayInterval: 600 } },
    });
    client.drop();
    await watcher.message('gone');
  }),
  v5('a clean start ends the session, and so the delay', '3.1.2-8 3.1.2-4', async (harness) => {
    const topic = harness.topic();
    const [watcher] = await pair(harness, topic, 1);
    const will = { topic, payload: 'gone', qos: 1, properties: { willDelayInterval: 600 } };
    const client = await harness.kept('w', { will });
    client.drop();
    await harness.connect({ clientId: harness.id('w') });
    await watcher.message('gone');
  }),
];
