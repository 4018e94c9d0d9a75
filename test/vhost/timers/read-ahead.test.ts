/** Messages that are read back into copies of their own: each is there until it is done with, and no longer. */
import { beforeEach, expect, it } from 'vitest';
import type { MessageView } from '../../../src/message/message.ts';
import type { MessageStore } from '../../../src/queue/store/message-store.ts';
import { ReadAhead } from '../../../src/vhost/timers/read-ahead.ts';

/** A store that has nothing in memory but what was loaded last. */
class Disk {
  readonly loads: number[] = [];
  readonly damaged = new Set<number>();
  private inMemory = -1;

  copy(seq: number): Buffer | undefined {
    return seq === this.inMemory ? Buffer.alloc(1_000) : undefined;
  }

  view(): boolean {
    return false;
  }

  viewCopy(copy: Buffer, seq: number, _flags: number, view: MessageView): void {
    Object.assign(view, { seq, bodyEnd: copy.length });
  }

  load(seq: number, _flags: number, done: (error: Error | undefined) => void): void {
    this.loads.push(seq);
    if (this.damaged.has(seq)) {
      done(new Error('damaged'));
      return;
    }
    this.inMemory = seq;
    done(undefined);
  }
}

let disk: Disk;
let ahead: ReadAhead;
let lost: number[];
beforeEach(() => {
  disk = new Disk();
  lost = [];
  ahead = new ReadAhead((seq) => void lost.push(seq));
});

const store = (): MessageStore => disk as unknown as MessageStore;
const shown = (seq: number): string => ahead.view(store(), seq, 0, {} as MessageView);
function read(...seqs: number[]): void {
  let done = 0;
  ahead.read(
    store(),
    seqs,
    seqs.map(() => 0),
    () => done++,
  );
  expect([done, ahead.reading]).toEqual([1, false]);
}

it('in the order in which they lie on the disk, each once', () => {
  read(5, 2, 9);
  expect(disk.loads).toEqual([2, 5, 9]);
  read(5, 9, 11);
  expect(disk.loads).toEqual([2, 5, 9, 11]);
  expect([5, 2, 9, 11, 12].map(shown)).toEqual(['shown', 'shown', 'shown', 'shown', 'absent']);
});

it('one that is done with is there no more, and has to be read again', () => {
  read(1, 2);
  ahead.done(1);
  ahead.done(1);
  ahead.done(77);
  expect([shown(1), shown(2)]).toEqual(['absent', 'shown']);
  read(1);
  expect(disk.loads).toEqual([1, 2, 1]);
  expect(shown(1)).toBe('shown');
});

it('one that is damaged is told of once, and the others are there', () => {
  disk.damaged.add(2);
  read(1, 2, 3);
  expect(lost).toEqual([2]);
  expect([1, 2, 3].map(shown)).toEqual(['shown', 'unreadable', 'shown']);
});

it('one that is gone while it is read is nobody’s, and nothing is told of it', () => {
  const answers: ((error?: Error) => void)[] = [];
  const inMemory = new Set<number>();
  const slow: Pick<MessageStore, 'copy' | 'view' | 'viewCopy' | 'load'> = {
    copy: (seq) => (inMemory.has(seq) ? Buffer.alloc(10) : undefined),
    view: () => false,
    viewCopy: () => {},
    load: (_seq, _flags, done) => answers.push((error) => done(error)),
  };
  let ended = 0;
  ahead.read(slow as unknown as MessageStore, [1, 2, 3], [0, 0, 0], () => ended++);
  ahead.forget(1);
  ahead.forget(2);
  inMemory.add(1).add(3);
  answers[0]!();
  answers[1]!(new Error('the message is gone'));
  expect([ended, ahead.reading]).toEqual([0, true]);
  answers[2]!();
  expect([ended, ahead.reading, lost]).toEqual([1, false, []]);
  expect([1, 2, 3].map((seq) => ahead.has(seq))).toEqual([false, false, true]);
  // Another of this number, after a start, is read like any.
  inMemory.add(2);
  ahead.read(slow as unknown as MessageStore, [2], [0], () => ended++);
  expect([ended, ahead.has(2)]).toEqual([2, true]);
});

it('many are asked for together, and what there is no room for is left', () => {
  const answers: (() => void)[] = [];
  let asked = 0;
  let most = 0;
  const large: Pick<MessageStore, 'copy' | 'view' | 'viewCopy' | 'load'> = {
    copy: (seq) => (inMemory.has(seq) ? Buffer.alloc(1024 * 1024) : undefined),
    view: () => false,
    viewCopy: () => {},
    load: (seq, _flags, done) => {
      most = Math.max(most, ++asked);
      answers.push(() => {
        asked--;
        inMemory.add(seq);
        done(undefined);
        inMemory.delete(seq);
      });
    },
  };
  const inMemory = new Set<number>();
  const seqs = Array.from({ length: 3_000 }, (_, i) => 3_000 - i);
  let ended = 0;
  const store = large as unknown as MessageStore;
  ahead.read(store, seqs, seqs.map(() => 0), () => ended++); // biome-ignore format: a line
  while (answers.length > 0) answers.shift()!();
  expect([ended, ahead.reading]).toEqual([1, false]);
  expect(most).toBeGreaterThan(100);
  expect(most).toBeLessThanOrEqual(1_024);
  const kept = seqs.filter((seq) => ahead.has(seq));
  // The first is wanted first, wherever it lies.
  expect(kept).toContain(3_000);
  expect(kept.length).toBeLessThanOrEqual(18);
  ahead.stop();
});

it('what is over before it was read is not asked for, and not told of as damaged', () => {
  const answers: (() => void)[] = [];
  const there = new Set<number>();
  const asked: number[] = [];
  const slow: Pick<MessageStore, 'copy' | 'load'> = {
    copy: (seq) => (there.has(seq) ? Buffer.alloc(100) : undefined),
    load: (seq, _flags, done) => {
      asked.push(seq);
      answers.push(() => done(seq > 1_500 ? new Error('nobody needs it') : undefined));
    },
  };
  const seqs = Array.from({ length: 2_000 }, (_, i) => i + 1);
  let ended = 0;
  ahead.read(slow as unknown as MessageStore, seqs, seqs.map(() => 0), () => ended++); // biome-ignore format: a line
  for (let seq = 1; seq <= 1_500; seq++) there.add(seq);
  for (let seq = 1_501; seq <= 2_000; seq++) ahead.done(seq);
  while (answers.length > 0) answers.shift()!();
  expect([ended, ahead.reading, lost]).toEqual([1, false, []]);
  expect(asked.every((seq) => seq <= 1_500)).toBe(true);
  expect(seqs.filter((seq) => ahead.has(seq)).length).toBe(1_500);
});
