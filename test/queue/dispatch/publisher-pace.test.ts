/** When publishers of a queue are made to wait for its consumers, by the numbers alone. A look a millisecond, as in busy turns. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { PublisherPace, WAITING_MIN, waitingMin } from '../../../src/queue/dispatch/publisher-pace.ts';

let clock: ManualClock;
let silences: number;
beforeEach(() => {
  clock = new ManualClock();
  silences = 0;
});

/** A queue that is looked at once a millisecond. */
class Course {
  readonly pace: PublisherPace;
  waiting: number;
  /** What its consumers take a millisecond. */
  left = 0;
  bodyBytes = 0;
  nowMs = 0;

  constructor(waiting: number) {
    this.waiting = waiting;
    this.pace = new PublisherPace(clock, 0, waiting, () => void silences++);
  }

  /** A millisecond in which that many are published; true if publishers are to wait after it. */
  tick(published: number): boolean {
    this.nowMs++;
    this.waiting += published - this.left;
    this.pace.look(this.nowMs, this.waiting, this.left, this.bodyBytes);
    return this.pace.ahead;
  }

  /** So many of them; the number of the first after which publishers were to wait, 0 for none. */
  run(ticks: number, published: number): number {
    for (let at = 1; at <= ticks; at++) if (this.tick(published)) return at;
    return 0;
  }
}

/** A hundred a millisecond are taken, and as many published, for a first window. Up to 1600 may wait. */
function steady(waiting: number): Course {
  const course = new Course(waiting);
  course.left = 100;
  expect(course.run(10, 100)).toBe(0);
  return course;
}

describe('nobody is held', () => {
  it('while nobody takes anything', () => {
    expect(new Course(0).run(200, 10_000)).toBe(0);
  });

  it('while consumers take less than twelve a millisecond: they are busy with something else', () => {
    const slow = new Course(0);
    slow.left = 11;
    expect(slow.run(200, 10_000)).toBe(0);
    const fast = new Course(0);
    fast.left = 12;
    expect(fast.run(200, 10_000)).toBe(11);
  });

  it('and a message counts once more for each 4 KiB of its body', () => {
    const small = new Course(0);
    Object.assign(small, { left: 6, bodyBytes: 4095 });
    expect(small.run(200, 10_000)).toBe(0);
    const large = new Course(0);
    Object.assign(large, { left: 6, bodyBytes: 4096 });
    expect(large.run(200, 10_000)).toBe(11);
    const larger = new Course(0);
    Object.assign(larger, { left: 4, bodyBytes: 8192 });
    expect(larger.run(200, 10_000)).toBe(11);
  });

  it('while no more wait than may', () => {
    const few = new Course(WAITING_MIN);
    few.left = 20;
    expect(few.run(100, 20)).toBe(0);
    expect(steady(1600).run(1000, 100)).toBe(0);
  });
});

describe('publishers of a queue where too many wait', () => {
  it('get nine tenths of what left in the window before', () => {
    const course = steady(3000);
    expect(course.run(9, 100)).toBe(0);
    const more = steady(3000);
    expect(more.run(8, 100)).toBe(0);
    expect(more.tick(101)).toBe(true);
  });

  it('half of it where more than twice too many wait', () => {
    expect(steady(3200).run(9, 100)).toBe(0);
    const course = steady(3201);
    expect(course.run(5, 100)).toBe(0);
    expect(course.tick(100)).toBe(true);
  });

  it('and besides what is missing to what may wait', () => {
    // 900 of what left, and 400 up to 1600.
    const course = steady(1200);
    expect(course.tick(500 + 100)).toBe(false);
    expect(course.tick(100)).toBe(false);
    expect(course.tick(600)).toBe(false);
    expect(course.tick(1)).toBe(true);
  });

  it('wait until what was too much has been made up for, window by window', () => {
    const course = steady(3000);
    expect(course.tick(5_000)).toBe(true);
    let ticks = 1;
    while (course.pace.ahead) {
      course.tick(0);
      ticks++;
    }
    // 4100 too much: 500 less with each window at whose end more than 3200 wait, then 900, until one may do with what is left.
    expect([ticks, course.waiting]).toEqual([70, 1000]);
  });

  it('go on when half of what may wait is left', () => {
    const course = new Course(1000);
    course.left = 20;
    expect(course.run(10, 20)).toBe(0);
    expect(course.tick(9_000)).toBe(true);
    while (course.pace.ahead) course.tick(0);
    expect(course.waiting).toBe(500);
  });

  it('are told once, and those who come later are held anew', () => {
    const course = steady(3000);
    course.tick(5_000);
    let released = 0;
    const publisher = { released: () => void released++ };
    course.pace.hold(publisher);
    course.pace.hold(publisher);
    while (course.pace.ahead) course.tick(0);
    expect(released).toBe(2);
    clock.advance(1_000);
    expect([released, silences]).toEqual([2, 0]);
    course.pace.hold(publisher);
    course.pace.close();
    expect(released).toBe(3);
  });
});

describe('what may wait', () => {
  it('is what leaves in 16 ms by a moving average', () => {
    const course = steady(7000);
    course.left = 300;
    expect(course.run(10, 0)).toBe(0);
    // 200 a millisecond by now: 3200 may wait, and 4000 do. 2700 is what may come.
    expect(course.run(8, 300)).toBe(0);
    expect(course.tick(301)).toBe(true);
  });

  it('is forgotten at one window in which nobody takes anything', () => {
    const course = new Course(3000);
    course.left = 1000;
    expect(course.run(10, 1000)).toBe(0);
    course.left = 0;
    expect(course.run(10, 0)).toBe(0);
    course.left = 20;
    expect(course.run(10, 20)).toBe(10);
  });
});

describe('of long messages', () => {
  it('no more than 16 MiB may always wait, unless those are very few', () => {
    const sizes = [0, 4095, 4096, 64 * 1024, 256 * 1024, 1024 * 1024, 64 * 1024 * 1024];
    expect(sizes.map(waitingMin)).toEqual([1000, 1000, 1000, 240, 63, 15, 4]);
  });

  it('that leave one a millisecond publishers are held once more wait', () => {
    const course = new Course(0);
    Object.assign(course, { left: 1, bodyBytes: 64 * 1024 });
    expect(course.run(10, 1)).toBe(0);
    // 9 of what left, and 240 up to what may wait.
    expect(course.run(9, 27)).toBe(0);
    expect(course.tick(6)).toBe(false);
    expect(course.waiting).toBe(239);
    expect(course.tick(400)).toBe(true);
  });

  it('it is looked at as soon as a quarter of that waits', () => {
    const course = new Course(16);
    Object.assign(course, { left: 2, bodyBytes: 256 * 1024 });
    course.tick(2);
    expect([course.waiting, course.pace.idle]).toEqual([16, false]);
    const few = new Course(17);
    Object.assign(few, { left: 2, bodyBytes: 256 * 1024 });
    few.tick(0);
    expect([few.waiting, few.pace.idle]).toEqual([15, true]);
  });
});

describe('consumers that take nothing for 40 ms', () => {
  it('have stopped asking: those who are held go on, and nobody is held until they ask again', () => {
    const course = steady(3000);
    expect(course.tick(50_000)).toBe(true);
    const released: string[] = [];
    course.pace.hold({ released: () => released.push('one') });
    clock.advance(20);
    course.pace.hold({ released: () => released.push('two') });
    expect([released, silences]).toEqual([[], 0]);
    clock.advance(20);
    expect([released, silences, course.pace.ahead]).toEqual([['one', 'two'], 1, false]);
    course.left = 0;
    course.nowMs = 40;
    // Within a window it is known that nobody asks.
    for (let at = 0; at < 10; at++) course.tick(10_000);
    expect(course.run(100, 10_000)).toBe(0);
    course.left = 100;
    expect(course.run(30, 10_000)).not.toBe(0);
  });

  it('even where a window has begun in the same millisecond', () => {
    const course = steady(3000);
    course.tick(50_000);
    course.pace.hold({ released: () => {} });
    while (course.nowMs < 40) course.tick(0);
    clock.advance(40);
    expect(silences).toBe(1);
    course.left = 100;
    expect(course.run(30, 10_000)).not.toBe(0);
  });
});

it('need not be looked at while less than a quarter of the least waits', () => {
  expect(new Course(249).pace.idle).toBe(true);
  expect(new Course(250).pace.idle).toBe(false);
  const course = steady(3000);
  course.tick(5_000);
  expect(course.pace.idle).toBe(false);
});
