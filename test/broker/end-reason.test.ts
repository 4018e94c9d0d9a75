/** Why a client was ended is in the log, whoever has ended it: an operator, a vhost that goes, rights that are taken away. */
import amqp from 'amqplib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createBroker, type RunningBroker } from '../../src/index.ts';
import { until } from '../support/until.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const lines: [Record<string, unknown>, string][] = [];
let broker: RunningBroker;

beforeEach(async () => {
  lines.length = 0;
  const note = (...line: unknown[]): void => void lines.push(line as [Record<string, unknown>, string]);
  broker = await createBroker({
    listen: ['amqp://127.0.0.1:0'],
    logger: { debug: () => {}, info: note, warn: note, error: note },
  });
  await broker.users.put('ann', { password: 'pw', tags: [] });
  await broker.operator.vhosts.put('brief', { description: '', tags: [] });
  await broker.users.setPermissions('ann', 'brief', ALL);
});
afterEach(() => broker.close());

it.each<[string, () => unknown, RegExp]>([
  ['an operator', () => [...broker.operator.connections.of('ann')][0]!.close('enough now'), /^enough now$/],
  ['the end of its vhost', () => broker.operator.vhosts.delete('brief'), /^vhost 'brief' is deleted$/],
  ['rights taken away', () => broker.users.clearPermissions('ann', 'brief'), /refused for user 'ann'$/],
])('by %s', async (_who, end, reason) => {
  const client = await amqp.connect(`amqp://ann:pw@127.0.0.1:${broker.port('amqp')}/brief`);
  client.on('error', () => {});
  const closed = new Promise((resolve) => client.on('close', resolve));
  void end();
  await closed;
  const left = () => lines.find(([, text]) => text === 'a client has left');
  await until(() => left() !== undefined, 'the line of it');
  expect(left()![0]).toMatchObject({ user: 'ann', vhost: 'brief', reason: expect.stringMatching(reason) });
});

it('not where the client leaves by itself', async () => {
  const client = await amqp.connect(`amqp://ann:pw@127.0.0.1:${broker.port('amqp')}/brief`);
  await client.close();
  await until(() => lines.some(([, text]) => text === 'a client has left'), 'the line of it');
  expect(lines.find(([, text]) => text === 'a client has left')![0]).not.toHaveProperty('reason');
});
