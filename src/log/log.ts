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
import { PHASE_FLUSH, type Turn, type TurnTask } from '../clock/turn.ts';
import { NO_BYTES } from './blocks/block.ts';
import { BlockTable } from './blocks/block-table.ts';
import { ResidentBlocks } from './blocks/resident-blocks.ts';
import { Segment, SegmentBlock } from './blocks/segment.ts';
import type { RecoveryReport } from './events.ts';
import { align8, BATCH_HEADER_BYTES, BatchHeader, sealBatch } from './format/batch.ts';
import { appendTable, RECORD_CHECKPOINT_BEGIN, RECORD_GONE, RECORD_START, RECORD_STOP } from './format/own-records.ts';
import {
  RECORD_BYTES_MAX,
  type RecordRef,
  SEQUENCED_HEADER_BYTES,
  UNSEQUENCED_HEADER_BYTES,
  writeHeader,
  writeSequencedHeader,
} from './format/record.ts';
import { FORMAT_VERSION, SEGMENT_HEADER_BYTES, writeSegmentHeader } from './format/segment.ts';
import type { LogOptions } from './options.ts';
import { ColdReads } from './read/cold-reads.ts';
import { Compaction } from './reclaim/compaction.ts';
import { Reclaimer } from './reclaim/reclaimer.ts';
import { Checkpoints } from './recover/checkpoints.ts';
import { Recovery } from './recover/recovery.ts';
import { SEQUENCE_MAX } from './sequence.ts';
import { FlushTimes, type LogStatistics } from './statistics.ts';
import type { RecordStore } from './store.ts';
import { writeJobs } from './write/flush.ts';
import { SegmentFiles } from './write/segment-files.ts';
import { SyncSchedule } from './write/sync-schedule.ts';
import { SyncWaiters } from './write/sync-waiters.ts';

export { type LogEvent, LogRefused, type RecoveryReport } from './events.ts';
export type { Durability, LogOptions } from './options.ts';

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
const DEFAULT_BLOCK_BYTES = 1024 * 1024;
const DEFAULT_RESIDENT_BYTES = 64 * 1024 * 1024;

const IDLE_MS = 1000;
/** A little less than two segments: a checkpoint begins one, and what it ends should be full. */
const DEFAULT_CHECKPOINT_BYTES = 124 * 1024 * 1024;

export class Log implements RecordStore, TurnTask {
  inTurn = false;
  /** The block being filled. */
  buffer: Buffer = NO_BYTES;
  /** The number of the flush that will cover everything appended so far; not above `syncedMark` if all is on disk. */
  mark = 0;
  syncedMark = 0;
  /** Set once a write or sync failed. From then on appends go nowhere, and nothing is confirmed. */
  failed: Error | undefined = undefined;
  /** Largest payload this log takes. */
  readonly recordBytesMax: number;
  /** What was found at the start. */
  recovered: RecoveryReport;

  private readonly options: LogOptions;
  private readonly turn: Turn;
  private readonly blockBytes: number;
  private readonly blocksPerSegment: number;
  private logId: Buffer;
  private readonly segmentFiles: SegmentFiles;
  private readonly table = new BlockTable<SegmentBlock>();
  private readonly residence: ResidentBlocks<SegmentBlock>;
  private readonly coldReads: ColdReads;
  private segments: Segment[] = [];
  private segment: Segment;
  private block: SegmentBlock;

  // The open batch. `position` is where the next record goes, or the next batch when none is open; `limit` is where the
  // block ends while a batch is open, and 0 otherwise, so that one comparison finds every reason to leave the fast path.
  private position = 0;
  private limit = 0;
  private records = 0;
  private readonly header = new BatchHeader();
  private nextBatch = 1;
  private syncedBatch = 0;

  private unitDepth = 0;
  /** Records of the open unit are in an earlier batch. */
  private unitSpans = false;
  /** Where in the open batch's payload the open unit begins. */
  private unitAt = 0;
  /** The open batch begins with records of a unit that spans. */
  private joining = false;
  private joined = 0;

  /** Bytes of unsequenced records, of all and when the block was begun. */
  private unsequencedBytes = 0;
  private unsequencedAtBlock = 0;

  private nextFlush = 1;
  private flushing = false;
  private flushMark = 0;
  private flushBatch = 0;
  /** The flush under way ends with a sync. */
  private flushSyncs = false;
  private flushBeganMs = 0;
  private readonly flushTimes = new FlushTimes();
  private checkpointsMade = 0;
  private removedSegments = 0;
  private readonly schedule: SyncSchedule;
  private dirty: SegmentBlock[] = [];
  private inFlight: SegmentBlock[] = [];
  private closedBytes = 0;
  private flushBytes = 0;
  private syncedBytes = 0;
  private checkpoints = new Checkpoints(0, 0, 0);
  private readonly reclaimer = new Reclaimer();
  private readonly compaction: Compaction | undefined;
  private readonly syncWaiters = new SyncWaiters();
  /** References were taken away in this turn. */
  private released = false;
  /** Blocks without references, to be let go at the end of the turn if that is still so. */
  private readonly evictable: SegmentBlock[] = [];
  private closing: (() => void) | undefined = undefined;
  /** Nothing may be appended any more. */
  private shut = false;
  private closed = false;

  private readonly mayEvict = (block: SegmentBlock): boolean =>
    block.sealed && block.takenTo >= block.end && block.flushedTo === block.takenTo;
  private readonly evict = (block: SegmentBlock): void => this.residence.evict(block);
  private readonly flushed = (error: Error | undefined): void => this.flushEnded(error);
  private readonly estimateLive = (): number => this.liveBytes;
  /** Looks each second whether the log is idle, while it is not. */
  private readonly idling = new Timer(() => this.idle());
  private idleAtBytes = 0;

  private constructor(options: LogOptions) {
    this.options = options;
    this.turn = options.turn;
    this.blockBytes = options.blockBytes ?? DEFAULT_BLOCK_BYTES;
    const segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
    this.blocksPerSegment = segmentBytes / this.blockBytes;
    if (this.blockBytes % 8 !== 0 || this.blockBytes < 1024 || !Number.isInteger(this.blocksPerSegment)) {
      throw new RangeError(`a segment of ${segmentBytes} bytes cannot be made of blocks of ${this.blockBytes}`);
    }
    this.recordBytesMax = Math.min(
      RECORD_BYTES_MAX,
      this.blockBytes - SEGMENT_HEADER_BYTES - BATCH_HEADER_BYTES - SEQUENCED_HEADER_BYTES,
    );
    this.logId = options.logId ?? randomBytes(8);
    this.residence = new ResidentBlocks(this.blockBytes, options.residentBytesMax ?? DEFAULT_RESIDENT_BYTES);
    this.schedule = new SyncSchedule(options, () => this.turn.add(PHASE_FLUSH, this));
    this.segmentFiles = new SegmentFiles({
      files: options.files,
      directory: options.directory,
      segmentBytes,
      clock: options.clock,
      onFull: () => {
        if (this.closing !== undefined) this.segmentFiles.stopWaiting();
        options.onFull?.();
      },
      onSpace: () => {
        if (this.failed === undefined) options.onSpace?.();
      },
      onScarce: (scarce) => options.onScarce?.(scarce),
    });
    this.coldReads = new ColdReads(this.logId, this.segmentFiles, this.residence, this.turn, this, (event) =>
      options.report(event),
    );
    this.compaction =
      options.liveIn === undefined
        ? undefined
        : new Compaction({
            files: options.files,
            directory: options.directory,
            clock: options.clock,
            segmentBytes,
            blockBytes: this.blockBytes,
            segmentFiles: this.segmentFiles,
            residence: this.residence,
            table: this.table,
            liveIn: options.liveIn.bind(options),
            candidates: () => this.compactable(),
            logId: () => this.logId,
            busy: () => this.flushing && !this.full,
            whenSynced: () => this.whenSynced(),
            swapped: (segment) => {
              if (this.failed === undefined && !this.shut) appendTable(this, segment);
            },
            over: (segment) => {
              if (segment.live > 0) return;
              this.reclaimer.due = true;
              this.turn.add(PHASE_FLUSH, this);
            },
          });
    this.segment = new Segment(0, '', this.blockBytes);
    this.block = new SegmentBlock(this.segment, 0);
    this.recovered = new Recovery(options, this.residence).report;
  }

  /**
   * Reads the log in `options.directory`, replays it, and begins a new segment. Throws LogRefused for a log that cannot be
   * used as it is, and the file system's errors. References are the owner's to add: after this, before the first append.
   */
  static async open(options: LogOptions): Promise<Log> {
    const log = new Log(options);
    await options.files.makeDirectory(options.directory);
    const recovery = new Recovery(options, log.residence);
    await recovery.run();
    try {
      await log.begin(recovery);
    } catch (error) {
      log.closed = true;
      await log.segmentFiles.close(log.segments, undefined);
      throw error;
    }
    return log;
  }

  private async begin(recovery: Recovery): Promise<void> {
    const { options } = this;
    this.recovered = recovery.report;
    this.logId = recovery.logId ?? this.logId;
    this.coldReads.logId = this.logId;
    this.segments = recovery.segments;
    for (const block of recovery.blocks) this.table.push(block);
    this.nextBatch = recovery.nextBatch;
    this.syncedBatch = recovery.nextBatch - 1;
    if (options.sequence.next <= recovery.lastSeq) options.sequence.next = recovery.lastSeq + 1;
    await this.segmentFiles.space.adopt(recovery.spares);
    const before = this.segments[this.segments.length - 1];
    // The first segment of all needs no checkpoint: what is to be known begins with it.
    const segmentBytes = this.blocksPerSegment * this.blockBytes;
    const checkpointBytes = options.checkpointBytes ?? DEFAULT_CHECKPOINT_BYTES;
    this.checkpoints = new Checkpoints(recovery.checkpoint || recovery.nextSegment, segmentBytes / 2, checkpointBytes);
    this.beginSegment(recovery.nextSegment, before?.number ?? 0);
    this.appendOwn(RECORD_START, 6);
    await new Promise<void>((resolve, reject) => {
      this.startFlush((error) => (error !== undefined ? reject(error) : resolve()));
    });
    for (const path of recovery.obsolete) await options.files.remove(path);
  }

  // -- appending

  append(type: number, payloadBytes: number): number {
    const need = UNSEQUENCED_HEADER_BYTES + payloadBytes;
    if (this.position + need > this.limit || payloadBytes > this.recordBytesMax) this.makeRoom(need);
    const at = this.position;
    this.position = at + need;
    this.records++;
    this.unsequencedBytes += need;
    return writeHeader(this.buffer, at, type, payloadBytes);
  }

  appendSequenced(type: number, seq: number, payloadBytes: number): number {
    const need = SEQUENCED_HEADER_BYTES + payloadBytes;
    if (this.position + need > this.limit || payloadBytes > this.recordBytesMax || this.block.tooFar(seq)) {
      this.makeRoom(need, seq);
    }
    const at = this.position;
    const { block } = this;
    if (block.count === 0) this.firstOfBlock(block, seq);
    else if (seq <= block.lastSeq) throw new RangeError(`record ${seq} comes after record ${block.lastSeq}`);
    block.add(seq, at);
    this.position = at + need;
    this.records++;
    return writeSequencedHeader(this.buffer, at, type, seq, payloadBytes);
  }

  private firstOfBlock(block: SegmentBlock, seq: number): void {
    if (this.failed !== undefined) return;
    if (seq <= this.table.lastSeq || seq > SEQUENCE_MAX) {
      throw new RangeError(`record ${seq} comes after record ${this.table.lastSeq}`);
    }
    block.firstSeq = seq;
    block.lastSeq = seq;
    this.table.push(block);
    block.segment.blocks.push(block);
  }

  /** Everything but the plain case: no batch is open, the block or the segment is full, the log failed. */
  private makeRoom(need: number, seq = 0): void {
    if (this.shut) throw new Error('the log is closed');
    const payloadBytes = need - (seq > 0 ? SEQUENCED_HEADER_BYTES : UNSEQUENCED_HEADER_BYTES);
    if (payloadBytes > this.recordBytesMax) {
      throw new RangeError(`a record of ${payloadBytes} bytes is larger than ${this.recordBytesMax}`);
    }
    if (this.failed !== undefined) {
      // Whoever does not look at `failed` writes into a scratch block, round and round; nothing of it is ever confirmed.
      this.block.evict();
      this.block.lastSeq = this.block.firstSeq = -1;
      this.position = 0;
      this.limit = this.buffer.length;
      return;
    }
    for (;;) {
      if (this.limit > 0) {
        if (this.position + need <= this.limit && !this.block.tooFar(seq)) return;
        this.closeBatch();
      }
      if (this.position + BATCH_HEADER_BYTES + need > this.blockBytes || this.block.tooFar(seq)) this.nextBlock();
      this.openBatch();
    }
  }

  private openBatch(): void {
    const { header } = this;
    header.at = this.position;
    this.position += BATCH_HEADER_BYTES;
    this.limit = this.blockBytes;
    this.records = 0;
    this.unitAt = 0;
    this.joining = this.unitDepth > 0 && this.unitSpans;
    this.joined = 0;
    this.mark = this.nextFlush;
    this.turn.add(PHASE_FLUSH, this);
  }

  /** Completes the open batch: from here on its bytes do not change. */
  private closeBatch(): void {
    const { header, block } = this;
    const end = this.position;
    const payloadBytes = end - header.payloadStart;
    header.payloadBytes = payloadBytes;
    header.number = this.nextBatch++;
    header.synced = this.syncedBatch;
    header.checkpoint = this.checkpoints.safe;
    header.records = this.records;
    header.joined = this.joining ? payloadBytes : this.joined;
    header.open = payloadBytes;
    if (this.unitDepth > 0) {
      const opensAt = this.joining ? 0 : this.unitAt;
      if (opensAt < payloadBytes) {
        header.open = opensAt;
        this.unitSpans = true;
      }
    }
    sealBatch(this.buffer, this.logId, this.segment.number, header);
    const next = Math.min(align8(end), this.blockBytes);
    this.buffer.fill(0, end, next);
    this.position = next;
    this.limit = 0;
    block.end = next;
    this.closedBytes += next - header.at;
    if (this.dirty[this.dirty.length - 1] !== block) this.dirty.push(block);
  }

  private nextBlock(): void {
    this.sealBlock();
    if (this.block.index + 1 < this.blocksPerSegment) this.beginBlock(this.block.index + 1, 0);
    else this.nextSegment();
  }

  private sealBlock(): void {
    const { block } = this;
    block.sealed = true;
    block.records = block.count;
    block.sequencedBytes = Math.max(0, this.position - (this.unsequencedBytes - this.unsequencedAtBlock));
    this.unsequencedAtBlock = this.unsequencedBytes;
    // The rest of the block is written with it, so that a flush over several blocks is one write.
    this.buffer.fill(0, this.position, this.blockBytes);
    if (block.live === 0) this.evictable.push(block);
  }

  private beginBlock(index: number, position: number): void {
    const block = new SegmentBlock(this.segment, index);
    block.buffer = this.residence.take();
    block.resident = true;
    this.residence.admit(block);
    this.block = block;
    this.buffer = block.buffer;
    this.position = position;
    this.limit = 0;
  }

  private nextSegment(): void {
    const { segment } = this;
    segment.sealed = true;
    segment.fileBytes = (this.block.index + 1) * this.blockBytes;
    if (segment.live === 0) this.reclaimer.due = true;
    this.beginSegment(segment.number + 1, segment.number);
  }

  private beginSegment(number: number, previous: number): void {
    const segment = new Segment(number, this.segmentFiles.pathOf(number), this.blockBytes);
    this.segment = segment;
    this.segments.push(segment);
    this.beginBlock(0, SEGMENT_HEADER_BYTES);
    writeSegmentHeader(this.buffer, {
      version: FORMAT_VERSION,
      blockBytes: this.blockBytes,
      logId: this.logId,
      number,
      previous,
      firstBatch: this.nextBatch,
      firstSeq: this.options.sequence.next,
      checkpoint: this.checkpoints.safe,
      beganAtMs: this.options.clock.epochMs(),
      generation: 0,
    });
  }

  /** A record of the log's own: epoch milliseconds. */
  private appendOwn(type: number, payloadBytes: 6): void {
    const at = this.append(type, payloadBytes);
    this.buffer.writeUIntLE(this.options.clock.epochMs(), at, payloadBytes);
  }

  beginUnit(): void {
    if (this.unitDepth++ > 0) return;
    this.unitSpans = false;
    this.unitAt = this.limit > 0 ? this.position - this.header.payloadStart : 0;
  }

  endUnit(): void {
    if (--this.unitDepth > 0) return;
    if (this.joining) {
      this.joined = this.position - this.header.payloadStart;
      this.joining = false;
    }
    this.unitSpans = false;
    if (this.limit > 0 || this.dirty.length > 0) this.turn.add(PHASE_FLUSH, this);
  }

  // -- checkpoints

  /**
   * Begins a new segment, from which the log can be replayed once `endCheckpoint` is on the disk. Until then the owner
   * appends all it knows, as of the place where each record comes to lie, in as many turns as it likes, with anything in
   * between. Not within a unit, and not while another one is being written.
   */
  beginCheckpoint(): void {
    if (this.failed !== undefined) return;
    if (this.unitDepth > 0) throw new Error('a checkpoint begins between units');
    if (this.checkpointing) throw new Error('a checkpoint is being written already');
    if (this.shut) throw new Error('the log is closed');
    if (this.limit > 0) this.closeBatch();
    if (this.block.index > 0 || this.position > SEGMENT_HEADER_BYTES) {
      this.sealBlock();
      this.nextSegment();
    }
    this.checkpoints.begin(this.segment.number, this.appendedBytes, this.unsequencedBytes);
    this.appendOwn(RECORD_CHECKPOINT_BEGIN, 6);
  }

  /** All that a replay from there needs has been appended. */
  endCheckpoint(): void {
    if (this.failed !== undefined) return;
    if (!this.checkpointing) throw new Error('no checkpoint is being written');
    this.checkpoints.end(this, this.segments);
    this.checkpoints.endsWith(this.mark, this.unsequencedBytes);
  }

  /** Between `beginCheckpoint` and `endCheckpoint`. */
  get checkpointing(): boolean {
    return this.checkpoints.running > 0;
  }

  private get appendedBytes(): number {
    return this.closedBytes + (this.limit > 0 ? this.position - this.header.at : 0);
  }

  // -- flushing

  get unsyncedBytes(): number {
    return this.appendedBytes - this.syncedBytes;
  }

  endOfTurn(): void {
    this.evictUnused();
    if (this.unitDepth === 0) this.syncWaiters.endOfTurn(this.mark);
    if (this.released) {
      this.released = false;
      this.compaction?.lookSoon();
    }
    if (this.failed === undefined && !this.shut && this.unitDepth === 0) {
      if (this.checkpoints.due(this.appendedBytes, this.estimateLive)) this.options.checkpointDue?.();
    }
    if (this.flushing || this.unitDepth > 0) return;
    if (this.failed === undefined) {
      if (this.reclaimer.ready && !this.shut) this.reclaimer.reclaim(this, this.segments, this.checkpoints.safe);
      if (this.limit === 0 && this.dirty.length === 0 && this.closing !== undefined && !this.shut) this.appendStop();
      const something = this.limit > 0 || this.dirty.length > 0;
      if (something || (this.schedule.syncDue && this.segmentFiles.hasUnsynced)) {
        const now = this.closing !== undefined || this.schedule.mayFlush(this.appendedBytes - this.flushBytes);
        if (now) this.startFlush(this.flushed);
        return;
      }
    }
    if (this.closing !== undefined) this.finishClose();
  }

  /** Gives up blocks nobody needs, now that nobody can be reading them. */
  private evictUnused(): void {
    const { evictable } = this;
    if (evictable.length > 0) {
      for (const block of evictable) if (block.live === 0 && block.resident && this.mayEvict(block)) this.evict(block);
      evictable.length = 0;
    }
    this.residence.endOfTurn(this.mayEvict, this.evict);
  }

  private startFlush(done: (error: Error | undefined) => void): void {
    if (this.limit > 0) this.closeBatch();
    const jobs = writeJobs(this.dirty);
    // What is to go on the strength of this flush must not come back without what took its place.
    if (this.checkpoints.ended > 0 || this.reclaimer.waiting || this.shut) this.schedule.syncDue = true;
    this.flushSyncs = this.schedule.flushing();
    const { inFlight } = this;
    this.inFlight = this.dirty;
    inFlight.length = 0;
    this.dirty = inFlight;
    this.flushing = true;
    this.flushBeganMs = this.options.clock.monotonicMs();
    this.flushMark = this.nextFlush++;
    this.flushBatch = this.nextBatch - 1;
    this.flushBytes = this.closedBytes;
    this.segmentFiles.flush(
      jobs,
      this.flushSyncs,
      done === this.flushed
        ? done
        : (error) => {
            this.flushEnded(error);
            done(error);
          },
      this.flushSyncs && this.options.writtenAwaited?.() === false ? null : this.written,
    );
  }

  private readonly written = (): void => this.options.onWritten?.(this.flushMark);

  private flushEnded(error: Error | undefined): void {
    this.flushing = false;
    if (error !== undefined) {
      this.fail(error);
      return;
    }
    this.flushTimes.add(this.options.clock.monotonicMs() - this.flushBeganMs);
    for (const block of this.inFlight) {
      block.flushedTo = block.takenTo;
      if (block.sealed && block.live === 0) this.evictable.push(block);
    }
    this.inFlight.length = 0;
    this.compaction?.appended(this.flushBytes - this.syncedBytes);
    if (!this.idling.scheduled && this.closing === undefined) this.options.clock.schedule(this.idling, IDLE_MS);
    this.syncedBytes = this.flushBytes;
    this.syncedMark = this.flushMark;
    if (this.flushSyncs) {
      this.syncedBatch = this.flushBatch;
      this.syncWaiters.synced(this.flushMark);
      if (this.checkpoints.synced(this.flushMark)) {
        this.checkpointsMade++;
        this.reclaimer.due = true;
        // A batch must name it before anything is done that makes the one before useless.
        if (this.closing === undefined) this.append(RECORD_GONE, 0);
        this.compaction?.look();
      }
      const gone = this.reclaimer.synced(this.flushMark);
      if (gone.length > 0) this.dropSegments(gone);
    }
    // What waits is flushed at the end of this turn, and what memory can do without is given up.
    this.turn.add(PHASE_FLUSH, this);
    this.options.onSynced(this.flushMark);
  }

  /** A second has passed since something was written, or since this was called. */
  private idle(): void {
    const idle = this.appendedBytes === this.idleAtBytes;
    this.idleAtBytes = this.appendedBytes;
    if (this.failed !== undefined || this.shut || this.unitDepth > 0) return;
    if (!idle) this.options.clock.schedule(this.idling, IDLE_MS);
    else if (this.checkpoints.worthwhile(this.appendedBytes)) this.options.checkpointDue?.();
  }

  private fail(error: Error): void {
    this.failed = error;
    // The scratch block; see makeRoom.
    this.block = new SegmentBlock(this.segment, -1);
    this.buffer = Buffer.allocUnsafeSlow(this.blockBytes);
    this.position = 0;
    this.limit = 0;
    this.dirty.length = 0;
    this.syncWaiters.end();
    if (this.closing !== undefined) this.turn.add(PHASE_FLUSH, this);
    this.options.onFailed(error);
  }

  // -- reading

  locate(seq: number, ref: RecordRef): boolean {
    const block = this.table.find(seq);
    return block?.resident === true && block.find(seq, ref);
  }

  load(seq: number, done: (error: Error | undefined) => void): void {
    const block = this.table.find(seq);
    if (block === undefined) done(new Error(`record ${seq} is not in the log`));
    else this.coldReads.load(block, seq, done);
  }

  // -- references

  addLive(seq: number, n: number): void {
    const { block } = this;
    const found = seq >= block.firstSeq && seq <= block.lastSeq ? block : this.table.find(seq);
    if (found === undefined) return;
    found.live += n;
    found.segment.live += n;
  }

  release(seq: number, n: number): void {
    const block = this.table.find(seq);
    if (block === undefined) return;
    block.live -= n;
    block.segment.live -= n;
    this.released = true;
    if (block.live === 0 && block.sealed) {
      if (block.segment.live === 0) this.reclaimer.due = true;
      if (block.resident) this.evictable.push(block);
      this.turn.add(PHASE_FLUSH, this);
    }
  }

  /**
   * Adds a reference to each of `count` records whose numbers follow one another. All of them must be in this log; what
   * damage took away is passed over.
   */
  addLiveRange(firstSeq: number, count: number): void {
    this.table.forRange(firstSeq, firstSeq + count - 1, (block, n) => {
      block.live += n;
      block.segment.live += n;
    });
  }

  /** The owner has added all its references to what was recovered: what has none may go from now on. */
  referencesCounted(): void {
    this.reclaimer.counted = true;
    this.reclaimer.due = true;
    this.compaction?.lookSoon();
    this.turn.add(PHASE_FLUSH, this);
  }

  /** All that is appended until the end of this turn is on the disk, whatever the durability. */
  private whenSynced(): Promise<void> {
    this.schedule.syncDue = true;
    this.turn.add(PHASE_FLUSH, this);
    return this.syncWaiters.wait();
  }

  private *compactable(): Generator<Segment> {
    if (!this.reclaimer.counted || this.failed !== undefined) return;
    for (const segment of this.segments) {
      if (segment.number >= this.checkpoints.safe) return;
      if (segment.live > 0 && segment.compactable) yield segment;
    }
  }

  private dropSegments(gone: readonly Segment[]): void {
    this.table.dropWhere((block) => {
      if (!block.segment.gone) return false;
      block.gone = true;
      if (block.resident) this.evict(block);
      return true;
    });
    this.removedSegments += gone.length;
    for (const segment of gone) this.segmentFiles.retire(segment);
  }

  /** The disk is full: see `LogOptions.onFull`. */
  get full(): boolean {
    return this.segmentFiles.space.full;
  }

  /** Bytes of blocks in memory. */
  get residentBytes(): number {
    return this.residence.bytes;
  }

  /** Bytes of records that somebody refers to, as far as can be told without asking who. It walks all blocks. */
  get liveBytes(): number {
    let bytes = 0;
    for (const segment of this.segments) bytes += segment.liveBytes;
    return bytes;
  }

  get statistics(): LogStatistics {
    let diskBytes = this.segmentFiles.space.keptBytes;
    for (const segment of this.segments) diskBytes += segment.diskBytes;
    return {
      durability: this.schedule.durability,
      appendedBytes: this.appendedBytes,
      unsyncedBytes: this.unsyncedBytes,
      flushes: this.flushTimes,
      segments: this.segments.length,
      diskBytes,
      liveBytes: this.liveBytes,
      residentBytes: this.residentBytes,
      checkpoints: this.checkpointsMade,
      compactedSegments: this.compaction?.rewritten ?? 0,
      compactionWonBytes: this.compaction?.wonBytes ?? 0,
      removedSegments: this.removedSegments,
      full: this.full,
      failed: this.failed !== undefined,
    };
  }

  /** The segment that is being written. */
  get segmentNumber(): number {
    return this.segment.number;
  }

  /** Segments in use, the one being written included. */
  get segmentCount(): number {
    return this.segments.length;
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
    if (this.failed !== undefined || !orderly) this.shut = true;
    // A checkpoint is to be known as safe by the last batch: a start then needs to read nothing before it.
    else if (this.checkpoints.ended === 0) this.appendStop();
    // Nobody comes to sync later what is only written yet, also if there is nothing more to write.
    this.schedule.syncDue = true;
    this.turn.add(PHASE_FLUSH, this);
  }

  private appendStop(): void {
    this.appendOwn(RECORD_STOP, 6);
    this.shut = true;
  }

  private finishClose(): void {
    const done = this.closing!;
    this.closing = undefined;
    this.closed = true;
    this.schedule.stop();
    this.options.clock.cancel(this.idling);
    this.syncWaiters.end();
    const usedBytes = this.failed === undefined ? this.block.index * this.blockBytes + this.block.end : undefined;
    this.limit = 0;
    const closeFiles = (): Promise<void> => this.segmentFiles.close(this.segments, usedBytes);
    (this.compaction?.stop() ?? Promise.resolve()).then(closeFiles).then(done, done);
  }
}
