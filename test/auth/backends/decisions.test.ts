/** Answers of back ends that are kept: how long, how many, and what becomes of those that fail. */
import { describe, expect, it } from 'vitest';
import type { PendingAnswer } from '../../../src/api/identity.ts';
import { AnswerCache } from '../../../src/auth/backends/answer-cache.ts';
import { type Answered, Decisions } from '../../../src/auth/backends/decisions.ts';

function setUp(entriesMax = 10) {
  const state = { nowMs: 0, lost: 0, asked: [] as { key: string; answer: Answered }[] };
  const decisions = new Decisions(
    { lifetimeMs: 10_000, entriesMax },
    () => state.nowMs,
    () => state.lost++,
  );
  const get = (key: string): boolean | PendingAnswer =>
    decisions.get(key, (answer) => state.asked.push({ key, answer }));
  /** Answers what was asked last. */
  const answer = (allowed: boolean | undefined): void => state.asked.pop()!.answer(allowed);
  return { state, decisions, get, answer };
}

describe('a decision', () => {
  it('is asked for once, however many wait, and known from then on', () => {
    const { state, get, answer } = setUp();
    let woken = 0;
    for (let i = 0; i < 3; i++) (get('a') as PendingAnswer).whenKnown(() => woken++);
    expect(state.asked).toHaveLength(1);
    answer(true);
    expect(woken).toBe(3);
    expect(get('a')).toBe(true);
    state.nowMs = 4_999;
    expect(get('a')).toBe(true);
    expect(state.asked).toHaveLength(0);
  });

  it('that is used is asked for again in the second half of its life, and nobody waits', () => {
    const { state, get, answer } = setUp();
    get('a');
    answer(true);
    state.nowMs = 5_000;
    expect(get('a')).toBe(true);
    expect(get('a')).toBe(true);
    expect(state.asked).toHaveLength(1);
    answer(true);
    state.nowMs = 14_999;
    expect(get('a')).toBe(true);
    expect(state.lost).toBe(0);
  });

  it('that has become no is told at once', () => {
    const { state, get, answer } = setUp();
    get('a');
    answer(true);
    state.nowMs = 5_000;
    get('a');
    answer(false);
    expect(state.lost).toBe(1);
    expect(get('a')).toBe(false);
  });

  it('that was no is kept too, and asked for when its life is over', () => {
    const { state, get, answer } = setUp();
    get('a');
    answer(false);
    state.nowMs = 9_999;
    expect(get('a')).toBe(false);
    expect(state.asked).toHaveLength(0);
    state.nowMs = 10_000;
    expect(get('a')).toMatchObject({ failed: false });
    expect(state.asked).toHaveLength(1);
  });

  it('that fails is a failure for a moment, then tried again; what was known holds to its end', () => {
    const { state, get, answer } = setUp();
    get('a');
    answer(undefined);
    expect(get('a')).toMatchObject({ failed: true });
    expect(state.asked).toHaveLength(0);
    state.nowMs = 1_000;
    expect(get('a')).toMatchObject({ failed: false });
    answer(true);
    state.nowMs = 7_000;
    get('a');
    answer(undefined);
    expect(get('a')).toBe(true);
    expect(state.lost).toBe(0);
    state.nowMs = 11_000;
    expect(get('a')).toMatchObject({ failed: false });
  });

  it('is forgotten when it is told to be, and who waits is answered all the same', () => {
    const { state, decisions, get, answer } = setUp();
    get('a');
    answer(true);
    let woken = false;
    (get('b') as PendingAnswer).whenKnown(() => {
      woken = true;
    });
    decisions.forget();
    answer(true);
    expect(woken).toBe(true);
    expect(get('a')).toMatchObject({ failed: false });
    expect(state.asked).toHaveLength(1);
  });

  it('is one of so many: what was not asked for longest goes', () => {
    const { decisions, get, answer } = setUp(3);
    for (const key of ['a', 'b', 'c']) {
      get(key);
      answer(true);
    }
    get('a');
    get('d');
    answer(true);
    expect(decisions.size).toBe(3);
    expect(['a', 'c', 'd'].map(get)).toEqual([true, true, true]);
    expect(get('b')).toMatchObject({ failed: false });
  });
});

describe('kept answers', () => {
  it('go by age and by number', () => {
    let nowMs = 0;
    const cache = new AnswerCache<number>(2, () => nowMs);
    cache.set('a', 1, 100);
    cache.set('b', 2, 1_000);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3, 1_000);
    expect(cache.get('b')).toBeUndefined();
    nowMs = 100;
    expect([cache.get('a'), cache.get('c'), cache.size]).toEqual([undefined, 3, 1]);
  });
});
