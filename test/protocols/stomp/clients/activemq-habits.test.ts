/** What ActiveMQ's users are used to, and RabbitMQ's are not. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({}, { clock });
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });
/** Bodies that have come once a last one, sent by another client, has. */
async function bodies(client: RawClient, destination: string): Promise<string[]> {
  const other = await harness.open();
  await other.confirmed('SEND', { destination }, 'last');
  const seen: string[] = [];
  for (;;) {
    const body = (await client.next('MESSAGE')).body.toString();
    if (body === 'last') return seen;
    seen.push(body);
  }
}

describe('AMQ_SCHEDULED_DELAY', () => {
  test('keeps a message back until it is due, behind those that were sent later', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/q');
    await client.confirmed(
      'SEND',
      { destination: '/queue/q', persistent: 'true', AMQ_SCHEDULED_DELAY: '5000' },
      'late',
    );
    await client.confirmed('SEND', { destination: '/queue/q', AMQ_SCHEDULED_DELAY: '0' }, 'early');
    expect((await client.next('MESSAGE')).body.toString()).toBe('early');
    clock.advance(4_000);
    expect(await bodies(client, '/queue/q')).toEqual([]);
    clock.advance(1_100);
    const late = await client.next('MESSAGE');
    expect(late.body.toString()).toBe('late');
    expect(header(late, 'AMQ_SCHEDULED_DELAY')).toBe('5000');
    expect(header(late, 'persistent')).toBe('true');
  });

  test('counts from the commit in a transaction, and holds for large bodies', async () => {
    const client = await harness.open();
    await subscribe(client, '/topic/t');
    const large = 'x'.repeat(300_000);
    await client.confirmed('BEGIN', { transaction: 't' });
    const headers = { destination: '/topic/t', transaction: 't', AMQ_SCHEDULED_DELAY: '1000' };
    await client.confirmed('SEND', headers, 'small');
    await client.confirmed('SEND', { ...headers, 'content-length': `${large.length}` }, large);
    await client.confirmed('COMMIT', { transaction: 't' });
    expect(await bodies(client, '/topic/t')).toEqual([]);
    clock.advance(1_100);
    expect((await client.next('MESSAGE')).body.toString()).toBe('small');
    expect((await client.next('MESSAGE')).body.toString()).toBe(large);
  });

  test('is x-delay where the exchange is made for it, and only there', async () => {
    const core = await harness.session();
    core.declareExchange('later', 'x-delayed-message', {
      durable: true,
      autoDelete: false,
      internal: false,
      arguments: [{ name: 'x-delayed-type', value: 'direct' }],
    });
    const client = await harness.open();
    await subscribe(client, '/exchange/later/k');
    await client.confirmed('SEND', { destination: '/exchange/later/k', 'x-delay': '1000' }, 'late');
    expect(await bodies(client, '/exchange/later/k')).toEqual([]);
    clock.advance(1_100);
    expect((await client.next('MESSAGE')).body.toString()).toBe('late');
    await subscribe(client, '/topic/k', { id: '2' });
    await client.confirmed('SEND', { destination: '/topic/k', 'x-delay': 'whatever' }, 'at once');
    expect((await client.next('MESSAGE')).body.toString()).toBe('at once');
    client.send('SEND', { destination: '/exchange/later/k', 'x-delay': 'soon' }, 'x');
    expect(header(await client.error(), 'message')).toBe('Invalid header');
  });
});

describe('no-local', () => {
  test.each(['no-local', 'activemq.noLocal'])('%s leaves out what the same connection sends', async (name) => {
    const client = await harness.open();
    await subscribe(client, '/topic/a.*', { [name]: 'true' });
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/topic/a.b', [name]: 'true' });
    await client.confirmed('SEND', { destination: '/topic/a.b' }, 'own');
    await client.confirmed('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: '/topic/a.b', transaction: 't' }, 'own');
    await client.confirmed('COMMIT', { transaction: 't' });
    expect(await bodies(client, '/topic/a.b')).toEqual([]);
    expect((await client.next('MESSAGE')).body.toString()).toBe('last');
  });

  test('holds for a delayed message of its own, too', async () => {
    const client = await harness.open();
    await subscribe(client, '/topic/a', { 'no-local': 'true' });
    await client.confirmed('SEND', { destination: '/topic/a', AMQ_SCHEDULED_DELAY: '1000' }, 'own');
    const other = await harness.open();
    await other.confirmed('SEND', { destination: '/topic/a', AMQ_SCHEDULED_DELAY: '1000' }, "another's");
    clock.advance(1_100);
    expect(await bodies(client, '/topic/a')).toEqual(["another's"]);
  });

  test('says nothing of the other subscriptions of the same connection, nor of other connections', async () => {
    const client = await harness.open();
    const other = await harness.open();
    await subscribe(client, '/topic/a', { 'no-local': 'true' });
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/topic/a' });
    await subscribe(other, '/topic/a', { 'no-local': 'true' });
    await client.confirmed('SEND', { destination: '/topic/a' }, 'x');
    expect(header(await client.next('MESSAGE'), 'subscription')).toBe('2');
    expect((await other.next('MESSAGE')).body.toString()).toBe('x');
    expect(client.frames).toEqual([]);
  });

  test('of a durable subscription means the connection that reads it now', async () => {
    const open = (): Promise<RawClient> => harness.open('1.2', { 'client-id': 'c' });
    const durable = { 'activemq.subscriptionName': 's', 'no-local': 'true' };
    const first = await open();
    await subscribe(first, '/topic/a', durable);
    await first.confirmed('SEND', { destination: '/topic/a' }, 'own');
    await first.leave();
    const second = await open();
    await second.confirmed('SEND', { destination: '/topic/a' }, 'before');
    await subscribe(second, '/topic/a', durable);
    await second.confirmed('SEND', { destination: '/topic/a' }, 'own again');
    expect(await bodies(second, '/topic/a')).toEqual(['before']);
  });
});

describe('the wildcard >', () => {
  const got = async (filter: string, destination: string): Promise<string[]> => {
    const client = await harness.open();
    await subscribe(client, filter);
    await client.confirmed('SEND', { destination }, 'x');
    await client.confirmed('SEND', { destination: '/topic/end' }, 'x');
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/topic/end' });
    await client.confirmed('SEND', { destination: '/topic/end' }, 'end');
    const seen: string[] = [];
    for (;;) {
      const frame = await client.next('MESSAGE');
      if (header(frame, 'subscription') === '2') return seen;
      if (header(frame, 'destination') !== '/topic/end') seen.push(header(frame, 'destination')!);
    }
  };

  test('is any number of levels where it is configured', async () => {
    await harness.stop();
    harness = await StompHarness.start({ wildcards: 'activemq' });
    expect(await got('/topic/a.>', '/topic/a.b.c')).toEqual(['/topic/a.b.c']);
    expect(await got('/topic/>', '/topic/x.y')).toEqual(['/topic/x.y']);
    expect(await got('/topic/a.*.>', '/topic/a.b.c')).toEqual(['/topic/a.b.c']);
    expect(await got('/topic/a.#', '/topic/a.b.c')).toEqual(['/topic/a.b.c']);
    expect(await got('/topic/a.x>', '/topic/a.b')).toEqual([]);
    expect(await got('/topic/a.>.b', '/topic/a.>.b')).toEqual(['/topic/a.>.b']);
  });

  test('is an ordinary character elsewhere', async () => {
    expect(await got('/topic/a.>', '/topic/a.b')).toEqual([]);
    expect(await got('/topic/a.>', '/topic/a.>')).toEqual(['/topic/a.>']);
  });
});

describe('text and bytes', () => {
  test.each(['1.0', '1.1', '1.2'])('are told apart by content-length, towards %s', async (version) => {
    const publisher = await harness.open();
    const consumer = await harness.open(version);
    await subscribe(consumer, '/queue/q');
    publisher.send('SEND', { destination: '/queue/q', 'amq-msg-type': 'text' }, 'text');
    publisher.send('SEND', { destination: '/queue/q', 'content-length': '3' }, 'a\0b');
    publisher.send('SEND', { destination: '/queue/q', transformation: 'jms-map-json' }, '{"map":1}');
    const [text, bytes, map] = [await consumer.next(), await consumer.next(), await consumer.next()];
    expect([text.body.toString(), header(text, 'content-length')]).toEqual(['text', undefined]);
    expect(header(text, 'amq-msg-type')).toBe('text');
    expect([bytes.body.toString(), header(bytes, 'content-length')]).toEqual(['a\0b', '3']);
    expect([map.body.toString(), header(map, 'transformation')]).toEqual(['{"map":1}', 'jms-map-json']);
  });
});

test('a destination that is no UTF-8 is refused, since it would be mistaken for another', async () => {
  const client = await harness.open();
  client.write(Buffer.concat([Buffer.from('SEND\ndestination:/queue/'), Buffer.of(0xff), Buffer.from('\n\n\0')]));
  const error = await client.error();
  expect(header(error, 'message')).toBe('Malformed frame');
  expect(error.body.toString()).toBe("The value of 'destination' is not UTF-8.\n");
});

test('a destination may hold the replacement character itself', async () => {
  const client = await harness.open();
  await subscribe(client, '/queue/\ufffd');
  await client.confirmed('SEND', { destination: '/queue/\ufffd' }, 'x');
  expect(header(await client.next('MESSAGE'), 'destination')).toBe('/queue/\ufffd');
});

describe('a virtual topic', () => {
  test('gives each of its named consumers a copy, shared by those who read it, and plain subscribers too', async () => {
    const [one, two, other, plain, sender] = await Promise.all([0, 1, 2, 3, 4].map(() => harness.open()));
    await subscribe(one!, '/queue/Consumer.A.VirtualTopic.orders', {
      'activemq.prefetchSize': '1',
      ack: 'client-individual',
    });
    await subscribe(two!, '/queue/Consumer.A.VirtualTopic.orders', {
      'activemq.prefetchSize': '1',
      ack: 'client-individual',
    });
    await subscribe(other!, '/queue/Consumer.B.VirtualTopic.>');
    await subscribe(plain!, '/topic/VirtualTopic.orders');
    for (const text of ['1', '2']) {
      await sender!.confirmed('SEND', { destination: '/topic/VirtualTopic.orders', persistent: 'true' }, text);
    }
    const shared = [await one!.next('MESSAGE'), await two!.next('MESSAGE')].map(({ body }) => body.toString());
    expect(shared.toSorted()).toEqual(['1', '2']);
    for (const client of [other!, plain!]) {
      expect([(await client.next('MESSAGE')).body.toString(), (await client.next('MESSAGE')).body.toString()]).toEqual([
        '1',
        '2',
      ]);
    }
  });

  test('keeps what comes while nobody reads', async () => {
    const client = await harness.open();
    await subscribe(client, '/queue/Consumer.A.VirtualTopic.t');
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    await client.confirmed('SEND', { destination: '/topic/VirtualTopic.t', persistent: 'true' }, 'kept');
    await subscribe(client, '/queue/Consumer.A.VirtualTopic.t');
    expect((await client.next('MESSAGE')).body.toString()).toBe('kept');
  });
});

describe('a queue whose SUBSCRIBE says how what fails is tried again', () => {
  test.each([
    ['RabbitMQ’s words', { 'x-delayed-retry-type': 'failed', 'x-delayed-retry-min': '1000' }],
    ['this broker’s', { 'x-retry-delays': '1000' }],
    ['Spring’s, with a decimal', { 'x-retry-initial-interval': '1000', 'x-retry-multiplier': '1.5' }],
  ])('waits before it gives it again, in %s', async (_whose, said) => {
    const client = await harness.open();
    await subscribe(client, '/queue/q', { ack: 'client-individual', ...said });
    await client.confirmed('SEND', { destination: '/queue/q', persistent: 'true' }, 'm');
    const first = await client.next('MESSAGE');
    await client.confirmed('NACK', { id: header(first, 'ack')! });
    clock.advance(900);
    expect(await bodies(client, '/queue/q')).toEqual([]);
    clock.advance(200);
    expect((await client.next('MESSAGE')).body.toString()).toBe('m');
  });
});
