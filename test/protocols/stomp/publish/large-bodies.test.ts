/** Large bodies go through whole or not at all, while others flow. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, ownHeaders, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

const subscribe = (client: RawClient, destination: string, more: Record<string, string> = {}): Promise<void> =>
  client.confirmed('SUBSCRIBE', { id: '1', destination, ...more });

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
    expect([frame.body.length, ownHeaders(frame)]).toEqual([text.length, [['a', 'b']]]);
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
