/** A limit that several consumers share: what comes free goes round, one message at a time. */
import { describe, expect, it } from 'vitest';
import type { QueueConsumer } from '../../../src/queue/dispatch/consumer.ts';
import { SharedCredit } from '../../../src/queue/dispatch/shared-credit.ts';

/** A consumer of a queue in which `waiting` messages wait; it takes as many as it may when it is offered room. */
function reader(credit: SharedCredit, name: string, waiting: number, taken: string[]) {
  const self = {
    waiting,
    offer() {
      while (self.waiting > 0 && credit.allows(self as unknown as QueueConsumer)) {
        self.waiting--;
        credit.took();
        taken.push(name);
      }
    },
  };
  return { self, ask: () => credit.allows(self as unknown as QueueConsumer) };
}

describe('a shared limit', () => {
  it('of 0 is none', () => {
    const credit = new SharedCredit(0);
    const { ask } = reader(credit, 'a', 5, []);
    for (let i = 0; i < 10; i++) {
      expect(ask()).toBe(true);
      credit.took();
    }
    expect(credit.held).toBe(10);
  });

  it('is given out by serving, in the order of asking, one to each as long as others wait', () => {
    const credit = new SharedCredit(4);
    const taken: string[] = [];
    const readers = ['a', 'b', 'c'].map((name) => reader(credit, name, 10, taken));
    for (const { ask } of readers) expect(ask()).toBe(false);
    credit.serve();
    expect([taken.join(''), credit.held]).toEqual(['abca', 4]);
    credit.serve();
    expect(taken).toHaveLength(4);
    credit.gave();
    credit.serve();
    credit.gave();
    credit.gave();
    credit.serve();
    expect(taken.join('')).toBe('abcabca');
    expect(credit.held).toBe(4);
  });

  it('goes to one alone, all of it, when nobody else wants any', () => {
    const credit = new SharedCredit(3);
    const taken: string[] = [];
    const [a, b] = [reader(credit, 'a', 10, taken), reader(credit, 'b', 0, taken)];
    a.ask();
    b.ask();
    credit.serve();
    expect(taken.join('')).toBe('aaa');
  });

  it('that is made larger or lifted serves those who wait', () => {
    const credit = new SharedCredit(1);
    const taken: string[] = [];
    const [a, b] = [reader(credit, 'a', 3, taken), reader(credit, 'b', 3, taken)];
    a.ask();
    b.ask();
    credit.serve();
    expect(taken.join('')).toBe('a');
    credit.limit = 2;
    credit.serve();
    expect(taken.join('')).toBe('ab');
    credit.limit = 0;
    credit.serve();
    expect(taken.sort().join('')).toBe('aaabbb');
  });

  it('is not given out twice when serving comes round within serving', () => {
    const credit = new SharedCredit(1);
    let offers = 0;
    const consumer = {
      offer() {
        offers++;
        credit.serve();
        if (credit.allows(consumer as unknown as QueueConsumer)) credit.took();
      },
    };
    credit.allows(consumer as unknown as QueueConsumer);
    credit.serve();
    expect([offers, credit.held]).toEqual([1, 1]);
  });
});
