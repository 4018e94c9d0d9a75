import { describe, expect, it } from 'vitest';
import { ACCEPTED, MODIFIED, REJECTED, RELEASED } from '../../src/api/index.ts';
import { DEAD_LETTER, DONE, DROP, decide, REQUEUE, RETRY } from '../../src/settlement/decide.ts';

const unlimited = {
  attemptsMax: Number.POSITIVE_INFINITY,
  deadLetterExchange: null,
  deadLetterKey: null,
  backoff: null,
};
const limited = { attemptsMax: 2, deadLetterExchange: 'dlx', deadLetterKey: null, backoff: null };

describe('what becomes of a delivery', () => {
  it.each([
    ['accepted is done', unlimited, 0, ACCEPTED, DONE, 0],
    ['released goes back and is no attempt', unlimited, 3, RELEASED, REQUEUE, 3],
    ['released goes back also when attempts are used up', limited, 2, RELEASED, REQUEUE, 2],
    ['failed goes back, an attempt', unlimited, 3, MODIFIED, REQUEUE, 4],
    ['failed within the limit goes back', limited, 1, MODIFIED, REQUEUE, 2],
    ['failed beyond the limit is dead', limited, 2, MODIFIED, DEAD_LETTER, 3],
    [
      'failed beyond the limit with nowhere to go is dropped',
      { ...limited, deadLetterExchange: null },
      2,
      MODIFIED,
      DROP,
      3,
    ],
    ['rejected is dead', limited, 0, REJECTED, DEAD_LETTER, 0],
    ['rejected with nowhere to go is dropped', unlimited, 0, REJECTED, DROP, 0],
  ] as const)('%s', (_name, policy, attempts, outcome, action, attemptsAfter) => {
    const decision = decide(policy, attempts, outcome);
    expect(decision.action).toBe(action);
    if (action !== DONE) expect(decision.attempts).toBe(attemptsAfter);
  });

  it('failed waits where there is a backoff, until it is beyond the limit', () => {
    const backoff = {
      kind: 'constant',
      delayMs: 1,
      delayMaxMs: 1,
      factor: 2,
      jitter: 0,
      list: [],
      on: 'failed',
    } as const;
    expect(decide({ ...limited, backoff }, 1, MODIFIED)).toMatchObject({ action: RETRY, attempts: 2 });
    expect(decide({ ...limited, backoff }, 2, MODIFIED).action).toBe(DEAD_LETTER);
    expect(decide({ ...limited, backoff }, 1, RELEASED).action).toBe(REQUEUE);
  });

  it('what is given back without an attempt waits where the backoff says so, and what failed does not where it says that', () => {
    const backoff = { kind: 'constant', delayMs: 1, delayMaxMs: 1, factor: 2, jitter: 0, list: [] } as const;
    const on = (which: 'returned' | 'all') => ({ ...limited, backoff: { ...backoff, on: which } });
    expect(decide(on('returned'), 1, RELEASED)).toMatchObject({ action: RETRY, attempts: 1 });
    expect(decide(on('returned'), 1, MODIFIED)).toMatchObject({ action: REQUEUE, attempts: 2 });
    expect(decide(on('all'), 1, RELEASED)).toMatchObject({ action: RETRY, attempts: 1 });
    expect(decide(on('all'), 1, MODIFIED)).toMatchObject({ action: RETRY, attempts: 2 });
  });

  it('says why: out of attempts is not rejected', () => {
    expect(decide(limited, 2, MODIFIED).reason).toBe('delivery_limit');
    expect(decide(limited, 2, REJECTED).reason).toBe('rejected');
  });
});
