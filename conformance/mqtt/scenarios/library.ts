/** What users write: MQTT.js as it comes, over TCP and WebSocket, 3.1.1 and 5.0. */
import { strict as assert } from 'node:assert';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { until, within } from '../../support/inbox.ts';
import type { Harness } from '../harness.ts';
import { both, type Scenario, v5 } from '../scenario.ts';

interface Message {
  readonly topic: string;
  readonly payload: string;
  readonly packet: IPublishPacket;
}

class User {
  readonly client: MqttClient;
  readonly messages: Message[] = [];

  constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, payload, packet) =>
      this.messages.push({ topic, payload: payload.toString(), packet }),
    );
    client.on('error', () => {});
  }

  close(): void {
    this.client.end(true);
  }

  async until(count: number): Promise<readonly Message[]> {
    await until(
      () => this.messages.length >= count,
      () => `${this.messages.length} of ${count} messages`,
      6_000,
    );
    return this.messages;
  }
}

async function user(harness: Harness, options: IClientOptions = {}, web = false): Promise<User> {
  const url = web ? harness.target.wsMqttUrl : `mqtt://127.0.0.1:${harness.target.mqttPort}`;
  const protocolVersion = harness.level === 5 ? 5 : 4;
  const connecting = mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 0, ...options });
  const connected = new User(await within(connecting, 6_000, () => 'MQTT.js did not connect'));
  harness.closing(connected);
  return connected;
}

export const LIBRARY: readonly Scenario[] = [
  ...both('MQTT.js: every QoS there and back', '', '', async (harness) => {
    const me = await user(harness, { username: 'guest', password: 'guest' });
    await me.client.subscribeAsync(harness.topic('#'), { qos: 2 });
    for (const qos of [0, 1, 2] as const) await me.client.publishAsync(harness.topic(`q${qos}`), `m${qos}`, { qos });
    const got = (await me.until(3)).map(({ topic, payload, packet }) => `${topic.at(-1)} ${payload} ${packet.qos}`);
    assert.deepEqual([...got].sort(), ['0 m0 0', '1 m1 1', '2 m2 2']);
  }),
  ...both(
    'MQTT.js over WebSocket',
    '',
    '',
    async (harness) => {
      const me = await user(harness, {}, true);
      await me.client.subscribeAsync(harness.topic(), { qos: 2 });
      for (let i = 0; i < 50; i++)
        await me.client.publishAsync(harness.topic(), String(i), { qos: (i % 3) as 0 | 1 | 2 });
      const got = (await me.until(50)).map((message) => Number(message.payload)).sort((a, b) => a - b);
      assert.deepEqual(
        got,
        Array.from({ length: 50 }, (_, i) => i),
      );
    },
    { needs: 'websocket' },
  ),
  ...both('MQTT.js: a session across connections, exactly once', '', '', async (harness) => {
    const options: IClientOptions = {
      clientId: harness.id('lib'),
      clean: false,
      ...(harness.level === 5 ? { properties: { sessionExpiryInterval: 300 } } : {}),
    };
    const before = await user(harness, options);
    await before.client.subscribeAsync(harness.topic(), { qos: 2 });
    await before.client.endAsync();
    const publisher = await user(harness);
    for (let i = 0; i < 20; i++) await publisher.client.publishAsync(harness.topic(), String(i), { qos: 2 });
    const after = await user(harness, { ...options, incomingStore: new mqtt.Store({ clean: false }) });
    const got = (await after.until(20)).map((message) => Number(message.payload));
    assert.deepEqual(
      got,
      Array.from({ length: 20 }, (_, i) => i),
    );
  }),
  ...both('MQTT.js: retained and will', '', '', async (harness) => {
    const watcher = await user(harness);
    await watcher.client.publishAsync(harness.topic('state'), 'on', { qos: 1, retain: true });
    const late = await user(harness);
    await late.client.subscribeAsync(harness.topic('+'), { qos: 1 });
    assert.equal((await late.until(1))[0]!.packet.retain, true);
    const dying = await user(harness, {
      will: { topic: harness.topic('will'), payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    dying.client.stream.destroy();
    assert.equal((await late.until(2))[1]!.payload, 'gone');
    await watcher.client.publishAsync(harness.topic('state'), '', { qos: 1, retain: true });
  }),
  v5('MQTT.js: properties, aliases chosen by the library', '', async (harness) => {
    const subscriber = await user(harness, { properties: { topicAliasMaximum: 10 } });
    await subscriber.client.subscribeAsync(harness.topic('#'), { qos: 1, properties: { subscriptionIdentifier: 3 } });
    const publisher = await user(harness, { autoUseTopicAlias: true, autoAssignTopicAlias: true });
    for (let i = 0; i < 10; i++) {
      await publisher.client.publishAsync(harness.topic(`long/name/${i % 2}`), String(i), {
        qos: 1,
        properties: { contentType: 'text/plain', userProperties: { n: String(i) } },
      });
    }
    const got = await subscriber.until(10);
    for (const [i, { topic, payload, packet }] of got.entries()) {
      assert.deepEqual([topic, payload], [harness.topic(`long/name/${i % 2}`), String(i)]);
      assert.equal(packet.properties?.contentType, 'text/plain');
      assert.deepEqual({ ...packet.properties?.userProperties }, { n: String(i) });
      assert.equal(packet.properties?.subscriptionIdentifier, 3);
    }
  }),
];
