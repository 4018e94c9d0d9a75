/** Clients that mean ill, or are broken: the broker stays, and a client at work beside them notices nothing. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, RawClient } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

const CONNECTED = 'CONNECT\naccept-version:1.2\nhost:/\n\n\0';
const piece = fc.oneof(
  fc
    .constantFrom(
      'CONNECT\n',
      'SEND\n',
      'SUBSCRIBE\n',
      'UNSUBSCRIBE\n',
      'ACK\n',
      'NACK\n',
      'BEGIN\n',
      'COMMIT\n',
      'ABORT\n',
      'DISCONNECT\n',
      'destination:/queue/fuzz\n',
      'destination:/topic/fuzz\n',
      'destination:/temp-queue/f\n',
      'destination:\n',
      'id:1\n',
      'id:2\n',
      'ack:client\n',
      'ack:client-individual\n',
      'transaction:t\n',
      'receipt:r\n',
      'content-length:5\n',
      'content-length:300000\n',
      'reply-to:/temp-queue/f\n',
      'persistent:true\n',
      'durable:true\n',
      'message-id:x\n',
      'prefetch-count:0\n',
      '\n',
      '\n\0',
      '\n\0',
      'hello\0',
      '__proto__:x\n',
      'hasOwnProperty:y\n',
      '\\',
      '\r\n',
    )
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
); // prettier-ignore

test('whatever a client sends, it is served or told off, and everyone else is served', async () => {
  const worker = await harness.open();
  await worker.confirmed('SUBSCRIBE', { id: 'w', destination: '/queue/work', ack: 'client-individual' });
  let sent = 0;
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(piece, { maxLength: 40 }), async (connects, pieces) => {
      const client = await RawClient.dial(harness.port);
      if (connects) client.write(CONNECTED);
      client.write(Buffer.concat(pieces));
      client.socket.end();
      worker.send('SEND', { destination: '/queue/work', n: `${++sent}` }, 'x');
      const frame = await worker.next('MESSAGE');
      expect(header(frame, 'n')).toBe(`${sent}`);
      await worker.confirmed('ACK', { id: header(frame, 'ack')! });
      await client.untilEnded();
      client.cut();
    }),
    { numRuns: 1_000 },
  );
  await until(() => harness.broker.sessionCount === 1, 'the others to be gone');
  expect(harness.stats.internalErrors).toBe(0);
}, 60_000);

test('frames cut at every byte', async () => {
  const text =
    'SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\n\n\0SEND\ndestination:/queue/q\na\\c:ünï\n\nbødy\0DISCONNECT\nreceipt:z\n\n\0';
  const bytes = Buffer.from(text);
  for (let cut = 1; cut < bytes.length; cut += 3) {
    const client = await harness.open();
    client.write(bytes.subarray(0, cut));
    await new Promise<void>((resolve) => client.socket.write('', () => resolve()));
    client.write(bytes.subarray(cut));
    await client.take('RECEIPT');
    client.cut();
  }
  const core = await harness.session();
  expect(core.checkQueue('q').messages).toBeGreaterThan(0);
});

test('a head that never ends is stopped at its bound', async () => {
  const client = await RawClient.dial(harness.port);
  client.write(`CONNECT\n${'x:y\n'.repeat(100)}`);
  client.write(Buffer.alloc(100_000, 'z'));
  expect(header(await client.error(), 'message')).toBe('Headers too long');
});

test('a body that never ends is stopped at its bound', async () => {
  await harness.stop();
  harness = await StompHarness.start({ unmeasuredBodySizeMax: 100_000 });
  const client = await harness.open();
  client.write('SEND\ndestination:/queue/q\n\n');
  client.write(Buffer.alloc(1_000_000, 'z'));
  expect(header(await client.error(), 'message')).toBe('Body too large');
});
