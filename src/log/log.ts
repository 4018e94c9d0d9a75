/**
 * The durable log of one vhost: an ordered row of records, of which everything up to `syncedMark` is on the disk.
 *
 * Appending writes the record once, into the block that mirrors its place in the file. At the end of the turn, if no
 * flush is under way, what has been appended becomes a batch (or several, when blocks filled up), is written and synced;
 * what is appended meanwhile joins the next flush. A flush has a number, its *mark*: `mark` is the one that will cover
 * what has been appended so far, and `onSynced` is called once for each flush that is on the disk, never before.
 *
 *     append ──▶ open batch ──end of turn──▶ in flight ──written and synced──▶ onSynced(mark)
 *                    ▲                           │
 *                    └── while it is in flight ──┴──failed──▶ onFailed, and never onSynced again
 *
 * Refuses: to confirm anything after a failed write or sync (what the kernel then holds is anybody's guess, and asking
 * again may answer yes); to overwrite anything an earlier life wrote; to open a log that is newer, foreign or has a hole.
 */
import { randomBytes } from 'node:crypto';
import { Timer } from '../clock/clock.ts';
import { PHASE_FLUSH, type TurnTask } from '../clock/turn.ts';
import { ResidentBlocks } from './blocks/resident-blocks.ts';
import type { SegmentBlock } from './blocks/segment.ts';
import type { RecoveryReport } from './events.ts';
import {
  appendMoment,
  appendTable,
  RECORD_CHECKPOINT_BEGIN,
  RECORD_GONE,
  RECORD_START,
  RECORD_STOP,
} from './format/own-records.ts';
import type { RecordRef } from './format/record.ts';
import { geometryOf, type LogGeometry, type LogOptions } from './options.ts';
import { ColdReads } from './read/cold-reads.ts';
import { Compaction } from './reclaim/compaction.ts';
import { type LogPin, Pins } from './reclaim/pins.ts';
import { References } from './reclaim/references.ts';
import { Checkpoints } from './recover/checkpoints.ts';
import { type RecoveredLog, recoverLog } from './recover/recovery.ts';
import type { LogStatistics } from './statistics.ts';
import type { ReadOrder, RecordStore } from './store.ts';
import { Appender } from './write/appender.ts';
import { Flusher } from './write/flusher.ts';
import { SegmentFiles } from './write/segment-files.ts';
import { SyncSchedule } from './write/sync-schedule.ts';
import { SyncWaiters } from './write/sync-waiters.ts';

export { type LogEvent, LogRefused, type RecoveryReport } from './events.ts';
export type { Durability, LogOptions } from './options.ts';

const DEFAULT_RESIDENT_BYTES = 64 * 1024 * 1024;
/** A little less than two segments: a checkpoint begins one, and what it ends should be full. */
const DEFAULT_CHECKPOINT_BYTES = 124 * 1024 * 1024;
const IDLE_MS = 1000;

export class Log implements RecordStore, TurnTask {
  inTurn = false;
  /** Set once a write or sync failed. From then on appends go nowhere, and nothing is confirmed. */
  failed: Error | undefined = undefined;
  /** What was found at the start. */
  readonly recovered: RecoveryReport;

  private readonly options: LogOptions;
  private readonly geometry: LogGeometry;
  private readonly appender: Appender;
  private readonly references: References;
  private readonly flusher: Flusher;
  private readonly segmentFiles: SegmentFiles;
  private readonly coldReads: ColdReads;
  private readonly schedule: SyncSchedule;
  private readonly checkpoints: Checkpoints;
  private readonly compaction: Compaction | undefined;
  private readonly syncWaiters = new SyncWaiters();
  private readonly pins = new Pins(() => {
    this.references.reclaimer.due = true;
    this.compaction?.lookSoon();
    this.wake();
  });
  private checkpointsMade = 0;
  private closing: (() => void) | undefined = undefined;
  private closed = false;

  private readonly wake = (): void => this.options.turn.add(PHASE_FLUSH, this);
  private readonly estimateLive = (): number => this.references.liveBytes;
  /** Looks each second whether the log is idle, while it is not. */
  private readonly idling = new Timer(() => this.idle());
  private idleAtBytes = 0;

  /**
   * Reads the log in `options.directory`, replays it, and begins a new segment. References are the owner's to add: after
   * this, before the first append.
   * @throws LogRefused for a log that cannot be used as it is, RangeError for sizes that do not fit, the file system's errors
   */
  static async open(options: LogOptions): Promise<Log> {
    const { files, directory, sequence } = options;
    const geometry = geometryOf(options);
    const residents = new ResidentBlocks<SegmentBlock>(
      geometry.blockBytes,
      options.residentBytesMax ?? DEFAULT_RESIDENT_BYTES,
      options.clock,
    );
    await files.makeDirectory(directory);
    const recovered = await recoverLog(options, residents);
    if (sequence.next <= recovered.lastSeq) sequence.next = recovered.lastSeq + 1;
    const log = new Log(options, geometry, residents, recovered);
    try {
      await log.begin(recovered);
    } catch (error) {
      log.closed = true;
      await log.segmentFiles.close(log.references.segments, undefined);
      throw error;
    }
    return log;
  }

  private constructor(
    options: LogOptions,
    geometry: LogGeometry,
    residents: ResidentBlocks<SegmentBlock>,
    recovered: RecoveredLog,
  ) {
    const { files, directory, clock } = options;
    const { segmentBytes, blockBytes } = geometry;
    const { wake } = this;
    const logId = recovered.logId ?? options.logId ?? randomBytes(8);
    const report: LogOptions['report'] = (event) => options.report(event);
    this.options = options;
    this.geometry = geometry;
    this.recovered = recovered.report;
    this.segmentFiles = new SegmentFiles({
      files,
      directory,
      segmentBytes,
      clock,
      onFull: () => {
        if (this.closing !== undefined) this.segmentFiles.stopWaiting();
        this.pins.lose();
        options.onFull?.();
      },
      onSpace: () => {
        if (this.failed === undefined) options.onSpace?.();
      },
      onScarce: (scarce) => options.onScarce?.(scarce),
    });
    const { segmentFiles } = this;
    const before = recovered.segments.at(-1);
    this.references = new References({ residents, segments: recovered.segments, blocks: recovered.blocks, wake });
    this.coldReads = new ColdReads({
      logId,
      files: segmentFiles,
      residents,
      turn: options.turn,
      blockOf: (seq) => this.references.table.find(seq),
      report,
      wake,
    });
    // The first segment of all needs no checkpoint: what is to be known begins with it.
    this.checkpoints = new Checkpoints(
      recovered.checkpoint || recovered.nextSegment,
      segmentBytes / 2,
      options.checkpointBytes ?? DEFAULT_CHECKPOINT_BYTES,
    );
    this.schedule = new SyncSchedule(options, wake);
    this.flusher = new Flusher({
      segmentFiles,
      schedule: this.schedule,
      references: this.references,
      clock,
      replica: options.replica,
      syncedBatch: recovered.nextBatch - 1,
      slow: (ms, more) => report({ kind: 'slow-flush', ms, more }),
      written: (mark) => options.onWritten?.(mark),
      writtenAwaited: () => options.writtenAwaited?.() !== false,
      flushed: (mark, synced, bytes) => this.flushed(mark, synced, bytes),
      failed: (error) => this.fail(error),
    });
    this.appender = new Appender({
      geometry,
      logId,
      clock,
      sequence: options.sequence,
      references: this.references,
      checkpoints: this.checkpoints,
      flusher: this.flusher,
      firstSegment: recovered.nextSegment,
      previousSegment: before?.number ?? 0,
      firstBatch: recovered.nextBatch,
      pathOf: (segment) => segmentFiles.pathOf(segment),
      readAlone: () => options.readAlone?.() !== false,
      wake,
    });
    this.compaction =
      options.liveIn === undefined || options.replica !== undefined
        ? undefined
        : new Compaction({
            files,
            directory,
            clock,
            logId,
            segmentBytes,
            blockBytes,
            segmentFiles,
            residents,
            table: this.references.table,
            liveIn: options.liveIn.bind(options),
            candidates: () =>
              this.failed === undefined && this.pins.held === 0
                ? this.references.compactable(this.checkpoints.safe)
                : [],
            wake,
            roomy: () => !this.full,
            busy: () => this.flusher.running && !this.full,
            whenSynced: () => this.whenSynced(),
            swapped: (segment) => {
              if (this.failed === undefined && !this.appender.shut) appendTable(this.appender, segment);
            },
            over: (segment) => {
              if (segment.live > 0) return;
              this.references.reclaimer.due = true;
              wake();
            },
          });
  }

  /** Takes over what an earlier life prepared, and writes that this one has begun. */
  private async begin(recovered: RecoveredLog): Promise<void> {
    const { files, clock } = this.options;
    await this.segmentFiles.space.adopt(recovered.spares);
    appendMoment(this.appender, RECORD_START, clock.epochMs());
    await new Promise<void>((resolve, reject) => {
      this.startFlush((error) => (error !== undefined ? reject(error) : resolve()));
    });
    for (const path of recovered.obsolete) await files.remove(path);
  }

  // -- appending

  /** The bytes of the block being filled: see `RecordStore.buffer`. */
  get buffer(): Buffer {
    return this.appender.buffer;
  }

  /** The number of the flush that will cover everything appended so far; not above `syncedMark` if all is on disk. */
  get mark(): number {
    return this.appender.mark;
  }

  /** The number of the last flush that is on the disk, with all before it. */
  get syncedMark(): number {
    return this.flusher.syncedMark;
  }

  /** Largest payload this log takes, bytes. */
  get recordBytesMax(): number {
    return this.appender.recordBytesMax;
  }

  get roomBytes(): number {
    return this.appender.roomBytes;
  }

  append(type: number, payloadBytes: number): number {
    return this.appender.append(type, payloadBytes);
  }

  appendSequenced(type: number, seq: number, payloadBytes: number): number {
    return this.appender.appendSequenced(type, seq, payloadBytes);
  }

  /** Begins a commit unit: what is appended until `endUnit` is recovered as a whole or not at all. May be nested. */
  beginUnit(): void {
    this.appender.beginUnit();
  }

  endUnit(): void {
    this.appender.endUnit();
  }

  // -- checkpoints

  /**
   * Begins a new segment, from which the log can be replayed once `endCheckpoint` is on the disk. Until then the owner
   * appends all it knows, as of the place where each record comes to lie, in as many turns as it likes, with anything in
   * between. Not within a unit, and not while another one is being written.
   */
  beginCheckpoint(): void {
    const { appender } = this;
    if (this.failed !== undefined) return;
    if (appender.inUnit) throw new Error('a checkpoint begins between units');
    if (this.checkpointing) throw new Error('a checkpoint is being written already');
    if (appender.shut) throw new Error('the log is closed');
    appender.beginSegment();
    this.checkpoints.begin(appender.segment.number, appender.appendedBytes, appender.unsequencedBytes);
    appendMoment(appender, RECORD_CHECKPOINT_BEGIN, this.options.clock.epochMs());
  }

  /** All that a replay from there needs has been appended. */
  endCheckpoint(): void {
    const { appender, checkpoints } = this;
    if (this.failed !== undefined) return;
    if (!this.checkpointing) throw new Error('no checkpoint is being written');
    checkpoints.end(appender, this.references.segments);
    checkpoints.endsWith(appender.mark, appender.unsequencedBytes);
  }

  /** Between `beginCheckpoint` and `endCheckpoint`. */
  get checkpointing(): boolean {
    return this.checkpoints.running > 0;
  }

  // -- flushing

  /** Bytes appended that are not on the disk, or not with the kernel where that is enough. */
  get unsyncedBytes(): number {
    return this.appender.appendedBytes - this.flusher.syncedBytes;
  }

  endOfTurn(): void {
    const { appender, references, checkpoints, schedule } = this;
    references.evictUnused();
    this.coldReads.begin();
    if (!appender.inUnit) this.syncWaiters.endOfTurn(appender.mark);
    if (references.takeReleased()) this.compaction?.lookSoon();
    if (this.failed === undefined && !appender.shut && !appender.inUnit) {
      if (checkpoints.due(appender.appendedBytes, this.estimateLive)) this.options.checkpointDue?.();
    }
    if (this.flusher.running || appender.inUnit) return;
    if (this.failed === undefined) {
      const { reclaimer } = references;
      if (reclaimer.ready && !appender.shut && this.pins.held === 0)
        reclaimer.reclaim(appender, references.segments, checkpoints.safe);
      if (!appender.unflushed && this.closing !== undefined && !appender.shut) this.appendStop();
      if (appender.unflushed || (schedule.syncDue && this.segmentFiles.hasUnsynced)) {
        const now = this.closing !== undefined || schedule.mayFlush(appender.appendedBytes - this.flusher.takenBytes);
        if (now) this.startFlush();
        return;
      }
    }
    if (this.closing !== undefined) this.finishClose();
  }

  private startFlush(afterwards?: (error: Error | undefined) => void): void {
    const { appender, flusher } = this;
    appender.closeBatch();
    // What is to go on the strength of this flush must not come back without what took its place.
    if (this.checkpoints.ended > 0 || this.references.reclaimer.waiting || appender.shut) this.schedule.syncDue = true;
    const dirty = appender.takeDirty(flusher.takeSpareList());
    flusher.start(dirty, appender.lastBatch, appender.appendedBytes, afterwards);
  }

  private flushed(mark: number, synced: boolean, bytes: number): void {
    this.compaction?.appended(bytes);
    if (!this.idling.scheduled && this.closing === undefined) this.options.clock.schedule(this.idling, IDLE_MS);
    if (synced) {
      this.syncWaiters.synced(mark);
      if (this.checkpoints.synced(mark)) this.checkpointSynced();
      this.dropSegments(mark);
    }
    // What waits is flushed at the end of this turn, and what memory can do without is given up.
    this.wake();
    this.options.onSynced(mark);
  }

  private checkpointSynced(): void {
    this.checkpointsMade++;
    this.references.reclaimer.due = true;
    // A batch must name it before anything is done that makes the one before useless.
    if (this.closing === undefined) this.append(RECORD_GONE, 0);
    this.compaction?.look();
  }

  /** Gives up the segments that are known as gone on the disk. */
  private dropSegments(mark: number): void {
    const gone = this.references.reclaimer.synced(mark);
    if (gone.length === 0) return;
    this.references.dropSegments(gone);
    for (const segment of gone) this.segmentFiles.retire(segment);
  }

  /** A second has passed since something was written, or since this was called. */
  private idle(): void {
    const { appendedBytes, shut, inUnit } = this.appender;
    const idle = appendedBytes === this.idleAtBytes;
    this.idleAtBytes = appendedBytes;
    if (this.failed !== undefined || shut || inUnit) return;
    if (!idle) this.options.clock.schedule(this.idling, IDLE_MS);
    else if (this.checkpoints.worthwhile(appendedBytes) || this.unsettled()) this.options.checkpointDue?.();
  }

  /**
   * So much lies behind the last checkpoint, of an earlier life perhaps, that it is worth one: what is before a checkpoint can be
   * written in the order in which it will be read.
   */
  private unsettled(): boolean {
    const { checkpoints, compaction, appender } = this;
    if (compaction === undefined || checkpoints.running !== 0 || checkpoints.ended !== 0) return false;
    let bytes = 0;
    for (const segment of this.references.segments) {
      if (segment.number >= checkpoints.safe && segment !== appender.segment) bytes += segment.liveBytes;
    }
    return bytes * 2 > this.geometry.segmentBytes;
  }

  private fail(error: Error): void {
    this.failed = error;
    this.appender.fail();
    this.syncWaiters.end();
    if (this.closing !== undefined) this.wake();
    this.options.onFailed(error);
  }

  /** All that is appended until the end of this turn is on the disk, whatever the durability. */
  private whenSynced(): Promise<void> {
    this.schedule.syncDue = true;
    this.wake();
    return this.syncWaiters.wait();
  }

  // -- copies

  /**
   * Nothing is reclaimed or rewritten any more until `letGo`; resolves when none of that is under way, and `pin` may be called.
   * @throws Error the log has failed, or is being closed
   */
  async hold(): Promise<void> {
    this.pins.hold();
    try {
      await this.compaction?.interrupt();
      while (this.references.reclaimer.waiting) await this.whenSynced();
      if (this.failed !== undefined || this.closed || this.closing !== undefined) throw new Error('the log is closed');
    } catch (error) {
      this.pins.letGo();
      throw error;
    }
  }

  letGo(): void {
    this.pins.letGo();
  }

  /** Keeps the files of what is on the disk now as they are, until they are released: see `pins.ts`. Held, and in no turn but this one. */
  pin(): LogPin {
    const { flushedSegment, flushedBytes } = this.flusher;
    const kept = this.references.segments.filter(({ number }) => number <= flushedSegment);
    return this.pins.pin(kept, flushedBytes);
  }

  // -- reading

  locate(seq: number, ref: RecordRef): boolean {
    const block = this.references.table.find(seq);
    if (block?.resident === true) return block.find(seq, ref);
    return this.coldReads.locate(seq, ref);
  }

  load(seq: number, done: (error: Error | undefined) => void, order?: ReadOrder): void {
    const block = this.references.table.find(seq);
    if (block === undefined) done(new Error(`record ${seq} is not in the log`));
    else this.coldReads.load(block, seq, done, order);
  }

  // -- references

  addLive(seq: number, n: number): void {
    this.references.addLive(this.appender.block, seq, n);
  }

  release(seq: number, n: number): void {
    this.coldReads.drop(seq);
    this.references.release(seq, n);
  }

  /**
   * Adds a reference to each of `count` records whose numbers follow one another. All of them must be in this log; what
   * damage took away is passed over.
   */
  addLiveRange(firstSeq: number, count: number): void {
    this.references.addLiveRange(firstSeq, count);
  }

  /** The owner has added all its references to what was recovered: what has none may go from now on. */
  referencesCounted(): void {
    const { reclaimer } = this.references;
    reclaimer.counted = true;
    reclaimer.due = true;
    this.compaction?.lookSoon();
    this.wake();
  }

  // -- what it says about itself

  /** The disk is full: see `LogOptions.onFull`. */
  get full(): boolean {
    return this.segmentFiles.space.full;
  }

  /** Bytes of blocks in memory, and of records that were read alone. */
  get residentBytes(): number {
    return this.references.residents.bytes + this.coldReads.bytes;
  }

  /** Bytes of records that somebody refers to, as far as can be told without asking who. It walks all blocks. */
  get liveBytes(): number {
    return this.references.liveBytes;
  }

  /** The segment that is being written. */
  get segmentNumber(): number {
    return this.appender.segment.number;
  }

  /** Segments in use, the one being written included. */
  get segmentCount(): number {
    return this.references.segments.length;
  }

  /** A snapshot; it walks all blocks. */
  get statistics(): LogStatistics {
    const { references } = this;
    return {
      durability: this.schedule.durability,
      appendedBytes: this.appender.appendedBytes,
      unsyncedBytes: this.unsyncedBytes,
      flushes: this.flusher.times,
      segments: this.segmentCount,
      diskBytes: this.segmentFiles.space.keptBytes + references.diskBytes,
      liveBytes: this.liveBytes,
      residentBytes: this.residentBytes,
      checkpoints: this.checkpointsMade,
      compactedSegments: this.compaction?.rewritten ?? 0,
      groupedSegments: this.compaction?.grouped ?? 0,
      compactionWonBytes: this.compaction?.wonBytes ?? 0,
      removedSegments: references.removedSegments,
      full: this.full,
      failed: this.failed !== undefined,
    };
  }

  // -- the end

  /**
   * Writes and syncs what is left and a record that says so; then nothing may be appended any more.
   * @param orderly false: the owner could not write down all it knows, so the next start must not take this for a clean stop
   */
  close(done: () => void, orderly = true): void {
    if (this.closed || this.closing !== undefined) {
      done();
      return;
    }
    this.closing = done;
    // What finds no room now, not even in the reserve, is not waited for; it was never confirmed.
    if (this.full) this.segmentFiles.stopWaiting();
    if (this.failed !== undefined || !orderly) this.appender.shut = true;
    // A checkpoint is to be known as safe by the last batch: a start then needs to read nothing before it.
    else if (this.checkpoints.ended === 0) this.appendStop();
    // Nobody comes to sync later what is only written yet, also if there is nothing more to write.
    this.schedule.syncDue = true;
    this.wake();
  }

  private appendStop(): void {
    appendMoment(this.appender, RECORD_STOP, this.options.clock.epochMs());
    this.appender.shut = true;
  }

  private finishClose(): void {
    const done = this.closing!;
    this.closing = undefined;
    this.closed = true;
    this.schedule.stop();
    this.options.clock.cancel(this.idling);
    this.syncWaiters.end();
    const usedBytes = this.failed === undefined ? this.appender.usedBytes : undefined;
    this.appender.end();
    const closeFiles = (): Promise<void> => this.segmentFiles.close(this.references.segments, usedBytes);
    (this.compaction?.stop() ?? Promise.resolve()).then(closeFiles).then(done, done);
  }
}
