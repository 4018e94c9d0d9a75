/** Pulling over `/v1/`: messages held by tokens, for a while. */
import type { ConfirmChannel } from 'amqplib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { until, untilAsked } from '../../support/until.ts';
import { fill, startV1, type V1Broker } from './harness.ts';

interface Pulled {
  readonly token: string;
  readonly body: string;
  readonly redelivered: boolean;
  readonly attempts: number;
}

let broker: V1Broker;
let clock: ManualClock;
let channel: ConfirmChannel;
const post = (path: string, body: unknown, login?: string) =>
  broker.ask(path, { method: 'POST', body, ...(login !== undefined && { login }) });
const pull = async (body: object = {}, queue = 'q'): Promise<readonly Pulled[]> =>
  (await post(`/vhosts/%2F/queues/${queue}/pull`, body)).body.messages;
const end = async (how: 'ack' | 'nack' | 'renew', tokens: readonly string[], more: object = {}) =>
  (await post(`/leases/${how}`, { tokens, ...more })).body;
const bodies = (pulled: readonly Pulled[]) => pulled.map(({ body }) => body);
const waiting = async (queue = 'q') => (await channel.checkQueue(queue)).messageCount;

beforeEach(async () => {
  clock = new ManualClock();
  broker = await startV1({ clock });
  channel = await broker.channel();
  await channel.assertQueue('q');
});
afterEach(() => broker.close());

describe('a pull', () => {
  it('takes as many as are asked for, in order, and holds them until they are ended', async () => {
    await fill(channel, 'q', ['1', '2', '3']);
    const first = await pull({ max: 2 });
    expect(bodies(first)).toEqual(['1', '2']);
    expect(await waiting()).toBe(1);
    const all = first.map(({ token }) => token);
    expect(await end('ack', all)).toEqual({ done: 2, gone: [] });
    expect(await end('ack', all)).toEqual({ done: 0, gone: all });
    expect(bodies(await pull({ max: 9 }))).toEqual(['3']);
  });

  it('without a wait is answered at once where there is nothing', async () => {
    let answered = false;
    const asked = pull().then((pulled) => {
      answered = true;
      return pulled;
    });
    await until(() => {
      clock.advance(20);
      return answered;
    }, 'an answer');
    expect(await asked).toEqual([]);
  });

  it('waits for the first that comes', async () => {
    const asked = pull({ waitMs: 60_000, max: 5 });
    await untilAsked(async () => (await channel.checkQueue('q')).consumerCount === 1, 'it waits');
    await fill(channel, 'q', ['late']);
    expect(bodies(await asked)).toEqual(['late']);
    expect(await channel.checkQueue('q')).toMatchObject({ messageCount: 0, consumerCount: 0 });
  });

  it('takes what a selector finds, past others', async () => {
    await fill(channel, 'q', ['no']);
    await fill(channel, 'q', ['yes'], { headers: { wanted: true } });
    expect(bodies(await pull({ max: 5, selector: 'wanted = TRUE' }))).toEqual(['yes']);
    expect(await waiting()).toBe(1);
  });

  it('gives back what nobody has ended when its time is up, as a failed attempt; its token is nobody’s then', async () => {
    await channel.assertQueue('quorum', { arguments: { 'x-queue-type': 'quorum' } });
    await fill(channel, 'quorum', ['m']);
    const [held] = await pull({ leaseMs: 5_000 }, 'quorum');
    clock.advance(4_900);
    expect(await waiting('quorum')).toBe(0);
    clock.advance(200);
    const [again] = await pull({ leaseMs: 5_000 }, 'quorum');
    expect(again).toMatchObject({ body: 'm', redelivered: true, attempts: 1 });
    expect(again!.token).not.toBe(held!.token);
    expect(await end('ack', [held!.token])).toEqual({ done: 0, gone: [held!.token] });
    expect(await end('ack', [again!.token])).toEqual({ done: 1, gone: [] });
  });

  it('is held longer by a renewal, from then on, and shorter too', async () => {
    await fill(channel, 'q', ['long', 'short']);
    const [long, short] = await pull({ max: 2, leaseMs: 5_000 });
    clock.advance(4_000);
    expect(await end('renew', [long!.token], { leaseMs: 10_000 })).toEqual({ done: 1, gone: [] });
    expect(await end('renew', [short!.token], { leaseMs: 100 })).toEqual({ done: 1, gone: [] });
    clock.advance(200);
    expect(await waiting()).toBe(1);
    clock.advance(9_500);
    expect(await waiting()).toBe(1);
    clock.advance(500);
    expect(await waiting()).toBe(2);
    expect(await end('renew', [long!.token])).toEqual({ done: 0, gone: [long!.token] });
  });

  it('ends as it is told to: another attempt, given back, a dead letter', async () => {
    await channel.assertQueue('dead');
    await channel.assertQueue('work', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
    await fill(channel, 'work', ['m']);
    const once = async () => (await pull({}, 'work'))[0]!;
    let held = await once();
    await end('nack', [held.token]);
    held = await once();
    expect(held).toMatchObject({ attempts: 1, redelivered: true });
    await end('nack', [held.token], { failed: false });
    held = await once();
    expect(held.attempts).toBe(1);
    expect(await end('nack', [held.token], { requeue: false })).toEqual({ done: 1, gone: [] });
    await untilAsked(async () => (await waiting('dead')) === 1, 'it has died');
  });

  it('tells how often a message came back, failed or not, where its queue counts that', async () => {
    await channel.assertQueue('counts', { arguments: { 'x-queue-type': 'quorum' } });
    for (const queue of ['counts', 'q']) await fill(channel, queue, ['m']);
    for (const queue of ['counts', 'q']) {
      for (const failed of [false, true, false]) await end('nack', [(await pull({}, queue))[0]!.token], { failed });
    }
    expect(await pull({}, 'counts')).toMatchObject([{ attempts: 1, acquired: 3 }]);
    const [held] = await pull({}, 'q');
    expect([held!.attempts, 'acquired' in held!]).toEqual([1, false]);
  });

  it('of an auto-delete queue leaves it there with what waits, as a get does', async () => {
    await channel.assertQueue('fleeting', { autoDelete: true, durable: false });
    await fill(channel, 'fleeting', ['1', '2', '3']);
    const held = await pull({ max: 2 }, 'fleeting');
    expect(await channel.checkQueue('fleeting')).toMatchObject({ messageCount: 1, consumerCount: 0 });
    await end('ack', [held[0]!.token, held[1]!.token]);
    expect(await pull({ max: 2 }, 'fleeting')).toHaveLength(1);
    expect(await channel.checkQueue('fleeting')).toMatchObject({ messageCount: 0 });
  });

  it('that waits at an auto-delete queue does not keep it when its last consumer goes', async () => {
    await channel.assertQueue('fleeting', { autoDelete: true, durable: false });
    const { consumerTag } = await channel.consume('fleeting', () => {});
    const waits = pull({ waitMs: 60_000 }, 'fleeting');
    await untilAsked(async () => (await channel.checkQueue('fleeting')).consumerCount === 2, 'it waits');
    await channel.cancel(consumerTag);
    expect(await waits).toEqual([]);
    expect((await broker.ask('/vhosts/%2F/queues/fleeting/messages')).status).toBe(404);
  });

  it('that nobody waits for any more gives back what it has got', async () => {
    const gone = new AbortController();
    const url = `http://127.0.0.1:${broker.port('http')}/v1/vhosts/%2F/queues/q/pull`;
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
    const asked = fetch(url, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ waitMs: 60_000 }),
      signal: gone.signal,
    });
    await untilAsked(async () => (await channel.checkQueue('q')).consumerCount === 1, 'it waits');
    gone.abort();
    await expect(asked).rejects.toThrow();
    await untilAsked(async () => (await channel.checkQueue('q')).consumerCount === 0, 'it has gone');
  });

  it('is refused in words', async () => {
    expect((await post('/vhosts/%2F/queues/none/pull', {})).status).toBe(404);
    expect((await post('/vhosts/%2F/queues/q/pull', { max: 0 })).status).toBe(400);
    expect((await post('/vhosts/%2F/queues/q/pull', { selector: '((' })).status).toBe(400);
    expect(await end('ack', ['made-up'])).toEqual({ done: 0, gone: ['made-up'] });
  });
});

it('what was held when the broker stopped is in its queue afterwards', () =>
  withTemporaryDirectory(async (data) => {
    const first = await startV1({ data });
    const sender = await first.channel();
    await sender.assertQueue('kept');
    await fill(sender, 'kept', ['m'], { persistent: true });
    const held = await first.ask('/vhosts/%2F/queues/kept/pull', { method: 'POST', body: { leaseMs: 3_600_000 } });
    expect(held.body.messages).toHaveLength(1);
    await first.close();
    const second = await startV1({ data });
    expect((await (await second.channel()).checkQueue('kept')).messageCount).toBe(1);
    await second.close();
  }));

describe('a pulled message that is parked', () => {
  it('is listed, comes to who asks for its token ahead of the rest, and to nobody else before its time', async () => {
    await fill(channel, 'q', ['1', '2', '3']);
    const [first, second] = await pull({ max: 2 });
    const parked = { deferralToken: 'job-1', deliveryDelay: 3_600_000 };
    expect((await post('/leases/defer', { tokens: [first!.token], ...parked })).body).toEqual({ done: 1, gone: [] });
    expect((await post('/leases/defer', { tokens: [first!.token], ...parked })).body.gone).toEqual([first!.token]);
    const { total, messages } = (await broker.ask('/vhosts/%2F/queues/q/deferred')).body;
    expect([total, messages.map(({ token }: { token: string }) => token)]).toEqual([1, ['job-1']]);
    await end('nack', [second!.token]);
    expect(bodies(await pull({ max: 9, deferralTokens: ['job-1', 'none'] }))).toEqual(['1', '2', '3']);
    expect((await broker.ask('/vhosts/%2F/queues/q/deferred')).body).toEqual({ total: 0, messages: [] });
  });

  it.each([
    [{ deferralToken: 'x' }, 'needs deliveryTime or deliveryDelay'],
    [{ deferralToken: 'é'.repeat(128), deliveryDelay: 1 }, '255 bytes'],
  ])('must say when it is to be back, and a token that is none is refused: %j', async (body, why) => {
    const refused = await post('/leases/defer', { tokens: ['t'], ...body });
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([expect.any(Number), expect.stringContaining(why)]);
    expect(refused.status).toBeGreaterThanOrEqual(400);
  });
});
