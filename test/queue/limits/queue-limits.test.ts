/** What a queue ends by itself, and when it looks: its limits before a queue that is a plain list. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import type { Draft, MessageView } from '../../../src/message/message.ts';
import { levelOf } from '../../../src/queue/entry-flags.ts';
import { ENDED_PER_TURN_MAX, type LimitedQueue, QueueLimits } from '../../../src/queue/limits/queue-limits.ts';
import { DEFAULT_SETTINGS, type QueueSettings } from '../../../src/queue/limits/settings.ts';

interface Message {
  readonly seq: number;
  readonly arrivedAtMs: number;
  readonly expiresAtMs: number;
  readonly bodyLength: number;
}

class List implements LimitedQueue {
  waiting: Message[] = [];
  isEmpty = false;
  keepsDead = false;
  /** What consumers take when they are asked. */
  taken = 0;
  asked = 0;
  ended: string[] = [];
  woken = 0;
  looks = 0;
  /** Its head is not in memory. */
  cold = false;

  get messages(): number {
    return this.waiting.length;
  }
  catchUp(): void {
    this.asked++;
    this.waiting.splice(0, this.taken);
  }
  headSeq(): number {
    return this.waiting[0]!.seq;
  }
  chooseSurplus(): void {}
  showHead(): MessageView | null {
    this.looks++;
    return this.cold ? null : (this.waiting[0] as unknown as MessageView);
  }
  endHead(reason: string): void {
    this.ended.push(`${this.waiting.shift()!.seq} ${reason}`);
  }
  wake(): void {
    this.woken++;
  }
  sizeOf(seq: number, _flags: number, done: (bytes: number) => void): void {
    done(this.waiting.find((message) => message.seq === seq)?.bodyLength ?? -1);
  }
  forEachReady(visit: (seq: number, flags: number) => void): void {
    for (const { seq } of this.waiting) visit(seq, 0);
  }
}

let clock: ManualClock;
let turn: Turn;
let list: List;
let next: number;

beforeEach(() => {
  clock = new ManualClock();
  turn = new Turn();
  list = new List();
  next = 1;
});

const limits = (settings: Partial<QueueSettings>): QueueLimits =>
  new QueueLimits(list, { ...DEFAULT_SETTINGS, ...settings }, { clock, turn, nowMs: () => clock.epochMs() });

/** A message comes, and has been offered to whoever could take it. */
function come(to: QueueLimits, { ttlMs = -1, bytes = 10 } = {}): Message {
  const seq = next++;
  to.prepare(seq, 0, { ttlMs, priority: -1, large: null, bodyStart: 5, bodyEnd: 5 + bytes } as Draft);
  const arrivedAtMs = clock.epochMs();
  const message = { seq, arrivedAtMs, expiresAtMs: ttlMs < 0 ? 0 : arrivedAtMs + ttlMs, bodyLength: bytes };
  list.waiting.push(message);
  to.arrived(seq);
  return message;
}

const view = (message: Message): MessageView => message as unknown as MessageView;

describe('a time to live', () => {
  it('ends the head when it is over, and looks no sooner', () => {
    const of = limits({ messageTtlMs: 100 });
    come(of);
    of.offered();
    of.enforce();
    clock.advance(80);
    expect([list.woken, list.ended]).toEqual([0, []]);
    clock.advance(20);
    expect(list.woken).toBe(1);
    of.enforce();
    expect(list.ended).toEqual(['1 expired']);
    clock.advance(1_000);
    expect(list.woken).toBe(1);
  });

  it('ends nothing while no more dead letters may wait', () => {
    const of = limits({ messageTtlMs: 100 });
    come(of);
    of.offered();
    clock.advance(200);
    list.keepsDead = true;
    expect([of.enforce(), list.ended]).toEqual([true, []]);
    list.keepsDead = false;
    of.enforce();
    expect(list.ended).toEqual(['1 expired']);
  });

  it('is the shorter of the queue’s and the message’s own', () => {
    const of = limits({ messageTtlMs: 100 });
    const [short, long] = [come(of, { ttlMs: 40 }), come(of, { ttlMs: 400 })];
    of.offered();
    clock.advance(40);
    expect([of.isOver(short.seq, view(short)), of.isOver(long.seq, view(long))]).toEqual([true, false]);
    clock.advance(60);
    expect(of.isOver(long.seq, view(long))).toBe(true);
  });

  it('of a message alone: others live for ever, and nothing is looked at once none is left', () => {
    const of = limits({});
    const forever = come(of);
    of.offered();
    expect(of.mayExpire).toBe(false);
    come(of, { ttlMs: 40 });
    expect(of.mayExpire).toBe(true);
    of.offered();
    clock.advance(1_000_000);
    expect(of.isOver(forever.seq, view(forever))).toBe(false);
    of.enforce();
    expect([list.ended, list.woken]).toEqual([[], 0]); // behind one that lives longer
    list.waiting.shift();
    of.enforce();
    expect(list.ended).toEqual(['2 expired']);
    expect(of.mayExpire).toBe(true); // somebody may hold one
    list.isEmpty = true;
    of.enforce();
    expect(of.mayExpire).toBe(false);
  });

  it('stays one of the queue’s own however empty it is', () => {
    const of = limits({ messageTtlMs: 100 });
    list.isEmpty = true;
    of.enforce();
    expect(of.mayExpire).toBe(true);
  });

  it('of nothing is offered once before it is over', () => {
    const of = limits({ messageTtlMs: 0 });
    const message = come(of);
    expect(of.isOver(message.seq, view(message))).toBe(false);
    of.offered();
    expect(of.isOver(message.seq, view(message))).toBe(true);
  });

  it('of nothing: one that was held back while later ones passed is offered, too', () => {
    const of = limits({ messageTtlMs: 0 });
    const held = { ...come(of), seq: 1 };
    come(of);
    of.offered();
    of.arrived(1);
    expect(of.isOver(1, view(held))).toBe(false);
    expect(of.isOver(2, view(list.waiting[1]!))).toBe(true);
    of.offered();
    expect(of.isOver(1, view(held))).toBe(true);
  });

  it('looks earlier when an earlier end comes to the head, not later', () => {
    const of = limits({ messageTtlMs: 1_000 });
    come(of);
    of.offered();
    of.enforce();
    list.waiting = [];
    come(of, { ttlMs: 100 });
    of.offered();
    of.enforce();
    clock.advance(100);
    expect(list.woken).toBe(1);
    of.enforce();
    expect(list.ended).toEqual(['2 expired']);
  });

  it('waits for a head that must be read', () => {
    const of = limits({ messageTtlMs: 100 });
    come(of);
    of.offered();
    clock.advance(200);
    list.cold = true;
    of.enforce();
    expect(list.ended).toEqual([]);
    list.cold = false;
    of.enforce();
    expect(list.ended).toEqual(['1 expired']);
  });

  it('says whether all that is too old or too much is gone', () => {
    const of = limits({ messageTtlMs: 100 });
    expect(of.enforce()).toBe(true);
    come(of);
    of.offered();
    expect(of.enforce()).toBe(true);
    clock.advance(100);
    list.cold = true;
    expect(of.enforce()).toBe(false);
    list.cold = false;
    expect(of.enforce()).toBe(true);
    of.apply({ ...DEFAULT_SETTINGS, lengthMax: 0 });
    for (let i = 0; i < ENDED_PER_TURN_MAX + 1; i++) come(of);
    expect([of.enforce(), of.enforce()]).toEqual([false, true]);
  });

  it('that is taken away by a policy is not looked at any more', () => {
    const of = limits({ messageTtlMs: 100 });
    come(of);
    of.offered();
    of.enforce();
    of.apply(DEFAULT_SETTINGS);
    clock.advance(1_000);
    expect(list.woken).toBe(0);
  });
});

describe('a limit', () => {
  it('of messages: the oldest go, and as many stay as may', () => {
    const of = limits({ lengthMax: 2 });
    for (let i = 0; i < 5; i++) come(of);
    of.enforce();
    expect(list.ended).toEqual(['1 maxlen', '2 maxlen', '3 maxlen']);
    expect(list.looks).toBe(0); // nobody has to read them for that
  });

  it('of bytes: up to it and not beyond', () => {
    const of = limits({ bytesMax: 30 });
    for (let i = 0; i < 3; i++) come(of);
    of.enforce();
    expect(list.ended).toEqual([]);
    come(of, { bytes: 1 });
    of.enforce();
    expect(list.ended).toEqual(['1 maxlen']);
    come(of, { bytes: 19 });
    of.enforce();
    expect(list.ended).toEqual(['1 maxlen', '2 maxlen']);
  });

  it('of bytes knows what has left, and what came back', () => {
    const of = limits({ bytesMax: 20 });
    const [first, second] = [come(of), come(of)];
    list.waiting = [];
    of.left(first.seq, view(first), true);
    of.left(second.seq, view(second), false);
    come(of);
    come(of);
    of.enforce();
    expect(list.ended).toEqual([]);
    list.waiting.unshift(first);
    of.returned(first.seq);
    of.enforce();
    expect(list.ended).toEqual(['1 maxlen']);
  });

  it('of bytes that comes late counts what waits already', () => {
    const of = limits({});
    for (let i = 0; i < 4; i++) come(of);
    of.apply({ ...DEFAULT_SETTINGS, bytesMax: 20 });
    of.begin();
    of.enforce();
    expect(list.ended).toEqual(['1 maxlen', '2 maxlen']);
  });

  it('is carried out in pieces: so many in a turn, the rest in the next', () => {
    const of = limits({ lengthMax: 0 });
    for (let i = 0; i < ENDED_PER_TURN_MAX + 1; i++) come(of);
    of.enforce();
    expect([list.ended.length, list.messages, list.woken]).toEqual([ENDED_PER_TURN_MAX, 1, 0]);
    turn.end();
    expect(list.woken).toBe(1);
    of.enforce();
    expect(list.messages).toBe(0);
  });
});

describe('a queue that refuses', () => {
  it('drops nothing, takes as many as it may, and no more', () => {
    const of = limits({ lengthMax: 2, overflow: 'reject-publish' });
    expect(of.refuses(1)).toBe(false);
    come(of);
    expect(of.refuses(1)).toBe(false);
    come(of);
    expect(of.refuses(1)).toBe(true);
    come(of);
    of.enforce();
    expect(list.ended).toEqual([]);
  });

  it('counts bytes to the last one', () => {
    const of = limits({ bytesMax: 25, overflow: 'reject-publish-dlx' });
    come(of);
    come(of);
    expect([of.refuses(5), of.refuses(6)]).toEqual([false, true]);
  });

  it('does not count what consumers take at once, and asks them only when it matters', () => {
    const of = limits({ lengthMax: 1, overflow: 'reject-publish' });
    expect([of.refuses(1), list.asked]).toEqual([false, 0]);
    come(of);
    expect([of.refuses(1), list.asked]).toEqual([true, 1]);
    list.taken = 1;
    expect([of.refuses(1), list.messages]).toEqual([false, 0]);
  });

  it('is one that was told to: others drop their oldest', () => {
    const of = limits({ lengthMax: 0 });
    come(of);
    expect(of.refuses(1)).toBe(false);
  });
});

it('a level is given where the queue knows them', () => {
  const draft = { ttlMs: -1, priority: 7, large: null, bodyStart: 0, bodyEnd: 0 } as Draft;
  expect(levelOf(limits({ priorityMax: 5 }).prepare(1, 3, draft))).toBe(5);
  expect(limits({}).prepare(1, 3, draft)).toBe(3);
});
