/** How retries are said in the words of other brokers, and what contradicts itself. */
import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/settlement/backoff.ts';
import { RETRY_KEYS, type RetryValue, retryContradiction, retryRules } from '../../src/settlement/retry-dialects.ts';

type Said = Readonly<Record<string, RetryValue>>;
const rules = (said: Said, limited = false) => retryRules((key) => said[key], limited);
const contradiction = (said: Said, limited = false) => retryContradiction((key) => said[key], limited);
const MINUTE = 60_000;

describe('the delays that each dialect means', () => {
  it.each<[string, Said, number[], number | undefined]>([
    ['own: a second each time by itself', { 'retry-jitter': 0 }, [1_000, 1_000], undefined],
    ['own: exponential doubles', { 'retry-backoff': 'exponential', 'retry-delay': 10 }, [10, 20, 40], undefined],
    ['own: a list', { 'retry-delays': '5, 50' }, [5, 50, 50], undefined],
    [
      'RabbitMQ 4.3: min times attempts, up to max',
      { 'delayed-retry-type': 'failed', 'delayed-retry-min': 1_000, 'delayed-retry-max': 2_500 },
      [1_000, 2_000, 2_500, 2_500],
      undefined,
    ],
    [
      'RabbitMQ 4.3: without max it stays at min',
      { 'delayed-retry-type': 'all', 'delayed-retry-min': 700 },
      [700, 700],
      undefined,
    ],
    ['LavinMQ 2.11: min alone is linear without an end', { 'delayed-retry-min': 100 }, [100, 200, 300], 20],
    [
      'LavinMQ 2.11: multiplier 1 is constant',
      { 'delayed-retry-min': 100, 'delayed-retry-multiplier': 1 },
      [100, 100, 100],
      20,
    ],
    [
      'LavinMQ 2.11: a multiplier is exponential, up to max',
      { 'delayed-retry-min': 100, 'delayed-retry-multiplier': 3, 'delayed-retry-max': 2_000 },
      [100, 300, 900, 2_000],
      20,
    ],
    [
      'RocketMQ: its levels from the third on',
      { 'retry-delays': 'rocketmq' },
      [10_000, 30_000, MINUTE, 2 * MINUTE],
      16,
    ],
    ['Spring: three attempts, the first delivery among them', { 'retry-initial-interval': 200 }, [200, 200], 2],
    [
      'Spring: a multiplier, up to the longest',
      { 'retry-max-attempts': 5, 'retry-initial-interval': 100, 'retry-multiplier': 1.5, 'retry-max-interval': 200 },
      [100, 150, 200, 200],
      4,
    ],
  ])('%s', (_name, said, delays, attemptsMax) => {
    expect(contradiction(said)).toBeUndefined();
    const { backoff, attemptsMax: limit } = rules(said);
    expect(delays.map((_, i) => backoffMs(backoff!, i + 1, 7))).toEqual(delays);
    expect(limit).toBe(attemptsMax);
  });

  it('what RocketMQ waits last is two hours, again and again', () => {
    const { backoff } = rules({ 'retry-delays': 'rocketmq' });
    expect([16, 17].map((n) => backoffMs(backoff!, n, 1))).toEqual([120 * MINUTE, 120 * MINUTE]);
  });

  it.each<[string, Said]>([
    ['nothing is said', {}],
    ['it is disabled', { 'delayed-retry-type': 'disabled' }],
    ['it is disabled, whatever else is said', { 'delayed-retry-type': 'disabled', 'delayed-retry-min': 5 }],
  ])('there are none where %s', (_name, said) => {
    expect(contradiction(said)).toBeUndefined();
    expect(rules(said)).toEqual({ backoff: null, attemptsMax: undefined });
  });

  it.each(['all', 'returned', 'failed'] as const)('RabbitMQ’s type %s says what is followed by a delay', (type) => {
    expect(rules({ 'delayed-retry-type': type, 'delayed-retry-min': 5 }).backoff!.on).toBe(type);
  });

  it('a limit of its own counts, and not the dialect’s', () => {
    for (const said of [{ 'delayed-retry-min': 5 }, { 'retry-delays': 'rocketmq' }, { 'retry-initial-interval': 5 }]) {
      expect(rules(said, true).attemptsMax).toBeUndefined();
    }
  });
});

describe('a contradiction is named', () => {
  it.each<[Said, string, boolean?]>([
    [
      { 'retry-delay': 5, 'delayed-retry-min': 5 },
      "retry-delay is this broker's own word and delayed-retry-min RabbitMQ's and LavinMQ's: say it in one of them",
    ],
    [
      { 'delayed-retry-min': 5, 'retry-max-attempts': 5 },
      "delayed-retry-min is RabbitMQ's and LavinMQ's word and retry-max-attempts Spring's: say it in one of them",
    ],
    [{ 'delayed-retry-type': 'all' }, 'delayed-retry-min is required when delayed-retry-type is all'],
    [{ 'delayed-retry-max': 9 }, 'delayed-retry-max says nothing without delayed-retry-min'],
    [
      { 'delayed-retry-min': 9, 'delayed-retry-max': 8 },
      'delayed-retry-max (8) must not be smaller than delayed-retry-min (9)',
    ],
    [{ 'retry-delay': 9, 'retry-delay-max': 8 }, 'retry-delay-max (8) must not be smaller than retry-delay (9)'],
    [
      { 'retry-initial-interval': 9, 'retry-max-interval': 8 },
      'retry-max-interval (8) must not be smaller than retry-initial-interval (9)',
    ],
    [
      { 'retry-delays': '1', 'retry-backoff': 'linear' },
      'retry-delays lists every delay, so retry-backoff says nothing beside it: keep one of them',
    ],
    [{ 'retry-max-attempts': 3 }, 'retry-max-attempts and delivery-limit both say how often: keep one of them', true],
  ])('%o', (said, text, limited) => {
    expect(contradiction(said, limited ?? false)).toBe(text);
    // What two people have said, each for themselves, has rules all the same.
    const { backoff } = rules(said, limited ?? false);
    if (backoff !== null) expect(backoffMs(backoff, 3, 1)).toBeGreaterThan(0);
  });
});

describe('a value', () => {
  it.each<[string, unknown]>([
    ['retry-backoff', 'quadratic'],
    ['retry-delay', 0],
    ['retry-delays', '1,,2'],
    ['retry-delays', '1,0'],
    ['retry-delays', 'kafka'],
    ['retry-jitter', 101],
    ['delayed-retry-type', 'some'],
    ['delayed-retry-min', 0],
    ['delayed-retry-min', 1.5],
    ['delayed-retry-max', '5'],
    ['delayed-retry-multiplier', 0],
    ['retry-max-attempts', 0],
    ['retry-multiplier', 0.5],
    ['retry-multiplier', Number.NaN],
    ['retry-max-interval', undefined],
  ])('%s: %o is none', (key, value) => {
    expect(RETRY_KEYS[key]!.check(value)).toBe(false);
  });
});
