/** What the adapter's bounds are where nobody has said anything: what `options.ts` promises. */
import { expect, test } from 'vitest';
import { limitsOf } from '../../../protocols/amqp/options.ts';

const MIB = 1_048_576;

test('the bounds are as they are told', () => {
  expect(limitsOf()).toMatchObject({
    channelMax: 2047,
    frameSizeMax: 131_072,
    heartbeatS: 60,
    handshakeTimeoutMs: 10_000,
    bodySizeMax: 128 * MIB,
    consumersPerChannelMax: 10_000,
    transactionOperationsMax: 100_000,
    transactionSizeMax: 64 * MIB,
    unsentSizeMax: 4 * MIB,
    closeTimeoutMs: 3_000,
    blockedNoticeMs: 1_000,
    parkedSizeMax: MIB,
    consumerTimeoutMs: 1_800_000,
  });
});

test('a frame has at least what the protocol promises', () => {
  expect(limitsOf({ frameSizeMax: 10 }).frameSizeMax).toBe(4096);
});
