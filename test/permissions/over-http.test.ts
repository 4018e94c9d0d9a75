/** What goes on for long over HTTP, or is held by tokens, and the permission that it began with. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DOT, type Session } from '../../src/api/index.ts';
import { MessageFilter } from '../../src/operator/messages/filter.ts';
import { amqp, type RuledBroker, startRuledBroker } from './harness.ts';

const QUEUES = '/v1/vhosts/%2F/queues';
let broker: RuledBroker;

beforeEach(async () => {
  broker = await startRuledBroker();
  for (const user of ['u', 'v']) {
    broker.rules.set(user, {});
    broker.rules.setTags(user, ['management']);
  }
  const admin = await amqp(broker.ports.amqp, 'admin');
  const channel = await admin.createConfirmChannel();
  await channel.assertQueue('q');
  for (let i = 0; i < 5; i++) channel.sendToQueue('q', Buffer.from(String(i)));
  await channel.waitForConfirms();
  await admin.close();
});
afterEach(() => broker.stop());

async function ask(user: string, path: string, body: object): Promise<{ status: number; body: Record<string, never> }> {
  const response = await fetch(`http://127.0.0.1:${broker.ports.http}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:p`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
}

it.each([
  ['copied', true],
  ['moved', false],
])('what is being %s stops where the right to read it is taken away', async (_, keep) => {
  const { operator } = broker.running;
  const session = operator.enter({ user: 'u' }, '/', { uncongested() {}, kicked() {} }) as Session;
  const key = Buffer.from('other');
  session.declareQueue('other', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
  let seen = 0;
  const result = await operator.messages.relocate('/', 'q', {
    ...{ keep, limit: 100, from: 'oldest', filter: new MessageFilter(undefined, undefined) },
    to: () => {
      if (++seen === 2) broker.rules.set('u', { read: '' });
      return session.route('', DOT, key, 0, key.length);
    },
    mayRead: () => session.mayRead('q'),
  });
  expect(result).toMatchObject({ done: 2, stopped: 'access-refused' });
  expect(session.checkQueue('other').messages).toBe(2);
  expect(session.checkQueue('q').messages).toBe(keep ? 5 : 3);
  session.close(true);
});

describe('a token', () => {
  const pull = async (user: string, more: object = {}): Promise<{ token: string; body: string }[]> =>
    (await ask(user, `${QUEUES}/q/pull`, more)).body['messages'] ?? [];

  it("of another user's lease does nothing", async () => {
    const [held] = await pull('u');
    for (const [how, more] of [['ack'], ['nack'], ['renew'], ['defer', { deliveryDelay: 1_000 }]] as const) {
      const { body } = await ask('v', `/v1/leases/${how}`, { tokens: [held!.token], ...more });
      expect(body).toEqual({ done: 0, gone: [held!.token] });
    }
    expect((await ask('u', '/v1/leases/ack', { tokens: [held!.token] })).body).toEqual({ done: 1, gone: [] });
  });

  it('under which a message is parked brings it to nobody who may not read the queue', async () => {
    const [held] = await pull('u');
    const parked = { tokens: [held!.token], deferralToken: 'later', deliveryDelay: 3_600_000 };
    expect((await ask('u', '/v1/leases/defer', parked)).body).toEqual({ done: 1, gone: [] });
    const claim = { max: 1, deferralTokens: ['later'] };
    broker.rules.set('v', { read: '^other$' });
    expect((await ask('v', `${QUEUES}/q/pull`, claim)).status).toBe(403);
    expect(await pull('u', claim)).toMatchObject([{ body: held!.body }]);
  });
});
