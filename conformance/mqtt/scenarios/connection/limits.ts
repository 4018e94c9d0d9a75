/** What a full queue means to a publisher, and other things that end an exchange without anybody's mistake. */
import { strict as assert } from 'node:assert';
import amqp from 'amqplib';
import { codeOf } from '../../raw.ts';
import { both, type Scenario, type Stage, v4, v5 } from '../../scenario.ts';
import { connect, text } from '../../wire.ts';

const QUEUES = { needs: 'queues' } as const;

/** A queue under the scenario's topic that holds one message and refuses the next. */
async function fullQueue(stage: Stage): Promise<{ remove(): Promise<void> }> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${stage.target.amqpPort}`);
  stage.closing({ close: () => void model.close().catch(() => {}) });
  const channel = await model.createChannel();
  const name = stage.id('full');
  await channel.assertQueue(name, {
    durable: true,
    arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  await channel.bindQueue(name, 'amq.topic', stage.topic().replaceAll('/', '.'));
  const publisher = await stage.connect();
  await publisher.publish(stage.topic(), 'the one it holds', { qos: 1 });
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
    async (stage) => {
      const queue = await fullQueue(stage);
      for (const qos of [1, 2]) {
        const client = await stage.connect();
        client.send({ cmd: 'publish', topic: stage.topic(), payload: 'too much', qos, messageId: 1 });
        assert.equal(await client.ended(), 'closed');
      }
      await queue.remove();
    },
    QUEUES,
  ),
  v5(
    'what no queue takes is refused, and its identifier is free',
    '4.3.3-9 3.4.2-1 3.5.2-1',
    async (stage) => {
      const queue = await fullQueue(stage);
      const client = await stage.connect();
      for (const qos of [1, 2]) {
        const refused = await client.publish(stage.topic(), 'too much', { qos, messageId: qos });
        assert.equal(codeOf(refused!), 0x97);
      }
      await queue.remove();
      const subscriber = await stage.connect();
      await subscriber.subscribe({ topic: stage.topic(), qos: 2 });
      // With DUP: had the identifier been kept, it would be taken for the message that was refused.
      await client.publish(stage.topic(), 'new', { qos: 2, messageId: 2, dup: true });
      await subscriber.message('new');
    },
    QUEUES,
  ),
  v5('an identifier that is longer than the server takes', '3.1.3-8', async (stage) => {
    const client = await stage.open();
    client.bytes(connect({ level: 5, payload: [text(`${stage.id()}${'x'.repeat(60_000)}`)] }));
    const connack = await client.expect('connack');
    if (codeOf(connack) === 0) return 'takes 60,000 characters';
    assert.equal(codeOf(connack), 0x85);
    assert.equal(await client.ended(), 'closed');
    return 'CONNACK 0x85';
  }),
  ...both('a session lasts as long as its connection', '4.1.0-2', '4.1.0-1', async (stage) => {
    const topic = stage.topic();
    const client = await stage.connect({ clientId: stage.id('lasting') });
    await client.subscribe({ topic, qos: 1 });
    for (let i = 0; i < 5; i++) {
      const other = await stage.connect({ clientId: stage.id('passing') });
      await other.publish(topic, String(i), { qos: 1 });
      await other.leave();
      await client.message(String(i));
    }
  }),
];
