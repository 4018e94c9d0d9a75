/**
 * A follower: takes the appends of a shared log one by one, checks each, makes its own segments equal, and hands the batches to the code
 * that a start reads a log with. A recovery that does not end; until it does, when this node is to lead.
 */
import { Segment } from '../../log/blocks/segment.ts';
import type { LogEvent } from '../../log/events.ts';
import type { FileSystem } from '../../log/files/files.ts';
import { readSegmentHeader } from '../../log/format/segment.ts';
import { RecoveryTally } from '../../log/recover/tally.ts';
import { type Replay, UnitReplay } from '../../log/recover/unit-replay.ts';
import type { ReplicaPart } from '../../log/replica.ts';
import type { SharedAppend } from '../engine.ts';
import { type AppendContent, Broken, CLAIM, readAppend } from '../envelope.ts';
import type { Report } from '../events.ts';
import { Cursor } from './cursor.ts';
import { ForeignLog, OwnSegments } from './own-segments.ts';

/** The numbers of the shared log have a gap where this node would go on. */
export class Gap extends Error {
  readonly expected: number;
  readonly found: number;

  constructor(expected: number, found: number) {
    super(`append ${found} comes where append ${expected} should be`);
    this.name = 'Gap';
    this.expected = expected;
    this.found = found;
  }
}

/** What is kept in the engine begins behind what this node has. */
export class TooFarBehind extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TooFarBehind';
  }
}

export interface FollowerOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly report: Report;
  /** What is told of the log that is read. */
  readonly reportLog?: (event: LogEvent) => void;
  /** Gets every record, in order, whole units only: as a start's does. */
  readonly replay?: Replay;
}

export class Follower {
  /** The last append that is taken: checked, on the disk, replayed. 0: none. */
  sequence = 0;
  /** Undefined as long as neither this node nor the shared log has anything. */
  logId: Buffer | undefined = undefined;
  /** The appends in which the segments began that were seen to begin. */
  readonly starts = new Map<number, number>();
  private ownLogId: Buffer | undefined = undefined;
  private cursor: Cursor | undefined = undefined;
  /** The highest batch number in our own segments, once it was asked for. */
  private ownLast: number | undefined = undefined;
  private readonly options: FollowerOptions;
  private readonly segments: OwnSegments;
  private readonly units: UnitReplay;
  private readonly gone: number[] = [];
  private segment: Segment | undefined = undefined;

  static async open(options: FollowerOptions): Promise<Follower> {
    const follower = new Follower(options);
    follower.ownLogId = await follower.segments.open();
    follower.logId = follower.ownLogId;
    return follower;
  }

  private constructor(options: FollowerOptions) {
    this.options = options;
    this.segments = new OwnSegments(options.files, options.directory, options.report);
    const tally = new RecoveryTally(options.reportLog ?? (() => {}));
    this.units = new UnitReplay(options.replay ?? (() => {}), tally, (segment) => this.gone.push(segment));
  }

  /** Where the log goes on, for a claim. Before the first append was taken: at its very beginning. */
  get next(): { readonly batch: number; readonly checksum: number } {
    return { batch: this.cursor?.nextBatch ?? 1, checksum: this.cursor?.checksum ?? 0 };
  }

  /** It knows where in its own segments the shared log goes on. */
  get connected(): boolean {
    return this.cursor !== undefined;
  }

  /** Of the last append. */
  get epoch(): number {
    return this.cursor?.epoch ?? 0;
  }

  /**
   * Takes the next append. An error other than Gap ends it: nothing can be taken any more.
   * @throws Gap, Broken, TooFarBehind, ForeignLog, and the file system's errors
   */
  async take({ sequence, bytes }: SharedAppend): Promise<void> {
    if (this.sequence > 0 && sequence !== this.sequence + 1) throw new Gap(this.sequence + 1, sequence);
    try {
      await this.taken(readAppend(bytes), sequence);
    } catch (error) {
      if (error instanceof Broken) throw new Broken(`append ${sequence} of the shared log: ${error.message}`);
      throw error;
    }
    this.sequence = sequence;
  }

  private async taken(append: AppendContent, sequence: number): Promise<void> {
    const { logId } = append;
    this.logId ??= Buffer.from(logId);
    if (!this.logId.equals(logId)) {
      throw new ForeignLog(
        `${this.options.directory} holds log ${this.logId.toString('hex')}, and the cluster's is ${logId.toString('hex')}`,
      );
    }
    this.cursor ??= await this.connect(append);
    if (this.cursor === undefined) return;
    const headers = this.cursor.take(append);
    for (const part of append.parts) {
      await this.segments.put(part);
      if (part.position === 0) this.starts.set(part.segment, sequence);
    }
    await this.segments.sync();
    append.parts.forEach((part, i) => {
      if (part.position === 0 || this.segment === undefined) {
        this.segment = new Segment(part.segment, '', this.cursor!.blockBytes);
      }
      for (const header of headers[i]!) this.units.accept(this.segment, part.bytes, header);
    });
    for (const segment of this.gone.splice(0)) await this.segments.gone(segment);
  }

  /**
   * Finds where in our own segments the first append goes on. Undefined: our own log begins later, for its checkpoint is younger than what is kept.
   * @throws TooFarBehind our own log ends before it
   */
  private async connect(append: AppendContent): Promise<Cursor | undefined> {
    const { firstBatch, checksumBefore, logId, kind, number } = append;
    if (firstBatch === 1) return new Cursor(null);
    const last = await this.segments.batches.find(logId, firstBatch - 1, checksumBefore);
    if (last === undefined) {
      const part = append.parts[0];
      const header = part === undefined ? undefined : readSegmentHeader(part.bytes, part.bytes.length);
      if (part !== undefined && header !== undefined && (await this.segments.batches.beginsAlike(part))) {
        const { previous, blockBytes } = header;
        return new Cursor({ number: firstBatch - 1, checksum: checksumBefore, segment: previous, blockBytes, end: 0 });
      }
      this.ownLast ??= await this.segments.batches.highest(logId);
      if (this.ownLast >= firstBatch) return undefined;
      const what = kind === CLAIM ? 'a claim' : `append ${number} of epoch ${append.epoch}`;
      throw new TooFarBehind(
        `the shared log begins with ${what}, which goes on behind batch ${firstBatch - 1}, and that is not in ${this.options.directory}`,
      );
    }
    await this.segments.resume(last.segment, last.end);
    return new Cursor(last);
  }

  /** The shared log is empty: this node's own log, if it has one, is what it begins with. @throws Error it cannot be */
  async found(logId: Buffer): Promise<void> {
    this.logId ??= logId;
    const last = await this.segments.batches.last(this.logId);
    if (last !== undefined) await this.segments.resume(last.segment, last.end);
    this.cursor = new Cursor(last ?? null);
  }

  /** Somebody else was first. */
  async notFound(): Promise<void> {
    this.logId = this.ownLogId;
    this.cursor = undefined;
    await this.segments.close();
  }

  /**
   * Of our own batches those that go on right behind the shared log: this node's, or those of a leader that it followed. Nobody has said anything
   * else since, so they are what comes next: never acknowledged, or acknowledged by an engine that has lost them.
   */
  async tail(): Promise<ReplicaPart[]> {
    const { cursor, logId } = this;
    return cursor === undefined || logId === undefined ? [] : this.segments.tail(logId, cursor);
  }

  /**
   * This node leads from here on: what its segments hold behind the end of the shared log is cut, and they are given up.
   * @throws WentBackwards and the file system's errors
   */
  async finish(): Promise<void> {
    const { cursor, logId } = this;
    if (cursor !== undefined && logId !== undefined) {
      await this.segments.cut(logId, cursor.end, cursor.nextBatch, cursor.blockBytes);
    }
    await this.close();
  }

  close(): Promise<void> {
    return this.segments.close();
  }
}
