/** Error texts as RabbitMQ 3.10.8 gives them, asked one by one. */
import { describe, expect, it } from 'vitest';
import type { Value } from '../../../src/message/properties.ts';
import { compareArguments, readArguments, recoverArguments } from '../../../src/queue/limits/arguments.ts';
import { DEFAULT_SETTINGS, withPolicy } from '../../../src/queue/limits/settings.ts';

const byte = (value: number): Value => ({ type: 'int8', value });
const long = (value: number): Value => ({ type: 'int64', value: BigInt(value) });
const real = (value: number): Value => ({ type: 'double', value });
const headers = (args: Record<string, Value>) => Object.entries(args).map(([name, value]) => ({ name, value }));
const declare = (args: Record<string, Value>, more = {}) =>
  readArguments('q', '/', { durable: true, exclusive: false, autoDelete: false, arguments: headers(args), ...more });

describe('arguments that are wrong', () => {
  it.each<[Record<string, Value>, string]>([
    [{ 'x-message-ttl': byte(-1) }, "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}"],
    [
      { 'x-message-ttl': 'a' },
      `invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got longstr"`,
    ],
    [
      { 'x-message-ttl': real(1.5) },
      `invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got double"`,
    ],
    [{ 'x-message-ttl': true }, `invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got bool"`],
    [{ 'x-message-ttl': null }, `invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got void"`],
    [
      { 'x-message-ttl': { type: 'timestamp', value: 5n } },
      `invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got timestamp"`,
    ],
    [
      { 'x-message-ttl': { type: 'list', value: [] } },
      `invalid arg 'x-message-ttl' for queue 'q' in vhost '/': "expected integer, got array"`,
    ],
    [
      { 'x-message-ttl': long(315360000001) },
      "invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_too_large,315360000001}",
    ],
    [{ 'x-expires': byte(0) }, "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}"],
    [{ 'x-expires': byte(-1) }, "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_negative,-1}"],
    [
      { 'x-expires': long(315360000001) },
      "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_too_large,315360000001}",
    ],
    [{ 'x-max-length': byte(-1) }, "invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}"],
    [
      { 'x-max-length-bytes': 'a' },
      `invalid arg 'x-max-length-bytes' for queue 'q' in vhost '/': "expected integer, got longstr"`,
    ],
    [{ 'x-overflow': 'foo' }, "invalid arg 'x-overflow' for queue 'q' in vhost '/': invalid_overflow"],
    [{ 'x-overflow': byte(5) }, "invalid arg 'x-overflow' for queue 'q' in vhost '/': {unacceptable_type,byte}"],
    [
      { 'x-max-priority': { type: 'int16', value: 256 } },
      "invalid arg 'x-max-priority' for queue 'q' in vhost '/': {max_value_exceeded,256}",
    ],
    [{ 'x-max-priority': byte(-1) }, "invalid arg 'x-max-priority' for queue 'q' in vhost '/': {value_negative,-1}"],
    [
      { 'x-single-active-consumer': 'a' },
      "invalid arg 'x-single-active-consumer' for queue 'q' in vhost '/': {unacceptable_type,longstr}",
    ],
    [{ 'x-passport': 'yes' }, "invalid arg 'x-passport' for queue 'q' in vhost '/': {unacceptable_type,longstr}"],
    [
      { 'x-dead-letter-exchange': byte(5) },
      "invalid type 'byte' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'",
    ],
    [
      { 'x-dead-letter-routing-key': 'a' },
      "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined",
    ],
    [
      { 'x-dead-letter-routing-key': byte(5) },
      "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': {unacceptable_type,byte}",
    ],
    [
      { 'x-dead-letter-strategy': 'at-least-once' },
      "invalid arg 'x-dead-letter-strategy' for queue 'q' in vhost '/' of queue type rabbit_classic_queue",
    ],
    [
      { 'x-queue-mode': 'foo' },
      `invalid arg 'x-queue-mode' for queue 'q' in vhost '/': "unsupported queue mode 'foo'"`,
    ],
    [
      { 'x-queue-version': byte(3) },
      `invalid arg 'x-queue-version' for queue 'q' in vhost '/': "unsupported queue version '3'"`,
    ],
    [
      { 'x-queue-type': 'foo' },
      `invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type 'foo'"`,
    ],
    [{ 'x-queue-type': byte(5) }, "invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,byte}"],
    [{ 'x-max-age': '5D' }, "invalid arg 'x-max-age' for queue 'q' in vhost '/' of queue type rabbit_classic_queue"],
    [
      { 'x-queue-type': 'quorum', 'x-max-priority': byte(5) },
      "invalid arg 'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue",
    ],
    [
      { 'x-queue-type': 'quorum', 'x-queue-mode': 'lazy' },
      "invalid arg 'x-queue-mode' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue",
    ],
  ])('number %# are refused, and told why', (args, text) => {
    expect(() => declare(args)).toThrow(text);
  });

  it('say of a quorum queue which property it cannot have', () => {
    const quorum = { 'x-queue-type': 'quorum' };
    expect(() => declare(quorum, { durable: false })).toThrow(
      "invalid property 'non-durable' for queue 'q' in vhost '/'",
    );
    expect(() => declare(quorum, { exclusive: true })).toThrow("invalid property 'exclusive-owner' for queue 'q' in");
    expect(() => declare(quorum, { autoDelete: true })).toThrow("invalid property 'auto-delete' for queue 'q' in");
  });

  it('are passed over in a log that has them', () => {
    const args = headers({ 'x-message-ttl': 'a', 'x-max-length': byte(3), 'x-dead-letter-routing-key': 'k' });
    const options = { durable: true, exclusive: false, autoDelete: false, arguments: args };
    expect(recoverArguments('q', '/', options)).toEqual({ ...DEFAULT_SETTINGS, lengthMax: 3 });
  });
});

describe('arguments that are right', () => {
  it('become settings', () => {
    const settings = declare({
      'x-message-ttl': long(5),
      'x-consumer-timeout': long(60_000),
      'x-lease': long(30_000),
      'x-expires': byte(7),
      'x-max-length': byte(0),
      'x-max-length-bytes': byte(9),
      'x-overflow': 'reject-publish-dlx',
      'x-max-priority': { type: 'uint8', value: 255 },
      'x-single-active-consumer': true,
      'x-dead-letter-exchange': 'x',
      'x-dead-letter-routing-key': 'k',
      'x-delivery-limit': byte(3),
      'x-queue-mode': 'lazy',
      'x-unknown': 'whatever',
    });
    expect(settings).toEqual({
      type: 'classic',
      messageTtlMs: 5,
      consumerTimeoutMs: 60_000,
      leaseMs: 30_000,
      expiresMs: 7,
      lengthMax: 0,
      bytesMax: 9,
      overflow: 'reject-publish-dlx',
      priorityMax: 255,
      singleActiveConsumer: true,
      deadLetterExchange: 'x',
      deadLetterKey: 'k',
      attemptsMax: 3,
      backoff: null,
      passport: false,
      deduplication: null,
      order: null,
    });
  });

  it('give a quorum queue a limit of deliveries when they name none', () => {
    expect(declare({ 'x-queue-type': 'quorum' }).attemptsMax).toBe(20);
    expect(declare({ 'x-queue-type': 'quorum', 'x-delivery-limit': byte(2) }).attemptsMax).toBe(2);
    expect(declare({ 'x-queue-type': 'quorum', 'x-dead-letter-strategy': 'at-least-once' }).type).toBe('quorum');
  });
});

describe('declaring again', () => {
  const again = (current: Record<string, Value>, received: Record<string, Value>) => () =>
    compareArguments(headers(received), headers(current), "queue 'q' in vhost '/'");

  it.each<[Record<string, Value>, Record<string, Value>, string]>([
    [
      { 'x-message-ttl': byte(5) },
      { 'x-message-ttl': byte(6) },
      "'x-message-ttl' for queue 'q' in vhost '/': received '6' but current is '5'",
    ],
    [{ 'x-message-ttl': byte(5) }, {}, "received none but current is the value '5' of type 'byte'"],
    [{}, { 'x-message-ttl': byte(5) }, "received the value '5' of type 'byte' but current is none"],
    [{ 'x-message-ttl': byte(5) }, { 'x-message-ttl': real(5) }, "received '5.0' but current is '5'"],
    [{ 'x-message-ttl': byte(5) }, { 'x-message-ttl': real(-7) }, "received '-7.0' but current is '5'"],
    [{ 'x-message-ttl': byte(5) }, { 'x-message-ttl': real(1.5) }, "received '1.5' but current is '5'"],
    [{ 'x-message-ttl': byte(5) }, { 'x-message-ttl': 'a' }, "received 'a' but current is '5'"],
    [
      { 'x-single-active-consumer': true },
      { 'x-single-active-consumer': false },
      "received 'false' but current is 'true'",
    ],
    [{ 'x-queue-type': 'quorum' }, { 'x-queue-type': 'classic' }, "received 'classic' but current is 'quorum'"],
    [{ 'x-queue-type': 'quorum' }, {}, "received none but current is the value 'quorum' of type 'longstr'"],
    [
      { 'x-message-ttl': byte(5), 'x-expires': byte(5) },
      { 'x-message-ttl': byte(6), 'x-expires': byte(6) },
      "inequivalent arg 'x-expires'",
    ],
  ])('number %# is refused', (current, received, text) => {
    expect(again(current, received)).toThrow(text);
  });

  it.each<[Record<string, Value>, Record<string, Value>]>([
    [{ 'x-message-ttl': byte(5) }, { 'x-message-ttl': long(5) }],
    [{ 'x-queue-type': 'classic' }, {}],
    [{}, { 'x-queue-type': 'classic' }],
    [{ 'x-unknown': byte(5) }, { 'x-unknown': byte(6) }],
  ])('number %# is the same', (current, received) => {
    expect(again(current, received)).not.toThrow();
  });
});

describe('a policy', () => {
  it('has its way where the lower of two numbers is its own, and where nothing was said', () => {
    const own = { ...DEFAULT_SETTINGS, messageTtlMs: 100, lengthMax: 5, overflow: 'drop-head' as const };
    const policy = {
      messageTtlMs: 50,
      lengthMax: 9,
      expiresMs: 7,
      deadLetterExchange: 'x',
      overflow: 'reject-publish' as const,
    };
    const merged = withPolicy(own, [], policy);
    expect(merged).toMatchObject({
      messageTtlMs: 50,
      lengthMax: 5,
      expiresMs: 7,
      deadLetterExchange: 'x',
      overflow: 'reject-publish',
    });
    expect(withPolicy(own, ['x-overflow'], policy).overflow).toBe('drop-head');
    expect(withPolicy({ ...own, deadLetterExchange: 'mine' }, [], policy).deadLetterExchange).toBe('mine');
    expect(withPolicy(own, [], null)).toBe(own);
  });
});
