/** A log on a disk of the test's own, with an owner that writes texts and remembers what came back. */
import { ManualClock } from '../../src/clock/clock.ts';
import { Turn } from '../../src/clock/turn.ts';
import type { FileSystem } from '../../src/log/files/files.ts';
import { RecordRef } from '../../src/log/format/record.ts';
import { Log, type LogEvent, type LogOptions } from '../../src/log/log.ts';
import { Sequence } from '../../src/log/sequence.ts';
import type { MemoryFiles } from './memory-files.ts';

export const DIRECTORY = '/log';
export const LOG_ID = Buffer.from('a1b2c3d4e5f60718', 'hex');
/** The owner's record types in these tests. */
export const MESSAGE = 1;
export const NOTE = 128;
export const STATE = 129;

export interface Replayed {
  readonly type: number;
  readonly seq: number;
  readonly text: string;
}

export class TestLog {
  log!: Log;
  readonly sequence = new Sequence();
  readonly turn = new Turn();
  readonly clock = new ManualClock();
  readonly replayed: Replayed[] = [];
  readonly events: LogEvent[] = [];
  readonly synced: number[] = [];
  readonly failures: Error[] = [];
  /** What a checkpoint says. */
  state = 'state';
  private waiting: { mark: number; go: () => void }[] = [];
  private readonly ref = new RecordRef();

  static async open(files: FileSystem, options: Partial<LogOptions> = {}): Promise<TestLog> {
    const test = new TestLog();
    test.log = await Log.open({
      files,
      directory: DIRECTORY,
      sequence: test.sequence,
      turn: test.turn,
      clock: test.clock,
      blockBytes: 1024,
      segmentBytes: 4096,
      logId: LOG_ID,
      replay: (type, seq, buffer, start, end) => {
        test.replayed.push({ type, seq, text: buffer.latin1Slice(start, end) });
      },
      onSynced: (mark) => {
        test.synced.push(mark);
        const ready = test.waiting.filter((waiter) => waiter.mark <= mark);
        test.waiting = test.waiting.filter((waiter) => waiter.mark > mark);
        for (const { go } of ready) go();
      },
      onFailed: (error) => {
        test.failures.push(error);
      },
      report: (event) => test.events.push(event),
      ...options,
    });
    return test;
  }

  /** Appends a sequenced record and returns its number. */
  message(text: string): number {
    const seq = this.sequence.next++;
    const at = this.log.appendSequenced(MESSAGE, seq, text.length);
    this.log.buffer.latin1Write(text, at);
    this.log.addLive(seq, 1);
    return seq;
  }

  /** Refers to everything that was recovered, as an owner does that still needs it. */
  adopt(): void {
    for (const { seq } of this.replayed) if (seq > 0) this.log.addLive(seq, 1);
  }

  note(text: string): void {
    const at = this.log.append(NOTE, text.length);
    this.log.buffer.latin1Write(text, at);
  }

  /** Moves the clock and lets the disk work, until `done` holds. */
  async until(done: () => boolean): Promise<void> {
    for (let i = 0; i < 3000; i++) {
      if (done()) return;
      this.clock.advance(20);
      for (let j = 0; j < 4; j++) await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('it never came to be');
  }

  /** A slice of a checkpoint. */
  slice(text = this.state): void {
    const at = this.log.append(STATE, text.length);
    this.log.buffer.latin1Write(text, at);
  }

  /** A whole checkpoint, not yet on the disk. */
  checkpoint(): void {
    this.log.beginCheckpoint();
    this.slice();
    this.log.endCheckpoint();
  }

  /** Until everything appended so far is on the disk. */
  safe(): Promise<void> {
    const { mark } = this.log;
    if (mark <= this.log.syncedMark) return Promise.resolve();
    return new Promise((go) => this.waiting.push({ mark, go }));
  }

  /** The text of a record that is in memory; undefined if it is not. */
  peek(seq: number): string | undefined {
    const { ref } = this;
    return this.log.locate(seq, ref) ? ref.buffer.latin1Slice(ref.start, ref.end) : undefined;
  }

  /** The text of a record, from the disk if need be. */
  async read(seq: number): Promise<string> {
    const there = this.peek(seq);
    if (there !== undefined) return there;
    await new Promise<void>((resolve, reject) => {
      this.log.load(seq, (error) => (error !== undefined ? reject(error) : resolve()));
    });
    const text = this.peek(seq);
    if (text === undefined) throw new Error(`record ${seq} is not there after load`);
    return text;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.log.close(resolve));
  }

  kinds(): string[] {
    return this.events.map((event) => event.kind);
  }

  texts(type = MESSAGE): string[] {
    return this.replayed.filter((record) => record.type === type).map((record) => record.text);
  }
}

/** Lets what is under way on a `MemoryFiles` go on until `done` holds. */
export async function until(done: () => boolean, turns = 10_000): Promise<void> {
  for (let i = 0; i < turns; i++) {
    if (done()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('it never came to be');
}

/** Until the disk has nothing to do. */
export async function quiet(files: MemoryFiles): Promise<void> {
  await until(() => files.pending === 0);
}

/** Where a segment lies. */
export const pathOf = (segment: number): string => `${DIRECTORY}/${String(segment).padStart(10, '0')}.log`;
/** The paths of all segments there are, in order. */
export const segmentsIn = (files: MemoryFiles): string[] =>
  [...files.names.keys()].filter((name) => /\/0.*log$/.test(name)).sort();

/** Appends so many messages, all of them safe. Returns their numbers. */
export async function fill(it: TestLog, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) {
    numbers.push(it.message(`text ${it.sequence.next} ${'x'.repeat(90)}`));
    if (i % 10 === 9) await it.safe();
  }
  await it.safe();
  return numbers;
}

/** A checkpoint, and one flush more, so that the last batch knows of it. */
export async function safeCheckpoint(it: TestLog): Promise<void> {
  it.checkpoint();
  await it.safe();
  it.note('after');
  await it.safe();
}
