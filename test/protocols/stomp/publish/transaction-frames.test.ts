/** BEGIN, COMMIT and ABORT: all of a transaction is done, or nothing. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { StompHarness } from '../harness.ts';
import { header } from '../raw-client.ts';
import { ackOf, consume, deliveries, remaining } from '../settling.ts';

let harness: StompHarness;
let core: Session;
beforeEach(async () => {
  harness = await StompHarness.start();
  core = await harness.session();
});
afterEach(() => harness.stop());

describe('a transaction', () => {
  test('is all done at COMMIT, and nothing of it is seen before', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [one, two] = await deliveries(client, 2);
    client.send('BEGIN', { transaction: 't' });
    await client.confirmed('SEND', { destination: '/queue/other', transaction: 't', persistent: 'true' }, 'a');
    await client.confirmed('ACK', { ...ackOf(one!), transaction: 't' });
    await client.confirmed('NACK', { ...ackOf(two!), transaction: 't', requeue: 'false' });
    expect(core.checkQueue('other').messages).toBe(0);
    await client.confirmed('COMMIT', { transaction: 't' });
    expect(core.checkQueue('other').messages).toBe(1);
    await client.leave();
    expect(core.checkQueue('q').messages).toBe(0);
  });

  test('is undone by ABORT: its deliveries are unsettled as before', async () => {
    const client = await harness.open();
    await consume(client, 'client');
    const frames = await deliveries(client, 3);
    client.send('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: '/queue/other', transaction: 't' }, 'a');
    client.send('ACK', { ...ackOf(frames[1]!), transaction: 't' });
    await client.confirmed('ABORT', { transaction: 't' });
    expect(core.checkQueue('other').messages).toBe(0);
    await client.confirmed('ACK', ackOf(frames[0]!));
    await client.leave();
    expect(await remaining(core, 2)).toEqual([
      ['2', true, 0],
      ['3', true, 0],
    ]); // prettier-ignore
  });

  test.each(['DISCONNECT', 'the connection being lost'])('is undone by %s', async (how) => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [frame] = await deliveries(client, 1);
    client.send('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: '/queue/other', transaction: 't' }, 'a');
    await client.confirmed('ACK', { ...ackOf(frame!), transaction: 't' });
    if (how === 'DISCONNECT') await client.leave();
    else client.cut();
    expect(await remaining(core, 1)).toEqual([['1', true, how === 'DISCONNECT' ? 0 : 1]]);
    expect(core.checkQueue('other').messages).toBe(0);
  });

  test('keeps its deliveries through UNSUBSCRIBE, the others go back', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [, two] = await deliveries(client, 3);
    client.send('BEGIN', { transaction: 't' });
    client.send('ACK', { ...ackOf(two!), transaction: 't' });
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    expect(core.checkQueue('q').messages).toBe(2);
    await client.confirmed('COMMIT', { transaction: 't' });
    await client.leave();
    expect(await remaining(core, 2)).toEqual([
      ['1', true, 0],
      ['3', true, 0],
    ]); // prettier-ignore
  });

  test('that is undone after UNSUBSCRIBE gives them back, too', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [one] = await deliveries(client, 2);
    client.send('BEGIN', { transaction: 't' });
    client.send('ACK', { ...ackOf(one!), transaction: 't' });
    client.send('UNSUBSCRIBE', { id: '1' });
    await client.confirmed('ABORT', { transaction: 't' });
    expect(await remaining(core, 2)).toEqual([
      ['1', true, 0],
      ['2', true, 0],
    ]); // prettier-ignore
  });

  test('holds a large body', async () => {
    const client = await harness.open();
    client.send('BEGIN', { transaction: 't' });
    const body = 'x'.repeat(500_000);
    await client.confirmed('SEND', { destination: '/queue/other', transaction: 't', 'content-length': '500000' }, body);
    expect(core.checkQueue('other').messages).toBe(0);
    await client.confirmed('COMMIT', { transaction: 't' });
    await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/other' });
    expect((await client.next('MESSAGE')).body.toString()).toBe(body);
  });

  test('has one ACK for each delivery', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [frame] = await deliveries(client, 1);
    client.send('BEGIN', { transaction: 't' });
    client.send('ACK', { ...ackOf(frame!), transaction: 't' });
    const error = await client.refused('ACK', ackOf(frame!));
    expect(error.body.toString()).toContain('part of an open transaction');
  });

  test('of nothing is committed', async () => {
    const client = await harness.open();
    client.send('BEGIN', { transaction: 't' });
    await client.confirmed('COMMIT', { transaction: 't' });
    client.send('BEGIN', { transaction: 't' });
    await client.confirmed('ABORT', { transaction: 't' });
  });

  test.each<[string, [string, Record<string, string>][], string]>([
    [
      'begun twice',
      [
        ['BEGIN', { transaction: 't' }],
        ['BEGIN', { transaction: 't' }],
      ],
      'Bad transaction',
    ],
    ['committed but never begun', [['COMMIT', { transaction: 't' }]], 'Bad transaction'],
    ['aborted but never begun', [['ABORT', { transaction: 't' }]], 'Bad transaction'],
    ['without a name', [['BEGIN', {}]], 'Missing transaction'],
  ])('%s is refused', async (_, frames, message) => {
    const client = await harness.open();
    for (const [command, headers] of frames) client.send(command, headers);
    expect(header(await client.error(), 'message')).toBe(message);
  }); // prettier-ignore

  test('is bounded, in number, in frames and in bytes', async () => {
    await harness.stop();
    harness = await StompHarness.start({ transactionsMax: 2, transactionOperationsMax: 3, transactionSizeMax: 1_000 });
    const many = await harness.open();
    for (const transaction of ['a', 'b']) await many.confirmed('BEGIN', { transaction });
    expect(header(await many.refused('BEGIN', { transaction: 'c' }), 'message')).toBe('Too many transactions');
    for (const [size, fits] of [
      [1, 3],
      [600, 2],
    ] as const) {
      const client = await harness.open();
      client.send('BEGIN', { transaction: 't' });
      for (let i = 0; i < fits; i++)
        await client.confirmed('SEND', { destination: '/queue/x', transaction: 't' }, 'y'.repeat(size));
      const error = await client.refused('SEND', { destination: '/queue/x', transaction: 't' }, 'y'.repeat(size));
      expect(header(error, 'message')).toBe('Transaction too large');
    } // prettier-ignore
    const session = await harness.session();
    expect(session.checkQueue('x').messages).toBe(0);
  });
});
