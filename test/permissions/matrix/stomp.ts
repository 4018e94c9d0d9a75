/** STOMP: a refusal is an ERROR whose `message` is RabbitMQ's `access_refused`, and the end of the connection. */
import { expect } from 'vitest';
import { header, RawClient } from '../../protocols/stomp/raw-client.ts';
import { until } from '../../support/until.ts';
import { type Answer, DONE, ONLY_HTTP, type Side, sideOf } from './cells.ts';
import { saidCells } from './said.ts';
import type { Scene } from './scene.ts';

const REFUSED = 'ERROR access_refused';
const TOPIC = '/exchange/amq.topic/k';

/** A frame, and what is answered to its receipt. */
async function asks(client: RawClient, command: string, headers: Record<string, string>): Promise<Answer> {
  client.send(command, { ...headers, receipt: 'r' });
  return answered(client);
}

/** Several of them, as far as they are permitted. */
async function asksAll(client: RawClient, frames: readonly [string, Record<string, string>][]): Promise<Answer> {
  for (const [command, headers] of frames) {
    const answer = await asks(client, command, headers);
    if (answer !== DONE) return answer;
  }
  return DONE;
}

async function answered(client: RawClient): Promise<Answer> {
  await until(() => client.frames.some(({ command }) => command !== 'MESSAGE') || client.ended, 'an answer');
  const [frame] = client.frames.splice(
    client.frames.findIndex(({ command }) => command !== 'MESSAGE'),
    1,
  );
  if (frame === undefined) throw new Error('the connection ended without a word');
  if (frame.command === 'RECEIPT') return DONE;
  expect(String(frame.body)).toMatch(/access to (.* in )?vhost '\/' refused for user 'u'|may not read it any more/);
  await client.untilEnded();
  return `${frame.command} ${header(frame, 'message')}`;
}

export function stompSide(scene: Scene): Side {
  const open = (user: string): Promise<RawClient> =>
    RawClient.open(scene.ports.stomp, '1.2', { login: user, passcode: 'p' });
  const subscription = (destination: string, more: Record<string, string> = {}) => ({
    attempt: (client: RawClient) =>
      asksAll(client, [
        ['SUBSCRIBE', { destination, id: '1', ...more }],
        ['UNSUBSCRIBE', { id: '1' }],
      ]),
    begin: async (client: RawClient) => {
      expect(await asks(client, 'SUBSCRIBE', { destination, id: '1', ...more })).toBe(DONE);
      return () => answered(client);
    },
  });
  return sideOf<RawClient>({
    refused: REFUSED,
    connect: () => open('u'),
    leave: (client) => client.cut(),
    none: {
      'passive declare': 'has no frame for it',
      purge: 'has no frame for it',
      'bind exchanges': 'has no frame for it',
      will: 'has no wills',
      retained: 'retains nothing',
      share: 'has no filters to share: subscriptions of one queue share it, which is consume',
      'alternate exchange': 'declares no exchanges',
      ...ONLY_HTTP,
    },
    cells: {
      enter: {
        denied: undefined,
        comes: true,
        refused: 'ERROR Bad CONNECT',
        over: 'ERROR Closed by an operator',
        attempt: async () => {
          try {
            (await open('u')).cut();
            return DONE;
          } catch (error) {
            expect(String(error)).toContain('Access refused.');
            return `ERROR ${/"message","(.*?)"/.exec(String(error))?.[1]}`;
          }
        },
        begin: async () => {
          const client = await open('u');
          return () => answered(client);
        },
      },
      ...saidCells<RawClient>(scene, async (client, { exchange, key, body, headers }) => {
        const said = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
        const destination = `/exchange/${exchange}/${key}`;
        client.send('SEND', { destination, persistent: 'true', ...said, receipt: 'r' }, body);
        return answered(client);
      }),
      schedule: {
        denied: { topics: [{ exchange: 'amq.topic', write: '^other', read: '' }] },
        attempt: async (client) => {
          const { schedules } = scene.broker.running.operator;
          const before = schedules.list('/').total;
          const every = { AMQ_SCHEDULED_PERIOD: '3600000', AMQ_SCHEDULED_REPEAT: '1' };
          const answer = await asks(client, 'SEND', { destination: '/topic/mine', ...every });
          expect(schedules.list('/').total - before).toBe(answer === DONE ? 1 : 0);
          return answer;
        },
      },
      'several destinations': {
        denied: { topics: [{ exchange: 'amq.topic', write: '^other', read: '' }] },
        attempt: async (client) => {
          await scene.arrived();
          const answer = await asks(client, 'SEND', { destination: '/topic/other,/topic/mine' });
          expect(await scene.arrived()).toBe(answer === DONE ? 2 : 0);
          return answer;
        },
      },
      'virtual topic': {
        denied: { read: '^there$' },
        over: OVER,
        ...subscription('/queue/Consumer.A.VirtualTopic.mine'),
      },
      publish: { denied: { write: '' }, attempt: (client) => asks(client, 'SEND', { destination: TOPIC }) },
      consume: { denied: { read: '' }, over: OVER, ...subscription('/amq/queue/there') },
      browse: {
        denied: { read: '' },
        attempt: async (client) => {
          const done = await asksAll(client, [
            ['SUBSCRIBE', { destination: '/amq/queue/there', id: '1', browser: 'true' }],
            ['UNSUBSCRIBE', { id: '1' }],
          ]);
          return done;
        },
      },
      declare: {
        denied: { configure: '^z' },
        attempt: (client) => asks(client, 'SEND', { destination: `/queue/${scene.fresh('s')}` }),
      },
      bind: {
        denied: { topics: [{ exchange: 'amq.topic', write: '', read: '^other' }] },
        over: OVER,
        ...subscription('/topic/mine'),
      },
      delete: {
        denied: { configure: '^z' },
        // A durable subscription that another client has left behind.
        attempt: async (client) => {
          const named = { 'client-id': 'left', 'durable-subscription-name': scene.fresh('d'), id: '1' };
          const other = await open('admin');
          expect(await asks(other, 'SUBSCRIBE', { destination: '/topic/mine', ...named })).toBe(DONE);
          other.cut();
          const queue = `left.${named['durable-subscription-name']}`;
          const used = async (): Promise<number> => (await scene.adminChannel.checkQueue(queue)).consumerCount;
          for (let i = 0; i < 200 && (await used()) > 0; i++);
          const answer = await asks(client, 'UNSUBSCRIBE', named);
          expect(scene.queues().includes(queue)).toBe(answer !== DONE);
          return answer;
        },
      },
      'dead-letter': {
        denied: { write: '^there$' },
        attempt: (client) => {
          const id = scene.fresh('l');
          return asks(client, 'SUBSCRIBE', {
            ...{ destination: `/queue/${id}`, id, 'x-dead-letter-exchange': 'amq.fanout' },
          });
        },
      },
      'reply-to': {
        denied: { configure: '^there$' },
        attempt: (client) =>
          asks(client, 'SEND', { destination: '/queue/there', 'reply-to': `/temp-queue/${scene.fresh('r')}` }),
      },
      transaction: {
        denied: { write: '' },
        attempt: async (client) => {
          await scene.arrived();
          const answer = await asksAll(client, [
            ['BEGIN', { transaction: 't' }],
            ['SEND', { destination: TOPIC, transaction: 't' }],
            ['COMMIT', { transaction: 't' }],
          ]);
          expect(await scene.arrived()).toBe(answer === DONE ? 1 : 0);
          return answer;
        },
        // Sent while it was permitted, and committed when it is not.
        begin: async (client) => {
          await scene.arrived();
          const sent = await asksAll(client, [
            ['BEGIN', { transaction: 't' }],
            ['SEND', { destination: TOPIC, transaction: 't' }],
          ]);
          expect(sent).toBe(DONE);
          return async () => {
            const answer = await asks(client, 'COMMIT', { transaction: 't' });
            expect(await scene.arrived()).toBe(0);
            return answer;
          };
        },
      },
    },
  });
}

/** A subscription that ends is told in other words than one that is refused. */
const OVER = 'ERROR Server cancelled subscription';
