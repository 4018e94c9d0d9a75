/** Temporary queues: made by a reply-to or a SUBSCRIBE, of one session only. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start({ subscriptionsMax: 4 });
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

const gone = (client: RawClient): Promise<void> => {
  const sessions = harness.broker.sessionCount;
  client.cut();
  return until(() => harness.broker.sessionCount === sessions - 1, 'the session to end');
};

describe('a temporary queue', () => {
  test('is made by a reply-to, and its replies come by themselves', async () => {
    const asker = await harness.open();
    const answerer = await harness.open();
    await subscribe(answerer, '/queue/rpc');
    for (const question of ['1', '2']) {
      asker.send(
        'SEND',
        { destination: '/queue/rpc', 'reply-to': '/temp-queue/answers', 'correlation-id': question },
        '?',
      );
      const frame = await answerer.next('MESSAGE');
      const replyTo = header(frame, 'reply-to')!;
      expect(replyTo).toMatch(/^\/reply-queue\/amq\.gen-/);
      expect(header(frame, 'correlation-id')).toBe(question);
      answerer.send('SEND', { destination: replyTo, 'correlation-id': question }, '!');
      const answer = await asker.next('MESSAGE');
      expect([header(answer, 'subscription'), header(answer, 'correlation-id')]).toEqual([
        '/temp-queue/answers',
        question,
      ]);
      expect(header(answer, 'ack')).toBeUndefined();
    }
  });

  test("goes with its session, and is nobody else's", async () => {
    const asker = await harness.open();
    const answerer = await harness.open();
    await subscribe(answerer, '/queue/rpc');
    asker.send('SEND', { destination: '/queue/rpc', 'reply-to': '/temp-queue/answers' }, '?');
    const replyTo = header(await answerer.next('MESSAGE'), 'reply-to')!;
    const thief = await harness.open();
    expect(header(await thief.refused('SUBSCRIBE', { id: '1', destination: replyTo }), 'message')).toBe(
      'resource_locked',
    );
    await gone(asker);
    await answerer.confirmed('SEND', { destination: replyTo }, 'Subscription not found');
    expect(harness.stats.unroutable).toBe(1);
  });

  test('can be subscribed to, as with ActiveMQ, and then only that subscription gets the replies', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: 'mine', destination: '/temp-queue/t' });
    await client.confirmed('SUBSCRIBE', { id: 'rpc', destination: '/queue/rpc' });
    client.send('SEND', { destination: '/queue/rpc', 'reply-to': '/temp-queue/t' }, '?');
    const replyTo = header(await client.next('MESSAGE'), 'reply-to')!;
    client.send('SEND', { destination: replyTo }, '!');
    expect(header(await client.next('MESSAGE'), 'subscription')).toBe('mine');
  });

  test('that was taken over takes no place for the subscription that a reply-to had made', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: 'rpc', destination: '/queue/rpc' });
    for (const name of ['t', 'u']) {
      client.send('SEND', { destination: '/queue/rpc', 'reply-to': `/temp-queue/${name}` }, '?');
      await client.next('MESSAGE');
      await client.confirmed('SUBSCRIBE', { id: name, destination: `/temp-queue/${name}` });
    }
    // There is room for four, and these are three; while a reply-to's is taken over there are four.
    expect(header(await client.refused('UNSUBSCRIBE', { id: '/temp-queue/t' }), 'message')).toBe(
      'No subscription found',
    );
  });

  test('that was taken over is subscribed to by a reply-to again, once the client does not listen any more', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: 'rpc', destination: '/queue/rpc' });
    const ask = async (): Promise<string> => {
      client.send('SEND', { destination: '/queue/rpc', 'reply-to': '/temp-queue/t' }, '?');
      return header(await client.next('MESSAGE'), 'reply-to')!;
    };
    const answered = async (replyTo: string): Promise<string | undefined> => {
      client.send('SEND', { destination: replyTo }, '!');
      return header(await client.next('MESSAGE'), 'subscription');
    };
    expect(await answered(await ask())).toBe('/temp-queue/t');
    await client.confirmed('SUBSCRIBE', { id: 'mine', destination: '/temp-queue/t' });
    expect(await answered(await ask())).toBe('mine');
    await client.confirmed('UNSUBSCRIBE', { id: 'mine' });
    expect(await answered(await ask())).toBe('/temp-queue/t');
  });

  test('that a reply-to made can be taken over', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: 'rpc', destination: '/queue/rpc' });
    client.send('SEND', { destination: '/queue/rpc', 'reply-to': '/temp-queue/t' }, '?');
    const replyTo = header(await client.next('MESSAGE'), 'reply-to')!;
    await client.confirmed('SUBSCRIBE', { id: 'mine', destination: '/temp-queue/t', ack: 'client' });
    client.send('SEND', { destination: replyTo }, '!');
    const answer = await client.next('MESSAGE');
    expect([header(answer, 'subscription'), header(answer, 'ack') === undefined]).toEqual(['mine', false]);
  });
});
