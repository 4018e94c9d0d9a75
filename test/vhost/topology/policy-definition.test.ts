/** What a policy may say, key by key and up to its bounds, and what a queue makes of it. */
import { describe, expect, it } from 'vitest';
import type { PolicyValue } from '../../../src/api/index.ts';
import {
  checkDefinition,
  ignoredKeys,
  mergeDefinitions,
  POLICY_KEYS,
  queuePolicy,
} from '../../../src/vhost/topology/policy-definition.ts';

const refusal = (name: string, value: PolicyValue, operator = false): string => {
  try {
    checkDefinition({ [name]: value }, operator);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

/** By key: values that it can have, values that it cannot have. */
const VALUES: Record<string, [PolicyValue[], PolicyValue[]]> = {
  'alternate-exchange': [['x', ''], [1]],
  'dead-letter-exchange': [['x', ''], [0]],
  'dead-letter-routing-key': [['k'], [7]],
  'dead-letter-strategy': [
    ['at-most-once', 'at-least-once'],
    ['once', 1],
  ],
  'message-ttl': [
    [0, 1],
    [-1, 1.5, '1'],
  ],
  expires: [[1], [0, -1, '1']],
  'max-length': [
    [0, 9],
    [-1, '0'],
  ],
  'max-length-bytes': [
    [0, 9],
    [-1, '0'],
  ],
  overflow: [
    ['drop-head', 'reject-publish', 'reject-publish-dlx'],
    ['drop', 1],
  ],
  'consumer-timeout': [
    [1, 1_800_000],
    [-1, 1.5, '1'],
  ],
  lease: [[1_000], [-1, 0.5, '1000']],
  'half-message-check-after': [
    [1, 60_000],
    [0, '1'],
  ],
  'half-message-checks': [
    [0, 15],
    [-1, '1'],
  ],
  'half-message-default': [
    ['commit', 'rollback'],
    ['ask', 1],
  ],
  passport: [
    [true, false],
    ['true', 1],
  ],
  'delivery-limit': [
    [0, 3],
    [-1, '3'],
  ],
  'retry-backoff': [['constant', 'linear', 'exponential'], ['never']],
  'retry-delay': [[1], [0, '1']],
  'retry-delay-max': [[1], [0, '1']],
  'retry-delays': [
    ['1', '1000,5000,30000', '1 , 2', '10,20', '1000000000'],
    ['', '0', '1,0', '00,1', '1,,2', '1;2', '-1', '1,', '12345678901', 5],
  ],
  'retry-jitter': [
    [0, 100],
    [-1, 101, '5', 0.5],
  ],
  'delayed-retry-type': [['disabled'], ['some', 1]],
  'delayed-retry-min': [[1], [0, '1', 1.5]],
  'delayed-retry-max': [[], [0, '1']],
  'delayed-retry-multiplier': [[], [0, '2', 1.5]],
  'retry-max-attempts': [[1], [0, '1']],
  'retry-initial-interval': [[1], [0, '1']],
  'retry-multiplier': [
    [1, 1.5],
    [0.5, '2'],
  ],
  'retry-max-interval': [[1_000], [0, '1']],
  'x-message-deduplication': [
    [true, false],
    ['true', 1],
  ],
  'x-cache-size': [
    [1, 10_000_000],
    [0, 10_000_001, 1.5],
  ],
  'x-cache-ttl': [[1], [0, -1]],
  'x-cache-persistence': [['disk', 'memory'], ['tape']],
  'x-deduplication-header': [['message-id'], ['', 1]],
  'group-by': [
    ['customer', 'routing-key', 'header:type'],
    ['', 1, 'ä'],
  ],
  'group-buckets': [
    [1, 65_536],
    [0, 65_537, 1.5, '1'],
  ],
  'group-in-flight': [
    [0, 65_535],
    [-1, 65_536],
  ],
  'strict-order': [[true, false], ['true']],
  'fair-by': [['tenant'], ['']],
  'queue-mode': [['default', 'lazy'], ['eager']],
  'queue-version': [
    [1, 2],
    [3, 0, '1'],
  ],
  'max-in-memory-length': [[0], [-1]],
  'max-in-memory-bytes': [[0], [-1]],
};

describe('a policy’s definition', () => {
  for (const [name, [good, bad]] of Object.entries(VALUES)) {
    it(`${name}: takes ${JSON.stringify(good)}, refuses ${JSON.stringify(bad)}`, () => {
      for (const value of good) expect(refusal(name, value)).toBe('');
      for (const value of bad) {
        expect(refusal(name, value)).toMatch(/is not a valid .+ \(/);
        expect(refusal(name, value)).toContain(`(${name})`);
      }
    });
  }

  it('takes what is without effect here, whatever its value, and tells which that is', () => {
    const ha = ['queue-master-locator', 'queue-leader-locator', 'ha-mode', 'ha-params', 'ha-sync-mode'];
    const more = ['ha-sync-batch-size', 'ha-promote-on-shutdown', 'ha-promote-on-failure'];
    for (const name of [...ha, ...more]) expect(refusal(name, 'anything')).toBe('');
    const memory = ['max-in-memory-length', 'max-in-memory-bytes'];
    expect([...POLICY_KEYS].filter((name) => ignoredKeys({ [name]: 1 }).length > 0).sort()).toEqual(
      [...ha, ...more, ...memory].sort(),
    );
    expect([...POLICY_KEYS].sort()).toEqual([...Object.keys(VALUES), ...ha, ...more].sort());
  });

  it('is refused when it is empty, or has a key that nobody knows, those of every object among them', () => {
    expect(() => checkDefinition({}, false)).toThrow('the definition is empty');
    for (const name of ['max-lenght', 'toString', '__proto__']) {
      const definition = Object.fromEntries([[name, 1]]);
      expect(() => checkDefinition(definition, false)).toThrow(`["${name}"] are not recognised policy settings`);
    }
  });

  it('is refused when it contradicts itself', () => {
    expect(refusal('delayed-retry-type', 'all')).toBe('delayed-retry-min is required when delayed-retry-type is all');
    expect(refusal('delayed-retry-max', 1)).toBe('delayed-retry-max says nothing without delayed-retry-min');
    const limits = { 'delivery-limit': 3, 'retry-max-attempts': 3 };
    expect(() => checkDefinition(limits, false)).toThrow('both say how often');
  });

  it('of an operator has limits and the like, and nothing else', () => {
    const mayHave = POLICY_KEYS.filter((name) => refusal(name, VALUES[name]?.[0][0] ?? 1, true) === '');
    expect(mayHave.sort()).toEqual(
      [
        'delayed-retry-min',
        'delayed-retry-type',
        'delivery-limit',
        'expires',
        'max-in-memory-bytes',
        'max-in-memory-length',
        'max-length',
        'max-length-bytes',
        'message-ttl',
        'overflow',
        'queue-version',
      ].sort(),
    );
    expect(refusal('dead-letter-exchange', 'x', true)).toBe(
      '["dead-letter-exchange"] are not recognised policy settings of an operator policy',
    );
    expect(refusal('nonsense', 'x', true)).toBe('["nonsense"] are not recognised policy settings');
  });
});

describe('two policies in force', () => {
  it('make one: the lower limit counts, the operator’s words win', () => {
    expect(mergeDefinitions({ 'max-length': 5, overflow: 'drop-head' }, { 'max-length': 9 })).toEqual({
      'max-length': 5,
      overflow: 'drop-head',
    });
    expect(mergeDefinitions({ 'max-length': 9 }, { 'max-length': 5, 'message-ttl': 1 })).toEqual({
      'max-length': 5,
      'message-ttl': 1,
    });
    expect(mergeDefinitions({ overflow: 'drop-head' }, { overflow: 'reject-publish' })).toEqual({
      overflow: 'reject-publish',
    });
    expect(mergeDefinitions({ 'queue-version': 1 }, { 'queue-version': 2 })).toEqual({ 'queue-version': 2 });
  });

  it('are the one that there is when there is one', () => {
    const one = { 'max-length': 1 };
    expect(mergeDefinitions(one, undefined)).toBe(one);
    expect(mergeDefinitions(undefined, one)).toBe(one);
    expect(mergeDefinitions(undefined, undefined)).toBeUndefined();
  });
});

describe('what a definition says about a queue', () => {
  it('are its settings, each under its own name', () => {
    const settings = queuePolicy({
      'dead-letter-exchange': 'x',
      'dead-letter-routing-key': 'k',
      'message-ttl': 1,
      expires: 2,
      'max-length': 3,
      'max-length-bytes': 4,
      overflow: 'reject-publish',
      'delivery-limit': 5,
      'alternate-exchange': 'not the queue’s',
      'queue-mode': 'lazy',
    });
    expect(settings).toEqual({
      deadLetterExchange: 'x',
      deadLetterKey: 'k',
      messageTtlMs: 1,
      expiresMs: 2,
      lengthMax: 3,
      bytesMax: 4,
      overflow: 'reject-publish',
      attemptsMax: 5,
      backoff: null,
      deduplication: null,
      order: null,
    });
  });

  it('are words about taking a message once', () => {
    const { deduplication } = queuePolicy({ 'x-message-deduplication': true, 'x-cache-size': 7, 'x-cache-ttl': 9 });
    expect(deduplication).toEqual({ on: true, size: 7, ttlMs: 9 });
  });

  it('is a backoff as soon as one of its keys is there: one second, an hour at most, no jitter, unless said', () => {
    const plain = {
      kind: 'constant',
      delayMs: 1_000,
      delayMaxMs: 3_600_000,
      factor: 2,
      jitter: 0,
      list: [],
      on: 'failed',
    };
    expect(queuePolicy({ 'max-length': 1 }).backoff).toBeNull();
    expect(queuePolicy({ 'retry-backoff': 'linear' }).backoff).toEqual({ ...plain, kind: 'linear' });
    expect(queuePolicy({ 'retry-delay': 5 }).backoff).toEqual({ ...plain, delayMs: 5 });
    expect(queuePolicy({ 'retry-delay-max': 9 }).backoff).toEqual({ ...plain, delayMaxMs: 9 });
    expect(queuePolicy({ 'retry-jitter': 25 }).backoff).toEqual({ ...plain, jitter: 0.25 });
    expect(queuePolicy({ 'retry-delays': '1 ,20, 300' }).backoff).toEqual({ ...plain, list: [1, 20, 300] });
  });

  it('has the attempts that a dialect brings with it, unless it says how many', () => {
    expect(queuePolicy({ 'delayed-retry-min': 5 }).attemptsMax).toBe(20);
    expect(queuePolicy({ 'delayed-retry-min': 5, 'delivery-limit': 3 }).attemptsMax).toBe(3);
    expect(queuePolicy({ 'retry-delays': 'rocketmq' }).attemptsMax).toBe(16);
    expect(queuePolicy({ 'retry-delay': 5 })).not.toHaveProperty('attemptsMax');
  });

  it('of an operator’s and an ordinary one has the longer first delay and the shorter last one', () => {
    const merged = mergeDefinitions(
      { 'delayed-retry-type': 'all', 'delayed-retry-min': 5, 'delayed-retry-max': 90 },
      { 'delayed-retry-min': 7, 'delayed-retry-max': 50 },
    )!;
    expect(queuePolicy(merged).backoff).toMatchObject({ on: 'all', delayMs: 7, delayMaxMs: 50 });
  });
});
