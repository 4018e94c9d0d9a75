/**
 * How long a consumer may hold a delivery, where only the broker's own setting says so: the same asked of RabbitMQ (up to 4.2) and of this
 * broker, with their real clocks. RabbitMQ looks once a minute; how often is no setting of its file, so its node is told while it runs.
 */
import amqplib, { type ChannelModel, type ConsumeMessage } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestBroker } from '../../test/support/broker.ts';
import { untilAsked } from '../../test/support/until.ts';
import { installed, startRabbitmq } from '../peers/index.ts';
import { within } from '../support/inbox.ts';

const TIMEOUT_MS = 1_000;
const LOOK_MS = 200;
const TOLD =
  /^Channel closed by server: 406 \(PRECONDITION-FAILED\) with message "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out\. Timeout value used: 1000 ms\. This timeout value can be configured, see consumers doc guide to learn more"$/;

interface Asked {
  readonly port: number;
  stop(): Promise<void>;
}
const BROKERS = [
  {
    kind: 'entrepot',
    there: true,
    async start(): Promise<Asked> {
      const broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], amqp: { consumerTimeout: TIMEOUT_MS } });
      return { port: broker.ports.amqp, stop: () => broker.close() };
    },
  },
  {
    kind: 'rabbitmq',
    there: process.env['CONFORMANCE_PEERS'] === 'all' && installed('rabbitmq') !== undefined,
    async start(): Promise<Asked> {
      const peer = await startRabbitmq({ settings: [`consumer_timeout = ${TIMEOUT_MS}`] });
      await peer.control(['eval', `application:set_env(rabbit, channel_tick_interval, ${LOOK_MS}).`]);
      return { port: peer.amqpPort, stop: () => peer.stop() };
    },
  },
];

describe.each(BROKERS)('a delivery that is held for too long: $kind', ({ there, start }) => {
  describe.skipIf(!there)('is given back', () => {
    let broker: Asked;
    let client: ChannelModel;
    beforeAll(async () => {
      broker = await start();
    }, 120_000);
    afterAll(() => broker?.stop(), 60_000);
    beforeEach(async () => {
      client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.port}`);
    });
    afterEach(() => client.close());

    /** A queue with one message, a channel, and what it is told when the broker closes it. */
    async function held() {
      const channel = await client.createChannel();
      const told = new Promise<string>((resolve) => channel.on('error', (error: Error) => resolve(error.message)));
      const { queue } = await channel.assertQueue('');
      channel.sendToQueue(queue, Buffer.from('x'), { persistent: true });
      return { channel, queue, told: within(told, 10_000, () => 'the channel was not closed') };
    }
    async function back(queue: string): Promise<void> {
      const channel = await client.createChannel();
      await untilAsked(async () => (await channel.checkQueue(queue)).messageCount === 1, 'the message to be back');
      const message = await channel.get(queue, { noAck: true });
      expect(message !== false && message.fields.redelivered).toBe(true);
      await channel.close();
    }

    it('with the end of the channel, in these words, from a consumer', async () => {
      const { channel, queue, told } = await held();
      const taken = new Promise<ConsumeMessage | null>((resolve) => void channel.consume(queue, resolve));
      expect((await taken)?.content.toString()).toBe('x');
      expect(await told).toMatch(TOLD);
      await back(queue);
    }, 30_000);

    it('and so from basic.get', async () => {
      const { channel, queue, told } = await held();
      await untilAsked(async () => (await channel.get(queue)) !== false, 'the message');
      expect(await told).toMatch(TOLD);
      await back(queue);
    }, 30_000);

    it('and not where it was settled, or needs no settling', async () => {
      const { channel, queue, told } = await held();
      const end = new Promise<void>((resolve) => void channel.consume(queue, (one) => resolve(channel.ack(one!))));
      await end;
      const other = await held();
      const free = new Promise((resolve) => void other.channel.consume(other.queue, resolve, { noAck: true }));
      await free;
      // A third one that holds its delivery tells when the others would have been told.
      const third = await held();
      const taken = new Promise((resolve) => void third.channel.consume(third.queue, resolve));
      await taken;
      expect(await third.told).toMatch(/channel 3 timed out/);
      for (const [one, name] of [
        [channel, queue],
        [other.channel, other.queue],
      ] as const)
        expect((await one.checkQueue(name)).messageCount).toBe(0);
      told.catch(() => {});
      other.told.catch(() => {});
    }, 30_000);
  });
});
