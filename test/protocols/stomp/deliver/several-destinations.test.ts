/** One subscription to several destinations, and one SEND to several: large bodies, limits, ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

describe('one subscription', () => {
  test('holds no more of all its queues together than its prefetch says', async () => {
    const client = await harness.open();
    const sender = await harness.open();
    const headers = { id: '1', destination: '/queue/a,/queue/b', ack: 'client', 'prefetch-count': '2' };
    await client.confirmed('SUBSCRIBE', headers);
    for (const body of ['1', '2', '3']) await sender.confirmed('SEND', { destination: '/queue/a,/queue/b' }, body);
    await client.next('MESSAGE');
    const second = await client.next('MESSAGE');
    // An answer that comes after whatever would have come.
    await client.confirmed('BEGIN', { transaction: 't' });
    expect(client.frames).toEqual([]);
    await client.confirmed('ACK', { id: header(second, 'ack')! });
    await client.next('MESSAGE');
    await client.next('MESSAGE');
  });

  test('gives everything back that it holds when it ends', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/a,/queue/b', ack: 'client' });
    await client.confirmed('SEND', { destination: '/queue/a,/queue/b' }, 'x');
    await client.take('MESSAGE');
    await client.take('MESSAGE');
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    await client.confirmed('SUBSCRIBE', { id: '2', destination: '/queue/a' });
    expect(header(await client.next('MESSAGE'), 'destination')).toBe('/queue/a');
    await client.confirmed('SUBSCRIBE', { id: '3', destination: '/queue/b' });
    expect(header(await client.next('MESSAGE'), 'destination')).toBe('/queue/b');
  });

  test('that cannot be had whole is not had at all', async () => {
    const client = await harness.open();
    await client.refused('SUBSCRIBE', { id: '1', destination: '/queue/a,/topic/b,/amq/queue/missing' });
    const other = await harness.open();
    await other.confirmed('SEND', { destination: '/queue/a' }, 'x');
    await other.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/a' });
    expect((await other.next('MESSAGE')).body.toString()).toBe('x');
    await until(() => harness.broker.sessionCount === 1, 'the refused one to be gone');
  });
});

describe('one SEND', () => {
  test('brings a large body to each destination', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/a,/topic/b' });
    const body = 'z'.repeat(400_000);
    const destination = '/queue/a,/topic/b';
    await client.confirmed('SEND', { destination, 'content-length': `${body.length}` }, body);
    for (const _ of [1, 2]) expect((await client.next('MESSAGE')).body.toString()).toBe(body);
    // And where its length is not announced, so that it comes in one piece.
    await client.confirmed('SEND', { destination }, body);
    for (const _ of [1, 2]) expect((await client.next('MESSAGE')).body.toString()).toBe(body);
  });

  test('says to each what it was sent to, whatever its sender says', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/a,/queue/b' });
    await client.confirmed('SEND', { destination: '/queue/a,/queue/b', 'original-destination': '/queue/forged' }, 'x');
    for (const destination of ['/queue/a', '/queue/b']) {
      const frame = await client.next('MESSAGE');
      const said = frame.lines.filter(([name]) => name === 'original-destination').map(([, value]) => value);
      expect([header(frame, 'destination'), said]).toEqual([destination, ['/queue/a,/queue/b']]);
    }
  });

  test('is refused whole where one destination is', async () => {
    const client = await harness.open();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/a' });
    const sender = await harness.open();
    await sender.refused('SEND', { destination: '/queue/a,/exchange/nowhere/k' }, 'x');
    await client.confirmed('SEND', { destination: '/queue/a' }, 'y');
    expect((await client.next('MESSAGE')).body.toString()).toBe('y');
  });
});
