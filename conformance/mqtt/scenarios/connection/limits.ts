/** What a full queue means to a publisher, and other things that end an exchange without anybody's mistake. */
import { strict as assert } from 'node:assert';
import amqp from 'amqplib';
import type { Harness } from '../../harness.ts';
import { codeOf } from '../../received.ts';
import { both, type Scenario, v4, v5 } from '../../scenario.ts';
import { connect, text } from '../../wire.ts';

const QUEUES = { needs: 'queues' } as const;

/** A queue under the scenario's topic that holds one message and refuses the next. */
async function fullQueue(harness: Harness): Promise<{ remove(): Promise<void> }> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${harness.target.amqpPort}`);
  harness.closing({ close: () => void model.close().catch(() => {}) });
  const channel = await model.createChannel();
  const name = harness.id('full');
  await channel.assertQueue(name, {
    durable: true,
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  await channel.bindQueue(name, 'amq.topic', harness.topic().replaceAll('/', '.'));
  const publisher = await harness.connect();
  await publisher.publish(harness.topic(), 'the one it holds', { qos: 1 });
  return {
    async remove() {
      await channel.deleteQueue(name);
    },
  };
}

export const LIMITS: readonly Scenario[] = [
  v4(
    'what no queue takes closes the connection, as 3.1.1 has no other word for it',
    '4.8.0-2',
    async (harness) => {
      const queue = await fullQueue(harness);
      for (const qos of [1, 2]) {
        const client = await harness.connect();
        client.send({ cmd: 'publish', topic: harness.topic(), payload: 'too much', qos, messageId: 1 });
        assert.equal(await client.ended(), 'closed');
      }
      await queue.remove();
    },
    QUEUES,
  ),
  v5(
    'what no queue takes is refused, and its identifier is free',
    '4.3.3-9 3.4.2-1 3.5.2-1',
    async (harness) => {
      const queue = await fullQueue(harness);
      const client = await harness.connect();
      for (const qos of [1, 2]) {
        const refused = await client.publish(harness.topic(), 'too much', { qos, messageId: qos });
        assert.equal(codeOf(refused!), 0x97);
      }
      await queue.remove();
      const subscriber = await harness.connect();
      await subscriber.subscribe({ topic: harness.topic(), qos: 2 });
      // With DUP: had the identifier been kept, it would be taken for the message that was refused.
      await client.publish(harness.topic(), 'new', { qos: 2, messageId: 2, dup: true });
      await subscriber.message('new');
    },
    QUEUES,
  ),
  v5('an identifier that is longer than the server takes', '3.1.3-8', async (harness) => {
    const client = await harness.open();
    client.bytes(connect({ level: 5, payload: [text(`${harness.id()}${'x'.repeat(60_000)}`)] }));
    const connack = await client.expect('connack');
    if (codeOf(connack) === 0) return 'takes 60,000 characters';
    assert.equal(codeOf(connack), 0x85);
    assert.equal(await client.ended(), 'closed');
    return 'CONNACK 0x85';
  }),
  ...both('a session lasts as long as its connection', '4.1.0-2', '4.1.0-1', async (harness) => {
    const topic = harness.topic();
    const client = await harness.connect({ clientId: harness.id('lasting') });
    await client.subscribe({ topic, qos: 1 });
    for (let i = 0; i < 5; i++) {
      const other = await harness.connect({ clientId: harness.id('passing') });
      await other.publish(topic, String(i), { qos: 1 });
      await other.leave();
      await client.message(String(i));
    }
  }),
];
