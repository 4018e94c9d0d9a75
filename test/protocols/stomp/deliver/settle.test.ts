import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { type Frame, header } from '../raw-client.ts';
import { ackOf, consume, deliveries, remaining } from '../settling.ts';

let harness: StompHarness;
let core: Session;
beforeEach(async () => {
  harness = await StompHarness.start();
  core = await harness.session();
});
afterEach(() => harness.stop());

describe.each(['1.0', '1.1', '1.2'])('in %s', (version) => {
  test('auto needs no ACK, and its messages have nothing to be ACKed by', async () => {
    const client = await harness.open(version);
    await consume(client, 'auto');
    const [first] = await deliveries(client, 2);
    expect(header(first!, 'ack')).toBeUndefined();
    client.cut();
    await until(() => harness.broker.sessionCount === 1);
    expect(core.checkQueue('q').messages).toBe(0);
  });

  test('client-individual: each ACK means one message', async () => {
    const client = await harness.open(version);
    await consume(client, 'client-individual');
    const [one, two, three] = await deliveries(client, 3);
    await client.confirmed('ACK', ackOf(two!, version));
    await client.confirmed('DISCONNECT');
    expect(await remaining(core, 2)).toEqual([
      ['1', true, 0],
      ['3', true, 0],
    ]); // prettier-ignore
    expect([one, three].every((frame) => (header(frame!, 'ack') !== undefined) === (version === '1.2'))).toBe(true);
  });

  test('client: an ACK means all messages up to that one', async () => {
    const client = await harness.open(version);
    await consume(client, 'client');
    const frames = await deliveries(client, 5);
    await client.confirmed('ACK', ackOf(frames[2]!, version));
    await client.confirmed('DISCONNECT');
    expect(await remaining(core, 2)).toEqual([
      ['4', true, 0],
      ['5', true, 0],
    ]); // prettier-ignore
  });
});

describe('NACK', () => {
  test('gives one message back as a failed attempt', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual', { 'prefetch-count': '1' });
    const [frame] = await deliveries(client, 1);
    client.send('NACK', ackOf(frame!));
    const again = await client.next('MESSAGE');
    expect([header(frame!, 'redelivered'), header(again, 'redelivered')]).toEqual([undefined, 'true']);
    expect(header(again, 'ack')).not.toBe(header(frame!, 'ack'));
    await client.leave();
    expect(await remaining(core, 1)).toEqual([['1', true, 1]]);
  });

  test('with requeue:false lets go of it', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [frame] = await deliveries(client, 1);
    await client.confirmed('NACK', { ...ackOf(frame!), requeue: 'false' });
    await client.leave();
    expect(core.checkQueue('q').messages).toBe(0);
  });

  test('means all up to that one where ACK does', async () => {
    const client = await harness.open();
    await consume(client, 'client');
    const frames = await deliveries(client, 3);
    await client.confirmed('NACK', { ...ackOf(frames[1]!), requeue: 'false' });
    await client.leave();
    expect(await remaining(core, 1)).toEqual([['3', true, 0]]);
  });

  test('is known in 1.0, too, whose clients send it to brokers that know it', async () => {
    const client = await harness.open('1.0');
    await consume(client, 'client');
    const [frame] = await deliveries(client, 1);
    await client.confirmed('NACK', { ...ackOf(frame!, '1.0'), requeue: 'false' });
    await client.leave();
    expect(await remaining(core, 0)).toEqual([]);
  });
});

describe('what a client holds', () => {
  test('comes back as a failed attempt when it is lost', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    await deliveries(client, 2);
    client.cut();
    expect(await remaining(core, 2)).toEqual([
      ['1', true, 1],
      ['2', true, 1],
    ]); // prettier-ignore
  });

  test('comes back without an attempt when it unsubscribes', async () => {
    const client = await harness.open();
    await consume(client, 'client');
    await deliveries(client, 2);
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    expect(await remaining(core, 2)).toEqual([
      ['1', true, 0],
      ['2', true, 0],
    ]); // prettier-ignore
  });

  test('is no more than its prefetch-count', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual', { 'prefetch-count': '2' });
    for (let i = 1; i <= 5; i++) client.send('SEND', { destination: '/queue/q' }, `${i}`);
    const first = await client.next('MESSAGE');
    await client.next('MESSAGE');
    await client.confirmed('BEGIN', { transaction: 'x' }); // nothing else came before this answer
    client.send('ACK', ackOf(first));
    expect((await client.next('MESSAGE')).body.toString()).toBe('3');
  });
});

describe('a token that is not good', () => {
  const session = (frame: Frame): string => header(frame, 'ack')!.split('.')[0]!;

  test.each<[string, string, (frame: Frame) => string]>([
    ['of another connection', 'Invalid header', (frame) => `${session(frame)}x.1.1.0`],
    ['of a subscription that never was', 'Invalid header', (frame) => `${session(frame)}.2.1.0`],
    ['of subscription 0', 'Invalid header', (frame) => `${session(frame)}.0.1.0`],
    ['of a delivery that is still to come', 'Invalid header', (frame) => `${session(frame)}.1.2.0`],
    ['of a place where nothing is unsettled', 'precondition_failed', (frame) => `${session(frame)}.1.1.7`],
    ['of a place far away', 'precondition_failed', (frame) => `${session(frame)}.1.1.999999999`],
    ['that is empty', 'Invalid header', () => ''],
    ['that is anything', 'Invalid header', () => 'anything'],
  ])('%s is refused', async (_, message, forge) => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [frame] = await deliveries(client, 1);
    const error = await client.refused('ACK', { id: forge(frame!), receipt: 'r' });
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual([message, 'r']);
    expect(await remaining(core, 1)).toEqual([['1', true, 1]]);
  });

  test('is refused when it was used before', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [frame] = await deliveries(client, 1);
    await client.confirmed('ACK', ackOf(frame!));
    const error = await client.refused('ACK', ackOf(frame!));
    expect(error.body.toString()).toContain('was settled before');
  });

  test('because a later ACK has covered it is counted, and no error', async () => {
    const client = await harness.open();
    await consume(client, 'client');
    const frames = await deliveries(client, 3);
    client.send('ACK', ackOf(frames[2]!));
    await client.confirmed('ACK', ackOf(frames[0]!));
    expect(harness.stats.staleSettlements).toBe(1);
  });

  test('because of UNSUBSCRIBE is counted, but not confirmed', async () => {
    const client = await harness.open();
    await consume(client, 'client');
    const frames = await deliveries(client, 1);
    await client.confirmed('UNSUBSCRIBE', { id: '1' });
    client.send('ACK', ackOf(frames[0]!));
    await client.confirmed('BEGIN', { transaction: 't' });
    expect(harness.stats.staleSettlements).toBe(1);
    expect(header(await client.refused('ACK', { ...ackOf(frames[0]!), receipt: 'r' }), 'message')).toBe(
      'Subscription not found',
    );
  });

  test('must not name another subscription in 1.1', async () => {
    const client = await harness.open('1.1');
    await consume(client, 'client');
    const [frame] = await deliveries(client, 1);
    const error = await client.refused('ACK', { 'message-id': header(frame!, 'message-id')!, subscription: '2' });
    expect(header(error, 'message')).toBe('Invalid header');
  });

  test.each([
    ['1.0', 'message-id'],
    ['1.1', 'message-id'],
    ['1.2', 'id'],
  ])('must be there in %s, as %s', async (version, name) => {
    const client = await harness.open(version);
    const error = await client.refused('ACK', {});
    expect([header(error, 'message'), error.body.toString().includes(`'${name}'`)]).toEqual(['Missing header', true]);
  }); // prettier-ignore
});

test.each(['1.1', '1.2'])('who settles what is over is told which delivery that was, in %s', async (version) => {
  const client = await harness.open(version);
  await consume(client, 'client-individual');
  const [frame] = await deliveries(client, 1);
  await client.confirmed('ACK', ackOf(frame!, version));
  const named = header(frame!, version === '1.2' ? 'ack' : 'message-id')!;
  const refused = await client.refused('ACK', ackOf(frame!, version));
  expect(header(refused, 'message')).toBe('precondition_failed');
  expect(refused.body.toString()).toContain(`ACK: '${named}' `);
});
