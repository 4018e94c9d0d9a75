/** Deliveries that a STOMP client may hold for a while: leases, renewed by SEND; and the timeout, which is told as an ERROR. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { pass } from '../../../support/pass.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header } from '../raw-client.ts';
import { ackOf, consume, deliveries, remaining } from '../settling.ts';

let clock: ManualClock;
let harness: StompHarness;
let core: Session;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({ handshakeTimeoutMs: 10_000_000 }, { clock });
  core = await harness.session();
});
afterEach(() => harness.stop());

const LEASED = { 'x-lease': '10000' };

describe.each(['1.0', '1.1', '1.2'])('in %s', (version) => {
  test('a lease that runs out goes back as a failed attempt; an ACK after that is answered, and changes nothing', async () => {
    const client = await harness.open(version);
    await consume(client, 'client-individual', LEASED);
    const [one, two] = await deliveries(client, 2);
    client.send('ACK', ackOf(two!, version));
    await pass(clock, 11_000);
    expect(header(await client.receipt('ACK', ackOf(one!, version)), 'expired')).toBe('true');
    const again = await client.next('MESSAGE');
    expect([again.body.toString(), header(again, 'redelivered')]).toEqual(['1', 'true']);
    expect(header(await client.receipt('ACK', ackOf(again, version)), 'expired')).toBeUndefined();
    await client.confirmed('DISCONNECT');
    expect(core.checkQueue('q').messages).toBe(0);
    expect(harness.stats.staleSettlements).toBe(1);
  });

  test.each(['one delivery', 'a subscription', 'the connection'])(
    'SEND to /delivery/renew makes it last as long again, for %s',
    async (what) => {
      const client = await harness.open(version);
      await consume(client, 'client-individual', LEASED);
      const [one] = await deliveries(client, 1);
      const named =
        what === 'one delivery' ? ackOf(one!, version) : what === 'a subscription' ? { subscription: '1' } : {};
      for (let i = 0; i < 5; i++) {
        await pass(clock, 9_000);
        const receipt = await client.receipt('SEND', { destination: '/delivery/renew', ...named });
        expect(header(receipt, 'expired')).toBeUndefined();
      }
      await pass(clock, 11_000);
      const late = await client.receipt('SEND', { destination: '/delivery/renew', ...named });
      expect(header(late, 'expired')).toBe('true');
      client.cut();
      await until(() => harness.broker.sessionCount === 1);
      expect(await remaining(core, 1)).toEqual([['1', true, 1]]);
    },
  );
});

test('a cumulative ACK passes over what was taken back, and settles the rest', async () => {
  const client = await harness.open();
  await consume(client, 'client', LEASED);
  const frames = await deliveries(client, 2);
  await pass(clock, 8_000);
  await client.confirmed('SEND', { destination: '/delivery/renew', ...ackOf(frames[1]!) });
  await pass(clock, 3_000);
  expect(header(await client.receipt('ACK', ackOf(frames[1]!)), 'expired')).toBe('true');
  await client.confirmed('DISCONNECT');
  expect(await remaining(core, 1)).toEqual([['1', true, 1]]);
});

test('what an open transaction has acknowledged is left to it', async () => {
  const client = await harness.open();
  await consume(client, 'client-individual', LEASED);
  const [one] = await deliveries(client, 1);
  client.send('BEGIN', { transaction: 't' });
  await client.confirmed('ACK', { ...ackOf(one!), transaction: 't' });
  await pass(clock, 60_000);
  await client.confirmed('COMMIT', { transaction: 't' });
  await client.confirmed('DISCONNECT');
  expect(core.checkQueue('q').messages).toBe(0);
});

test('UNSUBSCRIBE after a lease has run out gives back what is left, once', async () => {
  const client = await harness.open();
  await consume(client, 'client-individual', LEASED);
  const [, , three] = await deliveries(client, 3);
  client.send('BEGIN', { transaction: 't' });
  await client.confirmed('ACK', { ...ackOf(three!), transaction: 't' });
  await pass(clock, 11_000);
  await client.confirmed('UNSUBSCRIBE', { id: '1' });
  await client.confirmed('COMMIT', { transaction: 't' });
  expect(await remaining(core, 2)).toEqual([
    ['1', true, 1],
    ['2', true, 1],
  ]); // prettier-ignore
});

test('without a lease a delivery that nobody acknowledges costs the connection after half an hour, and is no failed attempt', async () => {
  const client = await harness.open();
  await consume(client, 'client-individual');
  await deliveries(client, 1);
  await pass(clock, 29 * 60_000);
  await client.confirmed('SEND', { destination: '/queue/other' });
  await pass(clock, 3 * 60_000);
  const error = await client.next('ERROR');
  expect(error.body.toString()).toContain('a delivery was not acknowledged within 1800000 ms');
  await until(() => client.ended);
  expect(await remaining(core, 1)).toEqual([['1', true, 0]]);
});

test.each([
  ['x-lease', '10'],
  ['x-lease', 'long'],
  ['x-consumer-timeout', '-1'],
])('%s: %s is refused', async (name, value) => {
  const client = await harness.open();
  client.send('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client', [name]: value });
  expect((await client.next('ERROR')).body.toString()).toContain(name);
});

test('a subscription says its own timeout, 0 for none', async () => {
  const client = await harness.open();
  await consume(client, 'client-individual', { 'x-consumer-timeout': '0' });
  await deliveries(client, 1);
  await pass(clock, 10 * 3_600_000);
  await client.confirmed('SEND', { destination: '/queue/other' });
});

describe('NACK with a time', () => {
  const PARK = { 'x-opt-delivery-delay': '3600000', 'x-opt-deferral-token': 'job-1' };

  test('parks the message, for who asks for its token when subscribing or later', async () => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [one, two] = await deliveries(client, 2);
    await client.confirmed('NACK', { ...ackOf(one!), ...PARK });
    await client.confirmed('NACK', { ...ackOf(two!), ...PARK, 'x-opt-deferral-token': 'job-2' });
    const other = await harness.open();
    await consume(other, 'client-individual', { 'x-deferral-tokens': 'job-1,none' });
    const claimed = await other.next('MESSAGE');
    expect([claimed.body.toString(), header(claimed, 'x-opt-deferral-token')]).toEqual(['1', 'job-1']);
    const claim = { destination: '/delivery/claim', subscription: '1', 'x-deferral-tokens': 'job-2' };
    expect(header(await other.receipt('SEND', claim), 'expired')).toBeUndefined();
    expect((await other.next('MESSAGE')).body.toString()).toBe('2');
    expect(header(await other.receipt('SEND', claim), 'expired')).toBe('true');
    other.cut();
    client.cut();
    await until(() => harness.broker.sessionCount === 1);
    expect((await remaining(core, 2)).map(([body]) => body)).toEqual(['1', '2']);
  });

  test.each([
    [{ 'x-opt-deferral-token': 'job-1' }, 'needs a time'],
    [{ ...PARK, 'x-opt-deferral-token': 'x'.repeat(256) }, '255 bytes'],
    [{ ...PARK, transaction: 't' }, 'no part of a transaction'],
  ])('is refused: %j', async (headers, why) => {
    const client = await harness.open();
    await consume(client, 'client-individual');
    const [one] = await deliveries(client, 1);
    client.send('BEGIN', { transaction: 't' });
    client.send('NACK', { ...ackOf(one!), ...headers });
    expect((await client.next('ERROR')).body.toString()).toContain(why);
  });
});
