import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StompHarness } from '../harness.ts';
import { header, ownHeaders, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

describe('a message', () => {
  test('arrives with its bytes and its headers', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    const body = Buffer.from(Array.from({ length: 512 }, (_, i) => i & 255));
    client.send(
      'SEND',
      { destination: '/queue/q', foo: 'b\\ca\\nr', 'content-length': '512', persistent: 'true', ünï: 'cødé' },
      body,
    );
    const frame = await client.next('MESSAGE');
    expect(frame.body).toEqual(body);
    expect(frame.lines.slice(0, 5).map(([name]) => name)).toEqual([
      'subscription',
      'message-id',
      'destination',
      'content-length',
      'persistent',
    ]); // prettier-ignore
    expect(header(frame, 'destination')).toBe('/queue/q');
    expect(ownHeaders(frame)).toEqual([
      ['persistent', 'true'],
      ['foo', 'b\\ca\\nr'],
      ['ünï', 'cødé'],
    ]);
  });

  test('without a body, and one that is text', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    client.send('SEND', { destination: '/queue/q' });
    client.send('SEND', { destination: '/queue/q', a: 'b' }, 'text');
    expect((await client.next('MESSAGE')).body).toHaveLength(0);
    const frame = await client.next('MESSAGE');
    expect([frame.body.toString(), ownHeaders(frame)]).toEqual(['text', [['a', 'b']]]);
  });

  test.each([
    ['1.0', '1.0', { a: 'x:y\\z' }, [['a', 'x:y\\z']]],
    ['1.0', '1.2', { a: 'x:y\\z' }, [['a', 'x\\cy\\\\z']]],
    ['1.2', '1.0', { a: 'x\\cy\\\\z\\rw', b: 'no\\nway', 'c\\cd': '1' }, [['a', 'x:y\\z\rw']]],
    ['1.2', '1.1', { a: 'x\\cy\\\\z\\rw\\n' }, [['a', 'x\\cy\\\\z\rw\\n']]],
    ['1.1', '1.2', { a: 'x\\cy' }, [['a', 'x\\cy']]],
  ])('from %s to %s says the same', async (from, to, headers, expected) => {
    const publisher = await harness.open(from);
    const consumer = await harness.open(to);
    await subscribe(consumer, '/queue/q');
    publisher.send('SEND', { destination: '/queue/q', ...headers }, 'x');
    expect(ownHeaders(await consumer.next('MESSAGE'))).toEqual(expected);
    if (to === '1.0' && Object.keys(headers).length > 1) expect(harness.stats.lossyConversions).toBe(2);
  });

  test("cannot bring headers that are the broker's", async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q', { ack: 'client-individual' });
    client.write(
      'SEND\ndestination:/queue/q\nmessage-id:m\nsubscription:evil\nack:evil\nredelivered:true\ndestination:/queue/r\nx:y\n\nz\0',
    );
    const frame = await client.next('MESSAGE');
    expect(frame.lines.map(([name]) => name)).toEqual(['subscription', 'message-id', 'ack', 'destination', 'x']);
    expect(header(frame, 'subscription')).toBe('1');
    expect(harness.stats.headersStripped).toBe(4);
  });

  test('to many subscribers is the same for each but for its own headers', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, (_, i) => harness.open(i === 4 ? '1.0' : '1.2')));
    for (const [i, client] of clients.entries())
      await client.confirmed('SUBSCRIBE', { id: `s${i}`, destination: '/topic/a.*' });
    for (const key of ['a.b', 'a.c', 'a.b'])
      clients[0]!.send('SEND', { destination: `/topic/${key}`, h: `${key}\\c` }, `to ${key}`);
    for (const [i, client] of clients.entries()) {
      for (const key of ['a.b', 'a.c', 'a.b']) {
        const frame = await client.next('MESSAGE');
        expect(header(frame, 'subscription')).toBe(`s${i}`);
        expect(header(frame, 'destination')).toBe(`/topic/${key}`);
        expect(header(frame, 'h')).toBe(i === 4 ? `${key}:` : `${key}\\c`);
        expect(frame.body.toString()).toBe(`to ${key}`);
      }
    }
  });

  test('that is not taken by any queue is counted', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/topic/nobody' }, 'x');
    expect(harness.stats.unroutable).toBe(1);
  });
});

describe('SEND is refused', () => {
  test.each<[string, Record<string, string>, string]>([
    ['without a destination', {}, 'Missing destination'],
    ['to no such exchange', { destination: '/exchange/nowhere/k' }, 'not_found'],
    ['to a strange destination', { destination: '/somewhere/x' }, 'Unknown destination'],
    [
      'to more destinations than there may be',
      { destination: Array(65).fill('/queue/q').join(',') },
      'Invalid destination',
    ],
    ['to a list with one that is none', { destination: '/queue/q,/queue/' }, 'Invalid destination'],
    ['with a priority that is none', { destination: '/queue/q', priority: 'high' }, 'Invalid header'],
    ['with a priority that is too high', { destination: '/queue/q', priority: '256' }, 'Invalid header'],
    ['with an expiration that is none', { destination: '/queue/q', expiration: '1s' }, 'precondition_failed'],
    ["in someone else's name", { destination: '/queue/q', 'user-id': 'root' }, 'precondition_failed'],
    ['with a delay that is none', { destination: '/queue/q', AMQ_SCHEDULED_DELAY: '-1' }, 'Invalid header'],
    ['with a delay past 49 days', { destination: '/queue/q', AMQ_SCHEDULED_DELAY: '4294967296' }, 'Invalid header'],
    ['again and again, all at once', { destination: '/queue/q', AMQ_SCHEDULED_REPEAT: '3' }, 'Invalid header'],
    [
      'again, less often than for ever',
      { destination: '/queue/q', AMQ_SCHEDULED_PERIOD: '5', AMQ_SCHEDULED_REPEAT: '-2' },
      'Invalid header',
    ],
    [
      'again and again, to several',
      { destination: '/queue/q,/queue/r', AMQ_SCHEDULED_PERIOD: '5', AMQ_SCHEDULED_REPEAT: '1' },
      'Invalid header',
    ],
    ['every so often', { destination: '/queue/q', AMQ_SCHEDULED_PERIOD: 'often' }, 'Invalid header'],
    ['by a calendar that is none', { destination: '/queue/q', AMQ_SCHEDULED_CRON: '0 * * *' }, 'Invalid header'],
    [
      'by a calendar in runs that do not end',
      {
        destination: '/queue/q',
        AMQ_SCHEDULED_CRON: '0 * * * *',
        AMQ_SCHEDULED_PERIOD: '5',
        AMQ_SCHEDULED_REPEAT: '-1',
      },
      'Invalid header',
    ],
    ['in no such transaction', { destination: '/queue/q', transaction: 't' }, 'Bad transaction'],
  ])('%s', async (_, headers, message) => {
    const client = await harness.open();
    const error = await client.refused('SEND', { ...headers, receipt: 'r-1' }, 'x');
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual([message, 'r-1']);
    expect(error.body.length).toBeGreaterThan(20);
  });
});
