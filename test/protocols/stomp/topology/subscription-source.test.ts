/** The queue that a SUBSCRIBE reads: found, declared or made for it, as its destination says. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let core: Session;
beforeEach(async () => {
  harness = await StompHarness.start({ subscriptionsMax: 4 });
  core = await harness.session();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

const gone = (client: RawClient): Promise<void> => {
  const sessions = harness.broker.sessionCount;
  client.cut();
  return until(() => harness.broker.sessionCount === sessions - 1, 'the session to end');
};

describe('the destination', () => {
  test.each([
    ['/queue/q', '/queue/q', '/queue/q'],
    ['q', '/queue/q', '/queue/q'],
    ['/queue/a%2Fb', '/queue/a%2Fb', '/queue/a%2Fb'],
    ['/queue/a%3Ab', '/queue/a%3Ab', '/queue/a\\cb'],
    ['/topic/a.*.c', '/topic/a.b.c', '/topic/a.b.c'],
    ['/topic/a.#', '/topic/a', '/topic/a'],
    ['/exchange/amq.direct/k', '/exchange/amq.direct/k', '/exchange/amq.direct/k'],
    ['/exchange/amq.fanout', '/exchange/amq.fanout', '/exchange/amq.fanout'],
    ['/exchange/amq.topic/#', '/topic/x', '/topic/x'],
  ])('%s gets what is sent to %s', async (from, to, shown) => {
    const client = await harness.open();
    await subscribe(client, from);
    client.send('SEND', { destination: to }, 'x');
    expect(header(await client.next('MESSAGE'), 'destination')).toBe(shown);
  });

  test('/queue/q makes a durable queue that stays', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    await gone(client);
    client.cut();
    expect(core.checkQueue('q').messages).toBe(0);
    expect(() =>
      core.declareQueue('q', { durable: true, exclusive: false, autoDelete: false, arguments: [] }),
    ).not.toThrow();
  });

  test('/queue/q takes a queue that is there as it is', async () => {
    const options = {
      durable: true,
      exclusive: false,
      autoDelete: false,
      arguments: [{ name: 'x-dead-letter-exchange', value: 'amq.topic' }],
    }; // prettier-ignore
    core.declareQueue('q', options);
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    await client.next('MESSAGE');
  });

  test('/queue/q with headers declares what they say, and is refused if the queue is another one', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q', { 'x-dead-letter-exchange': 'amq.topic', 'x-dead-letter-routing-key': '1' });
    const other = await harness.open();
    const error = await other.refused('SUBSCRIBE', {
      id: '1',
      destination: '/queue/q',
      'x-dead-letter-exchange': 'amq.topic',
    });
    expect(header(error, 'message')).toBe('precondition_failed');
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
  });

  test('/queue/q with exclusive and auto-delete', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/mine', { exclusive: 'true' });
    await client.confirmed('SUBSCRIBE', {
      id: '2',
      destination: '/queue/brief',
      'auto-delete': 'true',
      durable: 'false',
    });
    expect(core.queueExists('brief')).toBe(true);
    const other = await harness.open();
    expect(header(await other.refused('SUBSCRIBE', { id: '1', destination: '/queue/mine' }), 'message')).toBe(
      'resource_locked',
    );
    await client.confirmed('UNSUBSCRIBE', { id: '2' });
    expect(core.queueExists('brief')).toBe(false);
    await gone(client);
    expect(core.queueExists('mine')).toBe(false);
  });

  test('/amq/queue/q must be there', async () => {
    const client = await harness.open();
    const error = await client.refused('SUBSCRIBE', { id: '1', destination: '/amq/queue/q' });
    expect([header(error, 'message'), error.body.toString()]).toEqual([
      'not_found',
      "NOT_FOUND - no queue 'q' in vhost '/'\n",
    ]);
    core.declareQueue('q', { durable: false, exclusive: false, autoDelete: false, arguments: [] });
    const again = await harness.open();
    await subscribe(again, '/amq/queue/q');
    again.send('SEND', { destination: '/amq/queue/q' }, 'x');
    await again.next('MESSAGE');
  });

  test('/exchange/x must be there, and no queue is left of the attempt', async () => {
    const client = await harness.open();
    const error = await client.refused('SUBSCRIBE', { id: '1', destination: '/exchange/x/k', 'x-queue-name': 'left' });
    expect(header(error, 'message')).toBe('not_found');
    expect(core.queueExists('left')).toBe(false);
  });

  test('/topic/k gives each subscription its own copy, and leaves no queue behind', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/topic/k', 'x-queue-name': 'named' });
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/topic/*' });
    client.send('SEND', { destination: '/topic/k' }, 'x');
    const ids = [
      header(await client.next('MESSAGE'), 'subscription'),
      header(await client.next('MESSAGE'), 'subscription'),
    ];
    expect(ids.sort()).toEqual(['1', '2']);
    expect(core.queueExists('named')).toBe(true);
    await gone(client);
    expect(core.queueExists('named')).toBe(false);
  });

  test('/reply-queue/n may hold slashes', async () => {
    core.declareQueue('a/b', { durable: false, exclusive: false, autoDelete: false, arguments: [] });
    const client = await harness.open();
    await subscribe(client, '/queue/a%2Fb');
    client.send('SEND', { destination: '/reply-queue/a/b' }, 'x');
    await client.next('MESSAGE');
  });
});

describe('a durable subscription', () => {
  test.each([{ durable: 'true' }, { persistent: 'true' }])(
    'by id and %j gets what was sent while it was away, until it is unsubscribed',
    async (mark) => {
      const headers = { id: 'sub', destination: '/topic/news.#', ack: 'client-individual', ...mark } as Record<
        string,
        string
      >;
      const first = await harness.open();
      await first.confirmed('SUBSCRIBE', headers);
      await gone(first);
      const publisher = await harness.open();
      await publisher.confirmed('SEND', { destination: '/topic/news.today', persistent: 'true' }, 'x');
      const second = await harness.open();
      await second.confirmed('SUBSCRIBE', headers);
      const frame = await second.next('MESSAGE');
      expect([header(frame, 'subscription'), frame.body.toString()]).toEqual(['sub', 'x']);
      await second.confirmed('ACK', { id: header(frame, 'ack')! });
      await second.confirmed('UNSUBSCRIBE', { id: 'sub', ...mark } as Record<string, string>);
      await publisher.confirmed('SEND', { destination: '/topic/news.today', persistent: 'true' }, 'x');
      expect(harness.stats.unroutable).toBe(1);
    },
  );

  test('needs an id', async () => {
    const client = await harness.open('1.0');
    const error = await client.refused('SUBSCRIBE', { destination: '/topic/k', durable: 'true' });
    expect(header(error, 'message')).toBe('Missing Header');
  });

  test('by name, as with ActiveMQ, is one queue for client and name, and follows its topic', async () => {
    const open = (): Promise<RawClient> => harness.open('1.1', { 'client-id': 'my.client' });
    const named = { 'activemq.subscriptionName': 'news' };
    const first = await open();
    await subscribe(first, '/topic/a', named);
    expect(core.bindings('my%2Eclient.news').map((b) => b.key)).toEqual(['a']);
    await gone(first);
    const second = await open();
    await subscribe(second, '/topic/b', named);
    expect(core.bindings('my%2Eclient.news').map((b) => b.key)).toEqual(['b']);
    second.send('SEND', { destination: '/topic/a' }, 'old');
    second.send('SEND', { destination: '/topic/b' }, 'new');
    expect((await second.next('MESSAGE')).body.toString()).toBe('new');
    await gone(second);
    const third = await open();
    await third.confirmed('UNSUBSCRIBE', { id: '1', ...named });
    expect(core.queueExists('my%2Eclient.news')).toBe(false);
  });
});
