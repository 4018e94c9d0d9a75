import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { AT_LEAST_ONCE, DOT, Draft, SLASH, type Spelling } from '../../../../src/message/message.ts';
import type { Properties } from '../../../../src/message/properties.ts';
import { until } from '../../../support/until.ts';
import { OTHER_DIALECT, StompHarness } from '../harness.ts';
import { type Frame, header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

/** Publishes as another adapter would. */
function publish(
  session: Session,
  exchange: string,
  key: string,
  properties: Properties | null,
  body = 'x',
  spelling: Spelling = DOT,
): void {
  const draft = new Draft();
  draft.dialect = OTHER_DIALECT.id;
  draft.assurance = AT_LEAST_ONCE;
  draft.props = Buffer.from(properties === null ? '' : JSON.stringify(properties));
  draft.propsEnd = draft.props.length;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  const keyBytes = Buffer.from(key);
  session.publish(session.route(exchange, spelling, keyBytes, 0, keyBytes.length), draft);
}

/** Consumes as another adapter would: the neutral form of each message. */
function listen(session: Session, queue: string): { properties: Properties; body: string; key: string }[] {
  const seen: { properties: Properties; body: string; key: string }[] = [];
  const options = { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] };
  const sink = {
    deliver: (view: Parameters<Session['properties']>[0]) => {
      const body = view.body.toString('utf8', view.bodyStart, view.bodyEnd);
      seen.push({ properties: session.properties(view), body, key: view.key() });
    },
    cancelled: () => {},
  };
  session.consume(queue, options, sink, { congested: false });
  return seen;
}

const own = (frame: Frame): [string, string][] =>
  frame.lines
    .filter(([name]) => !['subscription', 'message-id', 'ack', 'destination', 'content-length'].includes(name))
    .map(([name, value]) => [name, value]);

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
    expect(own(frame)).toEqual([
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
    expect([frame.body.toString(), own(frame)]).toEqual(['text', [['a', 'b']]]);
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
    expect(own(await consumer.next('MESSAGE'))).toEqual(expected);
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

describe('receipts', () => {
  test('come in order, whatever they are for, and as they were asked for', async () => {
    const client = await harness.open();
    const ids = ['a', 'b\\cc', '', '日本', '5'];
    client.send('SUBSCRIBE', { id: '1', destination: '/queue/r', receipt: ids[0]! });
    client.send('SEND', { destination: '/queue/q', persistent: 'true', receipt: ids[1]! }, 'x');
    client.send('SEND', { destination: '/queue/q', receipt: ids[2]! }, 'x');
    client.send('BEGIN', { transaction: 't', receipt: ids[3]! });
    client.send('UNSUBSCRIBE', { id: '1', receipt: ids[4]! });
    const seen: (string | undefined)[] = [];
    for (const _ of ids) seen.push(header(await client.next('RECEIPT'), 'receipt-id'));
    expect(seen).toEqual(ids);
  });

  test('ten thousand of them', async () => {
    const client = await harness.open();
    for (let i = 0; i < 10_000; i++)
      client.send('SEND', { destination: '/queue/q', persistent: 'true', receipt: `${i}` }, 'x');
    for (let i = 0; i < 10_000; i++) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(`${i}`);
  });

  test('are not dropped when more are owed than may be', async () => {
    await harness.stop();
    harness = await StompHarness.start({ receiptsPendingMax: 4 });
    const client = await harness.open();
    client.write(
      Array.from({ length: 500 }, (_, i) => `SEND\ndestination:/queue/q\npersistent:true\nreceipt:${i}\n\nx\0`).join(
        '',
      ),
    );
    for (let i = 0; i < 500; i++) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(`${i}`);
  });
});

describe('a large body', () => {
  const MIB = 1024 * 1024;
  const large = Buffer.alloc(20 * MIB, 'The quick brown fox jumps over the lazy dog. ');
  const digest = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

  test('goes through whole, while others flow, and what is owed comes after it', async () => {
    const sender = await harness.open();
    const receiver = await harness.open();
    const other = await harness.open();
    await subscribe(receiver, '/queue/large');
    await subscribe(other, '/queue/small');
    const half = large.length / 2;
    sender.write(`SEND\ndestination:/queue/large\nfoo:bar\nreceipt:done\ncontent-length:${large.length}\n\n`);
    sender.write(large.subarray(0, half));
    // Half of it is on its way: nobody sees it, and everyone else is served.
    for (let i = 0; i < 100; i++) {
      other.send('SEND', { destination: '/queue/small' }, `${i}`);
      expect((await other.next('MESSAGE')).body.toString()).toBe(`${i}`);
    }
    expect(receiver.frames).toEqual([]);
    sender.write(large.subarray(half));
    sender.write('\0\nSEND\ndestination:/queue/large\n\nafter\0');
    receiver.send('SEND', { destination: '/queue/small', receipt: 'mine' }, 'x');
    const frames = [await receiver.next(), await receiver.next(), await receiver.next()];
    const [message, after] = frames.filter((frame) => frame.command === 'MESSAGE');
    expect(digest(message!.body)).toBe(digest(large));
    expect(header(message!, 'foo')).toBe('bar');
    expect(after!.body.toString()).toBe('after');
    expect(frames.some((frame) => header(frame, 'receipt-id') === 'mine')).toBe(true);
    expect(header(await sender.next('RECEIPT'), 'receipt-id')).toBe('done');
  }, 30_000);

  test('that is not ended by NUL is refused and never seen', async () => {
    const client = await harness.open();
    client.write(`SEND\ndestination:/queue/large\ncontent-length:200000\n\n${'x'.repeat(200_001)}`);
    expect(header(await client.error(), 'message')).toBe('Malformed frame');
    const session = await harness.session();
    expect(session.checkQueue('large').messages).toBe(0);
  });

  test('that breaks off is never seen', async () => {
    const client = await harness.open();
    client.write(`SEND\ndestination:/queue/large\ncontent-length:2000000\n\n${'x'.repeat(1_000_000)}`);
    const session = await harness.session();
    await until(() => session.queueExists('large'), 'the frame to be begun');
    client.cut();
    await until(() => harness.broker.sessionCount === 1, 'the session to end');
    expect(session.checkQueue('large').messages).toBe(0);
  });

  test('without a length is gathered, and arrives', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/large');
    const text = 'x'.repeat(1_000_000);
    client.send('SEND', { destination: '/queue/large', a: 'b' }, text);
    const frame = await client.next('MESSAGE');
    expect([frame.body.length, own(frame)]).toEqual([text.length, [['a', 'b']]]);
  });

  test.each([16 * 1024, 16 * 1024 + 1, 64 * 1024, 128 * 1024, 128 * 1024 + 1])(
    'of %d bytes, near a limit',
    async (size) => {
      const client = await harness.open();
      await subscribe(client, '/queue/q', { ack: 'client' });
      const body = large.subarray(0, size);
      for (let i = 0; i < 3; i++) client.send('SEND', { destination: '/queue/q', 'content-length': `${size}` }, body);
      for (let i = 0; i < 3; i++) expect(digest((await client.next('MESSAGE')).body)).toBe(digest(body));
    },
  );
});

describe('between protocols', () => {
  test('properties of others become headers', async () => {
    const client = await harness.open();
    await subscribe(client, '/topic/#');
    const session = await harness.session();
    const properties: Properties = {
      messageId: 'm',
      replyTo: { exchange: 'amq.topic', key: 'x.y' },
      contentType: 'application/json',
      priority: 5,
      headers: [
        { name: 'destination', value: '/queue/evil' },
        { name: 'n', value: { type: 'int32', value: 7 } },
      ],
    };
    publish(session, 'amq.topic', 'a/b.c', properties, '{}', SLASH);
    publish(session, 'amq.topic', 'a/b.c', properties, '{}', SLASH);
    for (let i = 0; i < 2; i++) {
      const frame = await client.next('MESSAGE');
      expect(header(frame, 'destination')).toBe('/topic/a.b%2Fc');
      expect(own(frame)).toEqual([
        ['persistent', 'true'],
        ['amqp-message-id', 'm'],
        ['reply-to', '/topic/x.y'],
        ['content-type', 'application/json'],
        ['priority', '5'],
        ['n', '7'],
      ]);
    }
    publish(session, 'amq.topic', 'a/b.c', { headers: [] }, '{}', SLASH);
    publish(session, 'amq.topic', 'a/b.c', null, '{}', SLASH);
    for (let i = 0; i < 2; i++) expect(own(await client.next('MESSAGE'))).toEqual([['persistent', 'true']]);
    expect(harness.stats.lossyConversions).toBe(2);
  });

  test('headers become properties of others', async () => {
    const client = await harness.open();
    const session = await harness.session();
    session.declareQueue('q', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
    const seen = listen(session, 'q');
    client.send(
      'SEND',
      { destination: '/queue/q', 'content-type': 'a/b', 'correlation-id': 'c', 'reply-to': '/queue/back', x: 'y' },
      'text',
    );
    client.send('SEND', { destination: '/amq/queue/q', 'content-length': '3' }, 'bin');
    await until(() => seen.length === 2);
    expect(seen[0]).toEqual({
      body: 'text',
      key: 'q',
      properties: {
        text: true,
        contentType: 'a/b',
        correlationId: 'c',
        replyTo: { exchange: '', key: 'back' },
        headers: [{ name: 'x', value: 'y' }],
      },
    });
    expect(seen[1]).toMatchObject({ body: 'bin', properties: { headers: [] } });
  });

  test("a dead letter tells its story in flat headers, before the publisher's own", async () => {
    const client = await harness.open();
    const dead = { 'x-dead-letter-exchange': 'amq.topic', 'x-dead-letter-routing-key': 'dead' };
    await client.confirmed('SUBSCRIBE', { id: 'w', destination: '/queue/work', ack: 'client-individual', ...dead });
    await client.confirmed('SUBSCRIBE', { id: 'd', destination: '/topic/dead' });
    client.send('SEND', { destination: '/queue/work', 'x-first-death-queue': 'forged', a: 'b' }, 'x');
    const message = await client.next('MESSAGE');
    client.send('NACK', { id: header(message, 'ack')!, requeue: 'false' });
    const letter = await client.next('MESSAGE');
    expect(header(letter, 'subscription')).toBe('d');
    expect(Object.fromEntries([...own(letter)].reverse())).toMatchObject({
      'x-first-death-queue': 'work',
      'x-first-death-reason': 'rejected',
      'x-last-death-queue': 'work',
      'x-death-count': '1',
      a: 'b',
    });
  });

  test("priority and expiry are the broker's to know, too", async () => {
    const client = await harness.open();
    const session = await harness.session();
    session.declareQueue('q', { durable: true, exclusive: false, autoDelete: false, arguments: [] });
    const seen: [number, number][] = [];
    const sink = {
      deliver: (view: { priority: number; expiresAtMs: number; arrivedAtMs: number }) => {
        seen.push([view.priority, view.expiresAtMs === 0 ? 0 : view.expiresAtMs - view.arrivedAtMs]);
      },
      cancelled: () => {},
    };
    session.consume('q', { tag: 't', settled: true, exclusive: false, prefetch: 0, arguments: [] }, sink, {
      congested: false,
    });
    client.send('SEND', { destination: '/queue/q', priority: '9', expiration: '60000' }, 'x');
    client.send('SEND', { destination: '/queue/q', expires: String(Date.now() + 100_000) }, 'x');
    client.send('SEND', { destination: '/queue/q', expires: '0' }, 'x');
    await until(() => seen.length === 3);
    expect(seen[0]).toEqual([9, 60_000]);
    expect(seen[1]![1]).toBeGreaterThan(90_000);
    expect(seen[1]![1]).toBeLessThanOrEqual(100_000);
    expect(seen[2]).toEqual([-1, 0]);
  });
});

describe('SEND is refused', () => {
  test.each<[string, Record<string, string>, string]>([
    ['without a destination', {}, 'Missing destination'],
    ['to no such exchange', { destination: '/exchange/nowhere/k' }, 'not_found'],
    ['to a strange destination', { destination: '/somewhere/x' }, 'Unknown destination'],
    ['to a temporary queue', { destination: '/temp-queue/x' }, 'Invalid destination'],
    ['with a priority that is none', { destination: '/queue/q', priority: 'high' }, 'Invalid header'],
    ['with a priority that is too high', { destination: '/queue/q', priority: '256' }, 'Invalid header'],
    ['with an expiration that is none', { destination: '/queue/q', expiration: '1s' }, 'precondition_failed'],
    ["in someone else's name", { destination: '/queue/q', 'user-id': 'root' }, 'precondition_failed'],
    ['with a delay that is none', { destination: '/queue/q', AMQ_SCHEDULED_DELAY: '-1' }, 'Invalid header'],
    ['with a delay past 49 days', { destination: '/queue/q', AMQ_SCHEDULED_DELAY: '4294967296' }, 'Invalid header'],
    ['again and again', { destination: '/queue/q', AMQ_SCHEDULED_REPEAT: '3' }, 'Not implemented'],
    [
      'every so often',
      { destination: '/queue/q', AMQ_SCHEDULED_DELAY: '5', AMQ_SCHEDULED_PERIOD: '3' },
      'Not implemented',
    ],
    ['by a calendar', { destination: '/queue/q', AMQ_SCHEDULED_CRON: '0 * * * *' }, 'Not implemented'],
    ['in no such transaction', { destination: '/queue/q', transaction: 't' }, 'Bad transaction'],
  ])('%s', async (_, headers, message) => {
    const client = await harness.open();
    const error = await client.refused('SEND', { ...headers, receipt: 'r-1' }, 'x');
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual([message, 'r-1']);
    expect(error.body.length).toBeGreaterThan(20);
  });
});
