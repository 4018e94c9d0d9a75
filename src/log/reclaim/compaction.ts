/**
 * Compaction: segments of which most is dead are rewritten. What somebody still refers to is copied into a new file, which
 * takes the old one's name. Numbers stay, so nobody notices but whoever reads a block just then, and that read is done again.
 *
 *     idle ──look: a segment is mostly dead──▶ asking what is live ──▶ copying, block by block ──▶ synced, renamed
 *       ▲                                                                                             │
 *       └──── blocks point into the new file, and its table is in the log ◀───────────────────────────┘
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
import { type CopiedSegment, SegmentCopier } from './segment-copier.ts';

export const COMPACTING_SUFFIX = '.compacting';
const LOOK_MS = 1000;
/** A rewrite must win at least this part of a segment. */
const GAIN_MIN = 1 / 64;

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
  private readonly options: CompactionOptions;
  private running: Promise<void> | undefined = undefined;
  private stopped = false;
  /** What is under way is to be given up before it replaces a file. */
  private interrupting = false;
  /** Ends the waiting for the owner's answer. */
  private abort: (error: Error) => void = () => {};
  private readonly looking = new Timer(() => this.look());
  private readonly budget: CopyBudget;
  private readonly copier: SegmentCopier;

  constructor(options: CompactionOptions) {
    const { clock, blockBytes, logId, segmentFiles } = options;
    this.options = options;
    this.budget = new CopyBudget(clock, blockBytes, () => options.busy());
    this.copier = new SegmentCopier({
      logId,
      segmentFiles,
      afford: async (bytes) => {
        await this.budget.afford(bytes);
        this.demandGoingOn();
      },
    });
  }

  private demandGoingOn(): void {
    if (this.stopped || this.interrupting) throw new Error('the segment is not to be rewritten now');
  }

  /** Gives up what is under way, unless it is about to end; resolves when nothing is. Until then no other is begun. */
  async interrupt(): Promise<void> {
    this.interrupting = true;
    await this.running;
    this.interrupting = false;
  }

  /** Something was let go: look for a segment worth rewriting within a second. */
  lookSoon(): void {
    if (!this.stopped && this.running === undefined && !this.looking.scheduled) {
      this.options.clock.schedule(this.looking, LOOK_MS);
    }
  }

  /** Looks now, if none is being rewritten. */
  look(): void {
    if (this.stopped || this.interrupting || this.running !== undefined) return;
    let best: Segment | undefined;
    let bestGain = this.options.segmentBytes * GAIN_MIN;
    for (const segment of this.options.candidates()) {
      const gain = gainOf(segment);
      if (gain > bestGain && gain * 2 > segment.diskBytes - segment.overheadBytes) {
        best = segment;
        bestGain = gain;
      }
    }
    if (best === undefined) return;
    const segment = best;
    segment.compacting = true;
    this.running = this.rewrite(segment)
      .then(
        (done) => {
          segment.compactable = done;
          return true;
        },
        () => false, // no room, or a disk that fails: not again before something else is let go
      )
      .then((done) => {
        segment.compacting = false;
        this.running = undefined;
        this.options.over(segment);
        if (done) this.look();
      });
  }

  /** False: this segment is not to be rewritten. */
  private async rewrite(segment: Segment): Promise<boolean> {
    const { files } = this.options;
    const isLive = await this.ask(segment);
    const path = segment.path + COMPACTING_SUFFIX;
    const file = await files.open(path, 'create');
    let renamed = false;
    try {
      const copied = await this.copier.copy(segment, isLive, file);
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

  private ask(segment: Segment): Promise<(seq: number) => boolean> {
    const first = segment.blocks[0]!.firstSeq;
    const last = segment.blocks[segment.blocks.length - 1]!.lastSeq;
    return new Promise((resolve, reject) => {
      this.abort = reject;
      this.options.liveIn(first, last, resolve);
    });
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
    for (const { block, position, ...there } of moved) {
      block.gone = false;
      block.position = position;
      block.end = there.end;
      block.takenTo = there.end;
      block.flushedTo = there.end;
      block.firstSeq = there.firstSeq;
      block.lastSeq = there.lastSeq;
      block.records = there.records;
      block.sequencedBytes = there.sequencedBytes;
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
    if (this.running !== undefined) this.budget.appended(bytes);
  }

  /** Gives up what is under way; `done` is called when nothing is any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.options.clock.cancel(this.looking);
    this.budget.stop();
    this.abort(new Error('the log is being closed'));
    await this.running;
  }
}

/** What a rewrite would win. */
function gainOf(segment: Segment): number {
  return segment.diskBytes - segment.overheadBytes - segment.liveBytes;
}
