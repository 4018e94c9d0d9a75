/** AMQP 0-9-1: a refusal is the end of the channel, with 403 and who may not what. */
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { expect } from 'vitest';
import { until } from '../../support/until.ts';
import { amqp, commit, transactional } from '../harness.ts';
import { type Answer, DONE, ONLY_HTTP, type Side, sideOf } from './cells.ts';
import { saidCells } from './said.ts';
import type { Scene } from './scene.ts';

const REFUSED = '403';
const X = Buffer.from('x');

/** On a channel of its own. */
async function channelDoes(client: ChannelModel, act: (channel: ConfirmChannel) => Promise<unknown>): Promise<Answer> {
  const channel = await client.createConfirmChannel();
  const answer = await answerOf(channel, () => act(channel));
  if (answer === DONE) await channel.close();
  return answer;
}

async function answerOf(channel: ConfirmChannel, act: () => Promise<unknown>): Promise<Answer> {
  let told: (Error & { code?: number }) | undefined;
  channel.on('error', (error: Error) => {
    told = error;
  });
  try {
    await act();
    // What has no answer of its own, such as a publish, is dealt with by now.
    await channel.checkExchange('amq.topic');
    return DONE;
  } catch (error) {
    const failed = told ?? (error as Error & { code?: number });
    expect(failed.message).toMatch(/ACCESS_REFUSED - access to .* in vhost '\/' refused for user 'u'/);
    return String(failed.code);
  }
}

export function amqpSide(scene: Scene): Side {
  return sideOf<ChannelModel>({
    refused: REFUSED,
    connect: () => amqp(scene.ports.amqp, 'u'),
    leave: (client) => client.close(),
    none: {
      will: 'has no wills',
      retained: 'retains nothing, and a queue gets what is published from now on',
      share: 'has no filters to share: consumers of one queue share it, which is consume',
      schedule: 'has no words for it',
      'virtual topic': 'has no names for it: it is bind',
      ...ONLY_HTTP,
    },
    cells: {
      enter: {
        denied: undefined,
        comes: true,
        refused: 'connection.close',
        over: '320',
        attempt: async () => {
          try {
            await (await amqp(scene.ports.amqp, 'u')).close();
            return DONE;
          } catch (error) {
            expect(String(error)).toContain('got <ConnectionClose'); // instead of connection.open-ok
            return 'connection.close';
          }
        },
        begin: async () => {
          const client = await amqp(scene.ports.amqp, 'u');
          const closed = new Promise<Error & { code?: number }>((resolve) => client.once('close', resolve));
          return async () => String((await closed).code);
        },
      },
      ...saidCells<ChannelModel>(scene, (client, { exchange, key, body, headers }) =>
        channelDoes(client, async (channel) => {
          channel.publish(exchange, key, Buffer.from(body), { headers, persistent: true });
        }),
      ),
      // Keys that its sender adds.
      'several destinations': {
        denied: { topics: [{ exchange: 'amq.topic', write: '^other', read: '' }] },
        attempt: async (client) => {
          await scene.arrived();
          const answer = await channelDoes(client, async (channel) =>
            channel.publish('amq.topic', 'other', X, { CC: ['mine'] }),
          );
          expect(await scene.arrived()).toBe(answer === DONE ? 1 : 0);
          return answer;
        },
      },
      publish: {
        denied: { write: '^$' },
        attempt: (client) => channelDoes(client, async (channel) => channel.publish('amq.direct', 'x', X)),
        // The same channel knows where the address leads.
        begin: async (client) => {
          const channel = await client.createConfirmChannel();
          channel.publish('amq.direct', 'x', X);
          await channel.waitForConfirms();
          return () => answerOf(channel, async () => channel.publish('amq.direct', 'x', X));
        },
      },
      consume: {
        denied: { read: '' },
        attempt: (client) => channelDoes(client, (channel) => channel.consume('there', () => {})),
        over: 'basic.cancel',
        begin: async (client) => {
          const channel = await client.createChannel();
          let cancelled = false;
          await channel.consume('there', (message) => {
            cancelled = message === null;
          });
          return async () => {
            await until(() => cancelled, 'basic.cancel');
            return 'basic.cancel';
          };
        },
      },
      // Looks at a message and puts it back, the nearest there is to browsing.
      browse: {
        denied: { read: '' },
        attempt: (client) =>
          channelDoes(client, async (channel) => {
            await channel.get('there');
            channel.nackAll(true);
          }),
      },
      declare: {
        denied: { configure: '^z' },
        attempt: (client) => channelDoes(client, (channel) => channel.assertQueue(scene.fresh('a'))),
      },
      'passive declare': {
        denied: { configure: '^z', write: '^z', read: '^z' },
        attempt: (client) => channelDoes(client, (channel) => channel.checkQueue('there')),
      },
      bind: {
        denied: [
          { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
          { write: '^amq' },
          { read: '^there$' },
        ],
        attempt: (client) => channelDoes(client, (channel) => channel.bindQueue('there', 'amq.topic', 'mine.#')),
      },
      'bind exchanges': {
        denied: [
          { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
          { write: '^there$' },
          { read: '^there$' },
        ],
        attempt: (client) =>
          channelDoes(client, (channel) => channel.bindExchange('amq.fanout', 'amq.topic', 'mine.#')),
      },
      delete: {
        denied: { configure: '' },
        attempt: async (client) => {
          await scene.adminChannel.assertQueue('short');
          return channelDoes(client, (channel) => channel.deleteQueue('short'));
        },
      },
      purge: {
        denied: { read: '' },
        attempt: (client) => channelDoes(client, (channel) => channel.purgeQueue('there')),
      },
      'dead-letter': {
        denied: [{ write: '^there$' }, { read: '^there$' }],
        attempt: (client) =>
          channelDoes(client, (c) => c.assertQueue(scene.fresh('d'), { deadLetterExchange: 'amq.fanout' })),
      },
      'alternate exchange': {
        denied: [{ write: '^there$' }, { read: '^there$' }],
        attempt: (client) =>
          channelDoes(client, (c) => c.assertExchange(scene.fresh('e'), 'direct', { alternateExchange: 'amq.fanout' })),
      },
      'reply-to': {
        // Who listens there needs nothing; who answers publishes to the default exchange.
        denied: { write: '^amq\\.topic$' },
        attempt: (client) =>
          channelDoes(client, async (channel) => {
            await channel.consume('amq.rabbitmq.reply-to', () => {}, { noAck: true });
            channel.publish('', 'amq.rabbitmq.reply-to.somebody', X);
          }),
      },
      transaction: {
        denied: { write: '^$' },
        attempt: async (client) => {
          await scene.arrived();
          const channel = (await client.createChannel()) as ConfirmChannel;
          const answer = await answerOf(channel, async () => {
            await transactional(channel);
            channel.publish('amq.topic', 'tx', X);
            await commit(channel);
          });
          expect(await scene.arrived()).toBe(answer === DONE ? 1 : 0);
          return answer;
        },
        // Published while it was permitted, and committed when it is not.
        begin: async (client) => {
          await scene.arrived();
          const channel = (await client.createChannel()) as ConfirmChannel;
          await transactional(channel);
          channel.publish('amq.topic', 'tx', X);
          await channel.checkExchange('amq.topic');
          return async () => {
            const answer = await answerOf(channel, () => commit(channel));
            expect(await scene.arrived()).toBe(0);
            return answer;
          };
        },
      },
    },
  });
}
