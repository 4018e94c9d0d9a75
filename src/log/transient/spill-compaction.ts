/**
 * Compaction of spill files: those of which most is dead are rewritten. What somebody still refers to is written again at the
 * end of the row, and the file goes. It is the transient store's `compaction.ts`, with less to fear: a crash forgets all of
 * it anyway.
 *
 *     idle ──a second after something was let go: a file is mostly dead──▶ a few blocks are read
 *      ▲                                                                        │
 *      │                                        which of their records live is asked, what lives is written again
 *      └──────── all of the file's blocks have new places, and it is gone ◀─────┘
 *
 * Refuses: to rewrite a block of which nobody claims a record though it has references. Its file then stays.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import { payloadBytesAt, SEQUENCED_HEADER_BYTES, sequenceAt } from '../format/record.ts';
import type { Spill, SpillFile, SpillPlace } from './spill.ts';

const LOOK_MS = 1_000;
/** After something went wrong: no room, most likely. */
const AGAIN_MS = 10_000;
/** Read before it is asked what of it lives: the asking walks all queues. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Asks which of the records with these numbers, which go up, somebody needs. */
export type LiveAmong = (seqs: readonly number[], done: (isLive: (seq: number) => boolean) => void) => void;

/** A block as far as its place in a file goes. */
export interface SpilledBlock {
  place: SpillPlace | undefined;
  /** Records that its place holds. */
  records: number;
  readonly live: number;
  readonly gone: boolean;
}

interface Piece {
  readonly block: SpilledBlock;
  readonly place: SpillPlace;
  readonly bytes: Buffer;
}

export interface SpillCompactionOptions {
  readonly spill: Spill;
  readonly clock: Clock;
  readonly liveAmong: LiveAmong;
  /** All blocks, in the order of their numbers. */
  readonly blocks: Iterable<SpilledBlock>;
  /** Files in which less than this can be won are left alone. */
  readonly gainBytesMin: number;
  /** Nothing is being rewritten any more. */
  idle(): void;
}

export class SpillCompaction {
  /** Files rewritten so far. */
  rewritten = 0;
  running = false;
  private stopped = false;
  /** Files that are better left alone. */
  private readonly spared = new WeakSet<SpillFile>();
  private readonly options: SpillCompactionOptions;
  private readonly looking = new Timer(() => this.look());

  constructor(options: SpillCompactionOptions) {
    this.options = options;
  }

  /** Something was let go of. */
  lookSoon(): void {
    if (this.running || this.stopped || this.looking.scheduled || this.options.spill.diskBytes === 0) return;
    this.options.clock.schedule(this.looking, LOOK_MS);
  }

  private look(): void {
    if (this.running || this.stopped) return;
    const live = new Map<SpillFile, number>();
    for (const block of this.options.blocks) {
      const file = block.place?.file;
      if (file !== undefined) live.set(file, (live.get(file) ?? 0) + liveBytes(block));
    }
    let best: SpillFile | undefined;
    let bestGain = this.options.gainBytesMin;
    for (const [file, bytes] of live) {
      const gain = file.sizeBytes - bytes;
      if (gain <= bestGain || gain * 2 < file.sizeBytes || this.spared.has(file)) continue;
      best = file;
      bestGain = gain;
    }
    if (best === undefined) return;
    const file = best;
    this.running = true;
    this.rewrite(file)
      .then(
        (done) => {
          if (!done) this.spared.add(file);
          return LOOK_MS;
        },
        () => AGAIN_MS,
      )
      .then((pauseMs) => {
        this.running = false;
        if (!this.stopped) this.options.clock.schedule(this.looking, pauseMs);
        this.options.idle();
      });
  }

  /** False: the file is to be left alone. */
  private async rewrite(file: SpillFile): Promise<boolean> {
    const { spill, blocks } = this.options;
    spill.end(file);
    let batch: Piece[] = [];
    let bytes = 0;
    for (const block of [...blocks]) {
      const { place } = block;
      if (this.stopped) return true;
      if (place?.file !== file || block.gone) continue;
      const piece = { block, place, bytes: Buffer.allocUnsafeSlow(place.bytes) };
      await this.read(piece);
      batch.push(piece);
      bytes += place.bytes;
      if (bytes < BATCH_BYTES) continue;
      if (!(await this.move(batch))) return false;
      batch = [];
      bytes = 0;
    }
    if (batch.length > 0 && !(await this.move(batch))) return false;
    this.rewritten++;
    return true;
  }

  private async move(batch: readonly Piece[]): Promise<boolean> {
    const { spill, liveAmong } = this.options;
    const seqs: number[] = [];
    for (const { bytes } of batch) forEachRecord(bytes, (seq) => seqs.push(seq));
    const isLive = await new Promise<(seq: number) => boolean>((resolve) => {
      liveAmong(seqs, resolve);
    });
    for (const { block, place, bytes } of batch) {
      if (this.stopped) return true;
      if (block.gone || block.place !== place) continue;
      const kept = keepLive(bytes, isLive);
      if (kept.records === 0) {
        if (block.live > 0) return false;
        continue;
      }
      const moved = await this.write(bytes.subarray(0, kept.bytes));
      if (block.gone || block.place !== place) {
        spill.free(moved);
        continue;
      }
      block.place = moved;
      block.records = kept.records;
      spill.free(place);
    }
    return true;
  }

  private read({ place, bytes }: Piece): Promise<void> {
    return new Promise((resolve, reject) => {
      this.options.spill.read(place, bytes, (error) => (error !== undefined ? reject(error) : resolve()));
    });
  }

  private write(bytes: Buffer): Promise<SpillPlace> {
    return new Promise((resolve, reject) => {
      this.options.spill.write(bytes, (error, place) => (place === undefined ? reject(error) : resolve(place)));
    });
  }

  /** Gives up what is under way; `idle` is called when nothing is any more. */
  stop(): void {
    this.stopped = true;
    this.options.clock.cancel(this.looking);
  }
}

/** What of its place is alive, as far as can be told without asking: references may be several to one record. */
export function liveBytes(block: SpilledBlock): number {
  if (block.place === undefined || block.records === 0) return 0;
  return block.place.bytes * Math.min(1, block.live / block.records);
}

function forEachRecord(bytes: Buffer, visit: (seq: number, start: number, end: number) => void): void {
  for (let at = 0; at < bytes.length; ) {
    const end = at + SEQUENCED_HEADER_BYTES + payloadBytesAt(bytes, at);
    visit(sequenceAt(bytes, at), at, end);
    at = end;
  }
}

/** Moves the records that live to the start of `bytes`. */
function keepLive(bytes: Buffer, isLive: (seq: number) => boolean): { bytes: number; records: number } {
  let to = 0;
  let records = 0;
  forEachRecord(bytes, (seq, start, end) => {
    if (!isLive(seq)) return;
    bytes.copyWithin(to, start, end);
    to += end - start;
    records++;
  });
  return { bytes: to, records };
}
