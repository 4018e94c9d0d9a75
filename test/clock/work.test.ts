/** The budget of work: who stops when, who goes on when, and in which order. */
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { PHASE_GATHER, PHASE_WRITE, Turn, type TurnTask } from '../../src/clock/turn.ts';
import { SHORT_STRETCH_MS, type Share, STRETCH_MS } from '../../src/clock/work.ts';
import { CreepingClock } from '../support/creeping-clock.ts';

const MUCH = 1_000;

describe('the budget of work', () => {
  it('is never over where no clock moves', () => {
    const { work } = new Turn(new ManualClock());
    for (let i = 0; i < 10_000; i++) work.spend(MUCH);
    expect(work.over).toBe(false);
    const none = new Turn().work;
    for (let i = 0; i < 10_000; i++) none.spend(MUCH);
    expect(none.over).toBe(false);
  });

  it('is over when its time is up, and begins anew with the next turn', () => {
    const clock = new CreepingClock();
    clock.stepMs = 1;
    const turn = new Turn(clock);
    let looks = 0;
    while (!turn.work.over) {
      turn.work.spend(MUCH);
      looks++;
    }
    expect(looks).toBe(STRETCH_MS + 1);
    turn.end();
    expect(turn.work.over).toBe(false);
  });

  describe('while somebody is about who asks for little', () => {
    /** How long a stretch takes, in milliseconds. */
    function stretch(turn: Turn, clock: CreepingClock): number {
      turn.end();
      turn.work.checkTime();
      let looks = 0;
      while (!turn.work.over) {
        turn.work.checkTime();
        looks++;
      }
      return looks * clock.stepMs;
    }

    function asks(share: Share, units: number): void {
      share.begin();
      share.work.spend(units);
      share.end();
    }

    /** Asks for so much every 5 ms, for so long. */
    function works(share: Share, clock: CreepingClock, units: number, forMs: number): void {
      for (let ms = 0; ms < forMs; ms += 5) {
        clock.advance(5);
        share.work.checkTime();
        asks(share, units);
      }
    }

    it('all times of a turn are short, for a second after it was heard of', () => {
      const clock = new CreepingClock();
      clock.stepMs = 1 / 32;
      const turn = new Turn(clock);
      const light = turn.work.share();
      expect(stretch(turn, clock)).toBe(STRETCH_MS);
      works(light, clock, 10, 300);
      expect(stretch(turn, clock)).toBe(SHORT_STRETCH_MS);
      clock.advance(1_100);
      expect(stretch(turn, clock)).toBe(STRETCH_MS);
    });

    it('they are as long as ever beside who has just come, and beside who asks for much', () => {
      const clock = new CreepingClock();
      clock.stepMs = 1 / 32;
      const turn = new Turn(clock);
      asks(turn.work.share(), 10);
      expect(stretch(turn, clock)).toBe(STRETCH_MS);
      works(turn.work.share(), clock, 5_000, 1_000);
      expect(stretch(turn, clock)).toBe(STRETCH_MS);
    });

    it('who was heavy counts as light when it has been so for a while', () => {
      const clock = new CreepingClock();
      clock.stepMs = 1 / 32;
      const turn = new Turn(clock);
      const share = turn.work.share();
      works(share, clock, 5_000, 1_000);
      works(share, clock, 10, 200);
      expect(stretch(turn, clock)).toBe(STRETCH_MS);
      works(share, clock, 10, 1_500);
      expect(stretch(turn, clock)).toBe(SHORT_STRETCH_MS);
    });

    it('what is short to write goes before what is long', () => {
      const turn = new Turn(new CreepingClock());
      const order: string[] = [];
      const writer = (name: string, writeBytes?: number): TurnTask => ({
        inTurn: false,
        ...(writeBytes !== undefined && { writeBytes }),
        endOfTurn: () => order.push(name),
      });
      turn.add(PHASE_WRITE, writer('long', 100_000));
      turn.add(PHASE_WRITE, writer('short', 100));
      turn.add(PHASE_WRITE, writer('longer', 500_000));
      turn.add(PHASE_WRITE, writer('nobody knows'));
      turn.end();
      expect(order).toEqual(['short', 'nobody knows', 'long', 'longer']);
    });
  });

  it('lets the lightest of those who wait go first', () => {
    const clock = new CreepingClock();
    const turn = new Turn(clock);
    const order: string[] = [];
    const heavy = turn.work.share(() => order.push('heavy'));
    const light = turn.work.share(() => order.push('light'));
    heavy.begin();
    turn.work.spend(MUCH * 100);
    heavy.end();
    heavy.wait();
    light.wait();
    turn.end();
    expect(order).toEqual(['light', 'heavy']);
  });

  it('gives each of those who wait its part, turn by turn', () => {
    const clock = new CreepingClock();
    clock.stepMs = 0.4;
    const turn = new Turn(clock);
    const worked = [0, 0, 0, 0, 0, 0, 0, 0];
    const shares: Share[] = worked.map((_, i) => {
      const share: Share = turn.work.share(() => {
        while (!turn.work.over) {
          turn.work.spend(MUCH);
          worked[i]!++;
        }
        share.wait();
      });
      return share;
    });
    for (const share of shares) share.wait();
    for (let i = 0; i < 80; i++) turn.end();
    expect(Math.min(...worked)).toBeGreaterThan(0);
    expect(Math.max(...worked)).toBeLessThanOrEqual(2 * Math.min(...worked));
  });

  it('cuts a long operation into parts, and what was asked for later comes after it', () => {
    const clock = new CreepingClock();
    clock.stepMs = 1;
    const turn = new Turn(clock);
    const happened: string[] = [];
    const share = turn.work.share(() => happened.push('the next frame'));
    let left = 20;
    const step = (): boolean => {
      turn.work.spend(MUCH);
      return --left === 0;
    };
    share.run(step, () => happened.push('the first operation'));
    expect(share.mustWait).toBe(true);
    expect(left).toBeGreaterThan(0);
    share.run(
      () => true,
      () => happened.push('the second operation'),
    );
    share.wait();
    let turns = 0;
    while (happened.length < 3) {
      turn.end();
      turns++;
    }
    expect(happened).toEqual(['the first operation', 'the second operation', 'the next frame']);
    expect(turns).toBeGreaterThan(2);
    expect(share.busy).toBe(false);
  });

  it('finishes operations of who has gone, and hands nothing more on to it', () => {
    const clock = new CreepingClock();
    clock.stepMs = 1;
    const turn = new Turn(clock);
    const share = turn.work.share(() => expect.unreachable());
    let left = 20;
    let done = false;
    share.run(
      () => {
        turn.work.spend(MUCH);
        return --left === 0;
      },
      () => {
        done = true;
      },
    );
    share.wait();
    share.close();
    turn.work.finish();
    expect(left).toBe(0);
    expect(done).toBe(true);
  });
});

describe('a turn', () => {
  it('does what was put off behind what is new, and some of it always', () => {
    const turn = new Turn(new ManualClock());
    const order: string[] = [];
    const task = (name: string, act: (self: TurnTask) => void = () => {}): TurnTask => {
      const self: TurnTask = {
        inTurn: false,
        endOfTurn: () => {
          order.push(name);
          act(self);
        },
      };
      return self;
    };
    let again = 2;
    const long = task('long', (self) => {
      if (again-- > 0) turn.addLater(PHASE_GATHER, self);
    });
    turn.add(PHASE_GATHER, long);
    turn.end();
    turn.add(PHASE_GATHER, task('new'));
    turn.end();
    turn.end();
    expect(order).toEqual(['long', 'new', 'long', 'long']);
  });

  it('leaves some of very many connections to the next one, and none out', () => {
    const clock = new CreepingClock();
    clock.stepMs = 1;
    const turn = new Turn(clock);
    let written = 0;
    const output = (): TurnTask => ({
      inTurn: false,
      endOfTurn: () => {
        written++;
      },
    });
    for (let i = 0; i < 200; i++) turn.add(PHASE_WRITE, output());
    turn.end();
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(200);
    const late = output();
    turn.add(PHASE_WRITE, late);
    const before = written;
    turn.end();
    expect(late.inTurn, 'what is new does not wait').toBe(false);
    expect(written - before, 'and some of what is left is done').toBeGreaterThan(1);
    for (let i = 0; i < 100; i++) turn.end();
    expect(written).toBe(201);
  });

  it('hands out and writes what is single before a crowd, however many that is, and some of a crowd each turn', () => {
    const clock = new CreepingClock();
    const turn = new Turn(clock);
    for (const phase of [PHASE_GATHER, PHASE_WRITE] as const) {
      clock.stepMs = 0;
      const order: string[] = [];
      let ended = 0;
      const task = (name: string): TurnTask => ({
        inTurn: false,
        endOfTurn: () => {
          ended++;
          order.push(name);
          turn.work.checkTime();
        },
      });
      turn.crowd = true;
      for (let i = 0; i < 100; i++) turn.addDelivery(phase, task('one of many'));
      turn.crowd = false;
      turn.addDelivery(phase, task('single'));
      clock.stepMs = 1;
      turn.end();
      expect(order[0]).toBe('single');
      expect(order.length).toBeGreaterThan(1);
      expect(order.length).toBeLessThan(20);
      // Nor does another wait for those that are left, in the turns to come.
      order.length = 0;
      turn.addDelivery(phase, task('single'));
      turn.end();
      expect(order[0]).toBe('single');
      for (let i = 0; i < 100; i++) turn.end();
      expect(ended).toBe(102);
    }
  });

  it('lets what a crowd brings about come behind as well', () => {
    const turn = new Turn(new ManualClock());
    const order: string[] = [];
    const written = (name: string): TurnTask => ({ inTurn: false, endOfTurn: () => order.push(name) });
    const outputs = [written('many'), written('many'), written('single')] as const;
    const handsOut = (i: number): TurnTask => ({
      inTurn: false,
      endOfTurn: () => turn.addDelivery(PHASE_WRITE, outputs[i]!),
    });
    turn.crowd = true;
    turn.addDelivery(PHASE_GATHER, handsOut(0));
    turn.addDelivery(PHASE_GATHER, handsOut(1));
    turn.crowd = false;
    turn.addDelivery(PHASE_GATHER, handsOut(2));
    turn.end();
    expect(order).toEqual(['single', 'many', 'many']);
  });
});
