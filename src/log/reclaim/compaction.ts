/**
 * Compaction: segments of which most is dead are rewritten, and those whose messages have waited for a while and will be read in another
 * order than the one they came in. What somebody still refers to is copied into a new file, which takes the old one's name.
 * Numbers stay, so nobody notices but whoever reads a block just then, and that read is done again.
 *
 *     idle ──look: a segment is mostly dead, or waits──▶ asking what is live ──▶ copying, block by block ──▶ synced, renamed
 *       ▲                                                                                             │
 *       └──── blocks point into the new file, and its table is in the log ◀───────────────────────────┘
 *
 * What has waited is grouped (`group-copier.ts`) if it is interleaved: if what is read together lies in so many pieces that a reader
 * would fetch each by itself. That is worth one more writing only while nothing else is to be done: it gives way to what wins room,
 * and gets little while others write.
 *
 * Only segments before the last checkpoint on the disk: nothing in them is ever replayed, so records without a number can
 * go. A crash leaves the old file, or the new one, whose generation tells a start that the checkpoint's table is out of date.
 *
 * Refuses: to touch a segment in which something is damaged, or of which the owner does not know what it refers to.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { BlockTable } from '../blocks/block-table.ts';
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { Segment, SegmentBlock } from '../blocks/segment.ts';
import { type FileSystem, type LogFile, syncFile } from '../files/files.ts';
import type { LiveIn } from '../options.ts';
import type { SegmentFiles } from '../write/segment-files.ts';
import { CopyBudget } from './copy-budget.ts';
import { GroupCopier } from './group-copier.ts';
import { partBytes } from './group-part.ts';
import { isInterleaved } from './interleaved.ts';
import { Liveness } from './liveness.ts';
import type { CopiedSegment } from './rewriting.ts';
import { SegmentCopier } from './segment-copier.ts';

export const COMPACTING_SUFFIX = '.compacting';
const LOOK_MS = 1000;
/** A rewrite must win at least this part of a segment. */
const GAIN_MIN = 1 / 64;
/** What has waited so long is likely to wait for longer. */
const GROUPED_AFTER_MS = 2000;
/** What grouping gets of what rewriting gets for what others write. */
const GROUPING_PART = 1 / 16;

export interface CompactionOptions {
  readonly files: FileSystem;
  readonly directory: string;
  readonly clock: Clock;
  readonly logId: Buffer;
  readonly segmentBytes: number;
  readonly blockBytes: number;
  readonly segmentFiles: SegmentFiles;
  readonly residents: ResidentBlocks<SegmentBlock>;
  readonly table: BlockTable<SegmentBlock>;
  readonly liveIn: LiveIn;
  /** Segments that may be rewritten. */
  candidates(): Iterable<Segment>;
  /** Memory is to be brought back within its budget at the end of the turn. */
  wake(): void;
  /** There is room on the disk for what wins none. */
  roomy(): boolean;
  /** A flush is under way, or waits for room. */
  busy(): boolean;
  /** Everything that has been let go of until now is on the disk as such. Rejects if the log fails or is closed. */
  whenSynced(): Promise<void>;
  /** The segment lies in a new file now. */
  swapped(segment: Segment): void;
  /** The segment is not being rewritten any more, however that went. */
  over(segment: Segment): void;
}

export class Compaction {
  /** Segments rewritten so far, and the bytes that it won. */
  rewritten = 0;
  wonBytes = 0;
  /** Those of them that were written in the order of groups. */
  grouped = 0;
  private readonly options: CompactionOptions;
  private running: Promise<void> | undefined = undefined;
  private stopped = false;
  /** What is under way is to be given up before it replaces a file. */
  private interrupting = false;
  private readonly looking = new Timer(() => this.look());
  private readonly budget: CopyBudget;
  private readonly copier: SegmentCopier;
  private readonly groupCopier: GroupCopier;
  /** The segment being rewritten is so for its order alone, which can be put off. */
  private grouping = false;
  private yielding = false;
  private readonly liveness: Liveness;

  constructor(options: CompactionOptions) {
    const { clock, blockBytes, logId, segmentFiles } = options;
    this.options = options;
    this.liveness = new Liveness(options);
    this.budget = new CopyBudget(clock, blockBytes, () => options.busy());
    const copying = {
      logId,
      segmentFiles,
      afford: (bytes: number) => this.afford(bytes),
    };
    this.copier = new SegmentCopier(copying);
    this.groupCopier = new GroupCopier(copying, options.residents);
  }

  private async afford(bytes: number): Promise<void> {
    await this.budget.afford(bytes);
    this.demandGoingOn();
  }

  private demandGoingOn(): void {
    if (this.stopped || this.interrupting || this.yielding) throw new Error('the segment is not to be rewritten now');
  }

  /** Gives up what is under way, unless it is about to end; resolves when nothing is. Until then no other is begun. */
  async interrupt(): Promise<void> {
    this.interrupting = true;
    await this.running;
    this.interrupting = false;
  }

  /** Something was let go: look for a segment worth rewriting within a second. */
  lookSoon(): void {
    if (!this.stopped && (this.running === undefined || this.grouping) && !this.looking.scheduled) {
      this.options.clock.schedule(this.looking, LOOK_MS);
    }
  }

  /** Looks now, if none is being rewritten. */
  look(): void {
    if (this.stopped || this.interrupting) return;
    const winning = this.mostlyDead();
    if (this.running !== undefined) {
      this.yielding ||= this.grouping && winning !== undefined;
      return;
    }
    const segment = winning ?? this.waiting();
    if (segment === undefined) {
      this.liveness.forget();
      this.groupCopier.rest();
      this.options.residents.lentBytes = 0;
      return;
    }
    segment.compacting = true;
    this.grouping = winning === undefined;
    this.running = this.rewrite(segment)
      .then(
        (done) => {
          if (!this.grouping || done) segment.compactable = done;
          segment.settled = true;
          return true;
        },
        // No room, or a disk that fails: not again before something else is let go.
        () => this.yielding,
      )
      .then((done) => {
        segment.compacting = false;
        this.running = undefined;
        this.yielding = false;
        this.options.over(segment);
        if (done) this.look();
      });
  }

  private mostlyDead(): Segment | undefined {
    let best: Segment | undefined;
    let bestGain = this.options.segmentBytes * GAIN_MIN;
    for (const segment of this.options.candidates()) {
      const gain = gainOf(segment);
      if (gain > bestGain && gain * 2 > segment.diskBytes - segment.overheadBytes) {
        best = segment;
        bestGain = gain;
      }
    }
    return best;
  }

  /** The oldest one that has waited for long enough and may be interleaved. */
  private waiting(): Segment | undefined {
    if (!this.options.roomy()) return undefined;
    const nowMs = this.options.clock.monotonicMs();
    let later = false;
    for (const segment of this.options.candidates()) {
      if (segment.settled) continue;
      segment.waitingSinceMs ??= nowMs;
      if (nowMs - segment.waitingSinceMs >= GROUPED_AFTER_MS) return segment;
      later = true;
    }
    if (later) this.lookSoon();
    return undefined;
  }

  /** False: this segment is not to be rewritten. */
  private async rewrite(segment: Segment): Promise<boolean> {
    const { files } = this.options;
    const live = await (this.grouping ? this.liveness.ofWaiting(segment) : this.liveness.of(segment));
    const { blocks } = segment;
    // What is in the order of groups already stays so.
    const grouped = blocks.some((block) => block.grouped) || (await isInterleaved(segment, live, () => this.afford(0)));
    if (this.grouping && !grouped) return true;
    if (grouped) {
      // Blocks that were kept for reading make room for what is being brought together.
      this.options.residents.lentBytes = partBytes(segment);
      this.options.wake();
    }
    const path = segment.path + COMPACTING_SUFFIX;
    const file = await files.open(path, 'create');
    let renamed = false;
    try {
      const copied = await (grouped ? this.groupCopier : this.copier).copy(segment, live, file);
      if (copied === undefined) return false;
      if (segment.live === 0) return true;
      await syncFile(file);
      // What let go of records must outlive them: after a crash they would be asked for again.
      await this.options.whenSynced();
      this.demandGoingOn();
      await files.rename(path, segment.path);
      renamed = true;
      file.path = segment.path;
      try {
        await files.syncDirectory(this.options.directory);
      } finally {
        if (grouped) this.grouped++;
        // The name leads to the new file, safe or not: with the old one, what is written later would be in a file without a name.
        this.swap(segment, file, copied);
      }
      return true;
    } finally {
      if (!renamed) {
        await file.close();
        await files.remove(path);
      }
    }
  }

  /** From here on the segment is the new file. */
  private swap(segment: Segment, file: LogFile, { end, moved }: CopiedSegment): void {
    const { residents, table, segmentFiles } = this.options;
    this.wonBytes += segment.diskBytes - end;
    this.rewritten++;
    segment.generation++;
    segmentFiles.replace(segment, { handle: file, preparedBytes: end, reading: 0 });
    for (const block of segment.blocks) {
      block.gone = true;
      if (block.resident) residents.evict(block);
    }
    segment.blocks.length = 0;
    for (const { blocks, position, ...there } of moved) {
      const block = blocks[0]!;
      let live = 0;
      for (const one of blocks) live += one.live;
      block.live = live;
      block.gone = false;
      block.position = position;
      block.end = there.end;
      block.takenTo = there.end;
      block.flushedTo = there.end;
      block.firstSeq = there.firstSeq;
      block.lastSeq = there.lastSeq;
      block.records = there.records;
      block.sequencedBytes = there.sequencedBytes;
      block.grouped = there.grouped;
      block.directoryBytes = there.directoryBytes;
      segment.blocks.push(block);
    }
    table.dropWhere((block) => block.gone);
    segment.fileBytes = end;
    segment.overheadBytes = 0;
    segment.overheadBytes = gainOf(segment); // what another rewrite now would not win
    this.options.swapped(segment);
  }

  /** So many bytes were appended and written. */
  appended(bytes: number): void {
    if (this.running !== undefined) this.budget.appended(this.grouping ? bytes * GROUPING_PART : bytes);
  }

  /** Gives up what is under way; `done` is called when nothing is any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.options.clock.cancel(this.looking);
    this.budget.stop();
    this.liveness.stop(new Error('the log is being closed'));
    await this.running;
  }
}

/** What a rewrite would win. */
function gainOf(segment: Segment): number {
  return segment.diskBytes - segment.overheadBytes - segment.liveBytes;
}
