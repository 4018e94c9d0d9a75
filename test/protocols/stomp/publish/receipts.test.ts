/** Receipts come in the order of the frames that asked for them, however many are owed. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StompHarness } from '../harness.ts';
import { header } from '../raw-client.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

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
