/** SUBSCRIBE with `browser:true`: a queue is shown and nothing of it taken, however long it is and however slowly it is read. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

/** What is shown until the end; the end's headers are checked. */
async function shown(client: RawClient, queue: string, more: Record<string, string> = {}): Promise<string[]> {
  client.send('SUBSCRIBE', { id: 'b', destination: queue, browser: 'true', ...more });
  const bodies: string[] = [];
  for (;;) {
    const frame = await client.next('MESSAGE');
    if (header(frame, 'browser') === 'end') {
      expect([header(frame, 'message-id'), header(frame, 'subscription'), frame.body.length]).toEqual(['0', 'b', 0]);
      return bodies;
    }
    expect(header(frame, 'ack')).toBeUndefined();
    bodies.push(frame.body.toString());
  }
}

describe('a browser', () => {
  test('shows a long queue whole and in order, large bodies too', async () => {
    const client = await harness.open();
    const wanted: string[] = [];
    for (let i = 0; i < 500; i++) {
      const body = i % 100 === 7 ? `${i} ${'x'.repeat(200_000)}` : `${i} ${'y'.repeat(3_000)}`;
      wanted.push(body);
      client.send('SEND', { destination: '/queue/q', 'content-length': `${body.length}` }, body);
    }
    await client.confirmed('SEND', { destination: '/queue/q' }, 'last');
    expect(await shown(client, '/queue/q')).toEqual([...wanted, 'last']);
    await client.confirmed('UNSUBSCRIBE', { id: 'b' });
    await client.confirmed('SUBSCRIBE', { id: 'r', destination: '/queue/q' });
    const first = await client.next('MESSAGE');
    expect([first.body.toString(), header(first, 'redelivered')]).toEqual([wanted[0], undefined]);
  });

  test('holds up neither publishing nor others, and ends with its connection', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    const looker = await harness.open();
    looker.socket.pause();
    looker.send('SUBSCRIBE', { id: 'b', destination: '/queue/q', browser: 'true' });
    await client.confirmed('SUBSCRIBE', { id: 'r', destination: '/queue/q' });
    expect((await client.next('MESSAGE')).body.toString()).toBe('x');
    looker.cut();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'y');
    expect((await client.next('MESSAGE')).body.toString()).toBe('y');
  });

  test('is known by its id until it is unsubscribed, also after its end', async () => {
    const client = await harness.open();
    expect(await shown(client, '/queue/q')).toEqual([]);
    const error = await client.refused('SUBSCRIBE', { id: 'b', destination: '/queue/q' });
    expect(header(error, 'message')).toBe('Duplicated subscription identifier');
  });

  test('comes after its receipt', async () => {
    const client = await harness.open();
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
    client.send('SUBSCRIBE', { id: 'b', destination: '/queue/q', browser: 'true', receipt: 'r' });
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('r');
    expect((await client.next('MESSAGE')).body.toString()).toBe('x');
    expect(header(await client.next('MESSAGE'), 'browser')).toBe('end');
  });

  test('shows what a selector takes, in any mode of acknowledgement', async () => {
    const client = await harness.open();
    for (const n of ['1', '2', '3']) await client.confirmed('SEND', { destination: '/queue/q', n }, n);
    expect(await shown(client, '/queue/q', { selector: 'n >= 2', ack: 'client' })).toEqual(['2', '3']);
  });
});
