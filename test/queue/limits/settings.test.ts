/** How a queue's own arguments and a policy make one rule. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type QueueSettings, withPolicy } from '../../../src/queue/limits/settings.ts';

const backoff = {
  kind: 'constant' as const,
  delayMs: 1,
  delayMaxMs: 1,
  factor: 2,
  jitter: 0,
  list: [],
  on: 'failed' as const,
};

describe('a policy', () => {
  it('changes nothing where there is none', () => {
    expect(withPolicy(DEFAULT_SETTINGS, [], null)).toBe(DEFAULT_SETTINGS);
  });

  it('says what the queue does not say itself', () => {
    const policy = {
      messageTtlMs: 1,
      expiresMs: 2,
      lengthMax: 3,
      bytesMax: 4,
      attemptsMax: 5,
      overflow: 'reject-publish' as const,
      deadLetterExchange: 'x',
      deadLetterKey: 'k',
      backoff,
    };
    expect(withPolicy(DEFAULT_SETTINGS, [], policy)).toEqual({ ...DEFAULT_SETTINGS, ...policy });
    expect(withPolicy(DEFAULT_SETTINGS, [], {})).toEqual(DEFAULT_SETTINGS);
  });

  it('limits what the queue says: of two numbers the lower counts, and none is no number', () => {
    const own: QueueSettings = { ...DEFAULT_SETTINGS, messageTtlMs: 10, expiresMs: 20, lengthMax: 30, bytesMax: 40 };
    expect(withPolicy(own, [], { messageTtlMs: 9, expiresMs: 19, lengthMax: 29, bytesMax: 39 })).toMatchObject({
      messageTtlMs: 9,
      expiresMs: 19,
      lengthMax: 29,
      bytesMax: 39,
    });
    expect(withPolicy(own, [], { messageTtlMs: 11, expiresMs: 21, lengthMax: 31, bytesMax: 41 })).toEqual(own);
    expect(withPolicy(own, [], { messageTtlMs: -1, expiresMs: -1 })).toEqual(own);
    expect(withPolicy(own, [], { messageTtlMs: 0, lengthMax: 0 })).toMatchObject({ messageTtlMs: 0, lengthMax: 0 });
  });

  it('does not overrule a word of the queue’s own', () => {
    const own: QueueSettings = {
      ...DEFAULT_SETTINGS,
      overflow: 'drop-head',
      deadLetterExchange: '',
      deadLetterKey: '',
    };
    const policy = { overflow: 'reject-publish' as const, deadLetterExchange: 'x', deadLetterKey: 'k' };
    expect(withPolicy(own, ['x-overflow'], policy)).toEqual(own);
    expect(withPolicy(own, [], policy).overflow).toBe('reject-publish');
  });

  it('sets the attempts, lower or higher, where they come with the type alone, and lowers them where they were asked for', () => {
    const own: QueueSettings = { ...DEFAULT_SETTINGS, type: 'quorum', attemptsMax: 20 };
    expect(withPolicy(own, [], { attemptsMax: 100 }).attemptsMax).toBe(100);
    expect(withPolicy(own, [], {}).attemptsMax).toBe(20);
    expect(withPolicy(own, ['x-delivery-limit'], { attemptsMax: 100 }).attemptsMax).toBe(20);
    expect(withPolicy(own, ['x-delivery-limit'], { attemptsMax: 3 }).attemptsMax).toBe(3);
    expect(withPolicy(own, ['x-delivery-limit'], {}).attemptsMax).toBe(20);
  });

  it('turns a backoff off when it says so', () => {
    const own: QueueSettings = { ...DEFAULT_SETTINGS, backoff };
    expect(withPolicy(own, [], { backoff: null }).backoff).toBe(backoff);
  });
});
