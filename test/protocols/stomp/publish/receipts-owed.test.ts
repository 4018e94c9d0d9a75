/** Receipts that are owed are bounded: frames that ask for one more wait, and go on when enough have been given. */
import { afterEach, expect, test, vi } from 'vitest';
import type { BodyReader } from '../../../../src/api/index.ts';
import { ClientSession } from '../../../../src/broker/session.ts';
import { MemoryFiles } from '../../../log/memory-files.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header } from '../raw-client.ts';

const MAX = 4;
let harness: StompHarness | undefined;
afterEach(async () => {
  vi.restoreAllMocks();
  await harness?.stop();
});

test('no more are owed than may be, however many frames come at once', async () => {
  harness = await StompHarness.start({ receiptsPendingMax: MAX }, { dataDirectory: '/own', files: new MemoryFiles() });
  const client = await harness.open();
  const { receipts } = harness.internals().client!;
  const owed: number[] = [];
  const publish = ClientSession.prototype.publish;
  vi.spyOn(ClientSession.prototype, 'publish').mockImplementation(function (this: ClientSession, ...given) {
    owed.push(receipts.owed);
    return publish.apply(this, given);
  });
  const frames = Array.from(
    { length: 50 },
    (_, i) => `SEND\ndestination:/queue/q\npersistent:true\nreceipt:${i}\n\nx\0\n`,
  );
  client.write(frames.join(''));
  for (let i = 0; i < 50; i++) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(String(i));
  expect(owed).toHaveLength(50);
  // As many as may be, and never more: the frame that is published is not yet among them.
  expect(Math.max(...owed)).toBe(MAX - 1);
});

test('those kept behind a large body count, and frames go on when it has been sent', async () => {
  harness = await StompHarness.start({ receiptsPendingMax: MAX });
  const body = Buffer.alloc(200_000, 'x');
  let readable = false;
  const bodies: BodyReader[] = [];
  vi.spyOn(ClientSession.prototype, 'readBody').mockImplementation(() => {
    const reader = {
      length: body.length,
      remaining: body.length,
      buffer: body,
      start: 0,
      end: body.length,
      memory: null,
      inMemory: () => readable,
      onReady() {},
      onError() {},
      close() {},
      next() {
        if (readable) this.remaining = 0;
        return readable;
      },
    };
    bodies.push(reader);
    return reader;
  });
  const client = await harness.open();
  await client.confirmed('SEND', { destination: '/queue/large', 'content-length': String(body.length) }, body);
  client.send('SUBSCRIBE', { id: '1', destination: '/queue/large' });
  await until(() => bodies.length > 0, 'the body to begin');
  client.write(Array.from({ length: 50 }, (_, i) => `SEND\ndestination:/queue/q\nreceipt:${i}\n\nx\0\n`).join(''));
  await until(() => harness!.internals().client!.receipts.behindBody === MAX, 'the first receipts to be written');
  expect(harness.internals().gate.reasons).not.toBe(0);
  readable = true;
  bodies[0]!.onReady();
  expect((await client.next('MESSAGE')).body).toHaveLength(body.length);
  for (let i = 0; i < 50; i++) expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe(String(i));
});
