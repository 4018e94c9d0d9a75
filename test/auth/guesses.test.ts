import { beforeEach, describe, expect, it } from 'vitest';
import { Guesses } from '../../src/auth/guesses.ts';
import { PasswordWork } from '../../src/auth/password-work.ts';
import { ManualClock } from '../../src/clock/clock.ts';

describe('guesses', () => {
  let clock: ManualClock;
  let guesses: Guesses;
  let gone: string[];

  beforeEach(() => {
    clock = new ManualClock();
    guesses = new Guesses(clock);
    gone = [];
  });

  const admit = (address: string, user: string, name = `${user}@${address}`): boolean =>
    guesses.admit(address, user, () => void gone.push(name));
  const fail = (address: string, user: string, times: number): void => {
    for (let i = 0; i < times; i++) guesses.failed(address, user);
  };

  it('wait after the third failure of a pair, longer from one to the next, and never longer than four seconds', () => {
    fail('10.0.0.1', 'ann', 2);
    admit('10.0.0.1', 'ann', 'third');
    expect(gone).toEqual(['third']);
    for (const waitMs of [250, 500, 1_000, 2_000, 4_000, 4_000]) {
      gone = [];
      fail('10.0.0.1', 'ann', 1);
      admit('10.0.0.1', 'ann', 'next');
      clock.advance(waitMs - 40);
      expect(gone).toEqual([]);
      clock.advance(60);
      expect(gone).toEqual(['next']);
    }
    expect(guesses.delayed).toBe(6);
  });

  it('of one pair go one after the other, and so many wait at most', () => {
    fail('10.0.0.1', 'ann', 3);
    const admitted = Array.from({ length: 10 }, (_, i) => admit('10.0.0.1', 'ann', String(i)));
    expect(admitted.filter((yes) => yes).length).toBe(8);
    clock.advance(300);
    expect(gone).toEqual(['0']);
    clock.advance(250);
    expect(gone).toEqual(['0', '1']);
    clock.advance(2_000);
    expect(gone.length).toBe(8);
    expect(admit('10.0.0.1', 'ann')).toBe(true);
  });

  it('lock nobody out: the same user from elsewhere, and another user from there, do not wait', () => {
    fail('10.0.0.1', 'ann', 100);
    admit('10.0.0.2', 'ann');
    admit('10.0.0.1', 'bob');
    expect(gone).toEqual(['ann@10.0.0.2', 'bob@10.0.0.1']);
  });

  it('are forgiven by the right password, and forgotten after ten minutes', () => {
    fail('10.0.0.1', 'ann', 5);
    guesses.succeeded('10.0.0.1', 'ann');
    admit('10.0.0.1', 'ann', 'forgiven');
    expect(gone).toEqual(['forgiven']);
    fail('10.0.0.1', 'ann', 5);
    clock.advance(600_000);
    admit('10.0.0.1', 'ann', 'forgotten');
    expect(gone).toEqual(['forgiven', 'forgotten']);
  });

  it('are remembered of ten thousand pairs at most, those that failed last', () => {
    fail('10.0.0.1', 'first', 4);
    for (let i = 0; i < 10_000; i++) guesses.failed('10.0.0.2', `user ${i}`);
    expect(guesses.size).toBe(10_000);
    admit('10.0.0.1', 'first', 'no longer known');
    expect(gone).toEqual(['no longer known']);
  });
});

describe('the hashing of passwords', () => {
  const held = () => {
    const ends: (() => void)[] = [];
    return { ends, work: () => new Promise<void>((resolve) => void ends.push(resolve)) };
  };

  it('goes on two at a time, the addresses by turns', async () => {
    const work = new PasswordWork();
    const begun: string[] = [];
    const { ends, work: hold } = held();
    const task = (name: string) => () => {
      begun.push(name);
      return hold();
    };
    for (const name of ['a1', 'a2', 'a3', 'a4']) void work.run('a', task(name));
    void work.run('b', task('b1'));
    expect(begun).toEqual(['a1', 'a2']);
    while (ends.length > 0) {
      ends.shift()!();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(begun).toEqual(['a1', 'a2', 'a3', 'b1', 'a4']);
  });

  it('is refused beyond 64 that wait of one address, and goes on for others', () => {
    const work = new PasswordWork();
    const { work: hold } = held();
    const taken = Array.from({ length: 80 }, () => work.run('a', hold)).filter((one) => one !== undefined);
    expect(taken.length).toBe(66);
    expect(work.run('b', hold)).toBeDefined();
  });

  it('ends with the broker: what waits is not begun, or a broker that is guessed at would not stop', async () => {
    const work = new PasswordWork(1);
    let begun = 0;
    let free = (): void => {};
    const first = work.run(
      'a',
      () =>
        new Promise<void>((resolve) => {
          begun++;
          free = resolve;
        }),
    );
    for (let i = 0; i < 10; i++) void work.run('a', async () => void begun++);
    work.close();
    expect(work.run('b', async () => void begun++)).toBe(undefined);
    free();
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBe(1);
  });

  it('goes on after one that failed', async () => {
    const work = new PasswordWork();
    await expect(work.run('a', () => Promise.reject(new Error('no memory')))).rejects.toThrow('no memory');
    expect(await work.run('a', async () => 'next')).toBe('next');
  });
});
