/** Publishers hear of their messages in the order they sent them, when the log has them, each once. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type ConfirmSink, MARK_NOW, MARK_REFUSED } from '../../../src/api/index.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import { Confirms } from '../../../src/vhost/publish/confirms.ts';

let turn: Turn;
let confirms: Confirms;

beforeEach(() => {
  turn = new Turn();
  confirms = new Confirms(turn, new ManualClock());
});

/** Writes down what it hears: `5`, `5!` for refused, `.` for the end of a batch. */
class Ear implements ConfirmSink {
  heard = '';
  onConfirm: (id: number) => void = () => {};
  confirm(id: number, refused: boolean): void {
    this.heard += `${id}${refused ? '!' : ''} `;
    this.onConfirm(id);
  }
  confirmEnd(): void {
    this.heard += '. ';
  }
}

describe('a ring of confirms', () => {
  it('releases in order from its head what the log has, and says when a batch is over', () => {
    const ear = new Ear();
    const ring = confirms.ring(ear);
    for (const [id, mark] of [
      [1, 5],
      [2, 5],
      [3, 6],
    ] as const)
      ring.push(id, mark);
    turn.end();
    expect([ear.heard, ring.size]).toEqual(['', 3]);
    confirms.advance(5);
    expect([ear.heard, ring.size]).toEqual(['1 2 . ', 1]);
    confirms.advance(6);
    expect([ear.heard, ring.size]).toEqual(['1 2 . 3 . ', 0]);
    confirms.advance(7);
    expect(ear.heard).toBe('1 2 . 3 . ');
  });

  it('answers what need not wait at the end of the turn, not before, and never ahead of what waits', () => {
    const ear = new Ear();
    const ring = confirms.ring(ear);
    ring.push(1, MARK_NOW);
    ring.push(2, MARK_REFUSED);
    expect(ear.heard).toBe('');
    turn.end();
    expect(ear.heard).toBe('1 2! . ');
    ring.push(3, 9);
    ring.push(4, MARK_NOW);
    turn.end();
    expect(ear.heard).toBe('1 2! . ');
    confirms.advance(9);
    expect(ear.heard).toBe('1 2! . 3 4 . ');
    ring.push(5, 9);
    turn.end();
    expect(ear.heard).toBe('1 2! . 3 4 . 5 . ');
  });

  it('is visited again as long as something waits in it', () => {
    const ear = new Ear();
    const ring = confirms.ring(ear);
    ring.push(1, 1);
    confirms.advance(1);
    ring.push(2, 2);
    ring.push(3, 3);
    confirms.advance(2);
    confirms.advance(3);
    expect(ear.heard).toBe('1 . 2 . 3 . ');
  });

  it('keeps its order when it grows, wherever its head is', () => {
    for (const offset of [0, 1, 7, 15]) {
      const ear = new Ear();
      const ring = confirms.ring(ear);
      let id = 0;
      for (let i = 0; i < offset; i++) ring.push(++id, MARK_NOW);
      turn.end();
      ear.heard = '';
      for (let i = 0; i < 100; i++) ring.push(++id, 1_000 + i);
      confirms.advance(1_049);
      expect(ring.size).toBe(50);
      confirms.advance(1_100);
      const heard = ear.heard.split(' ').filter((flags) => flags !== '.' && flags !== '');
      expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => `${offset + 1 + i}`));
      confirms = new Confirms(turn, new ManualClock());
    }
  });

  it('refuses all that is not safe when the log has failed, also what comes later', () => {
    const ear = new Ear();
    const ring = confirms.ring(ear);
    ring.push(1, 1);
    ring.push(2, 2);
    confirms.advance(1);
    confirms.fail();
    expect(ear.heard).toBe('1 . 2! . ');
    ring.push(3, 3);
    ring.push(4, MARK_NOW);
    turn.end();
    expect(ear.heard).toBe('1 . 2! . 3! 4 . ');
  });

  it('says nothing once it is closed, also when that happens while it speaks', () => {
    const ear = new Ear();
    const ring = confirms.ring(ear);
    ring.push(1, 1);
    ring.push(2, 1);
    ear.onConfirm = () => ring.close();
    confirms.advance(1);
    expect([ear.heard, ring.size]).toEqual(['1 ', 0]);
    ring.push(3, MARK_NOW);
    turn.end();
    confirms.advance(5);
    expect([ear.heard, ring.size]).toEqual(['1 ', 0]);
  });
});

describe('whoever waits for a mark', () => {
  const waiting = (mark: number): { answer: boolean | undefined } => {
    const result: { answer: boolean | undefined } = { answer: undefined };
    confirms.whenSafe(mark, (failed) => {
      result.answer = failed;
    });
    return result;
  };

  it('is told at once what is known', () => {
    confirms.advance(3);
    expect([waiting(MARK_NOW).answer, waiting(3).answer, waiting(MARK_REFUSED).answer]).toEqual([false, false, true]);
  });

  it('is told when the log has it, once', () => {
    const [first, second] = [waiting(4), waiting(5)];
    confirms.advance(4);
    expect([first.answer, second.answer]).toEqual([false, undefined]);
    first.answer = undefined;
    confirms.advance(5);
    expect([first.answer, second.answer]).toEqual([undefined, false]);
  });

  it('is told when the log has failed, but for what is safe', () => {
    const early = waiting(4);
    confirms.fail();
    expect(early.answer).toBe(true);
    expect([waiting(5).answer, waiting(MARK_NOW).answer]).toEqual([true, false]);
  });

  it('may ask again from within the answer', () => {
    let second: boolean | undefined;
    confirms.whenSafe(1, () => {
      confirms.whenSafe(2, (failed) => {
        second = failed;
      });
    });
    confirms.advance(1);
    expect(second).toBeUndefined();
    confirms.advance(2);
    expect(second).toBe(false);
  });
});
