/**
 * Runs: stretches of parts that lie in the order of groups, read for one reader ahead of its asking and kept as they were read. A record
 * that is read so costs an entry in a table and two numbers: it is not copied, and nothing is made for it.
 *
 *     asked for ──read──▶ kept ──looked at, let go of, one by one──▶ (none)
 *        │                  └──others need the room──▶ (none)
 *        └──not there, damaged, or it lies elsewhere by now──▶ (none): who waits asks for that record alone
 *
 * It is a help and no truth: what is not found in a run is looked for where every record is (`grouped-reads.ts`). Nothing leaves in the middle of a turn.
 */
import type { Waiting } from '../blocks/block.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import type { RecordRef } from '../format/record.ts';

/** Lengths of buffers, each twice the one before; a run is as long as the last at most. */
const BUFFER_BYTES = [16 * 1024, 32 * 1024, 64 * 1024];
export const RUN_BYTES_MAX = BUFFER_BYTES[BUFFER_BYTES.length - 1]!;
/** Free buffers of each length that are kept. */
const FREE_MAX = 16;
const NO_BYTES = Buffer.alloc(0);

export class Run {
  readonly block: SegmentBlock;
  /** Of the segment, when it was found out where this lies. */
  readonly generation: number;
  /** Bytes from the beginning of the block. */
  readonly from: number;
  readonly to: number;
  /** The records that are wanted of it: their numbers, upwards. */
  readonly seqs: readonly number[];
  buffer: Buffer = NO_BYTES;
  /** It is there. */
  read = false;
  /** Records that are asked for, or kept. */
  left: number;
  /** Its bytes that nobody has looked at, about. */
  aheadBytes: number;
  readonly waiting: Waiting[] = [];
  /** Called when this record is looked at. */
  onUse: (() => void) | undefined = undefined;
  useSeq = -1;
  /** Of each record: where its payload begins and ends, 0 if it was not found; its type; whether it was looked at. */
  private readonly starts: Uint32Array;
  private readonly ends: Uint32Array;
  private readonly types: Uint8Array;
  private readonly used: Uint8Array;
  private hint = -1;

  constructor(block: SegmentBlock, from: number, to: number, seqs: readonly number[]) {
    this.block = block;
    this.generation = block.segment.generation;
    this.from = from;
    this.to = to;
    this.seqs = seqs;
    this.left = seqs.length;
    this.aheadBytes = to - from;
    this.starts = new Uint32Array(seqs.length);
    this.ends = new Uint32Array(seqs.length);
    this.types = new Uint8Array(seqs.length);
    this.used = new Uint8Array(seqs.length);
  }

  /** It lies elsewhere now. */
  get stale(): boolean {
    return this.block.gone || this.block.segment.generation !== this.generation;
  }

  /** Which of its records it is, counted from 0; -1 if it is none. */
  private indexOf(seq: number): number {
    const { seqs } = this;
    const next = this.hint + 1;
    if (seqs[next] === seq) return next;
    if (seqs[this.hint] === seq) return this.hint;
    let low = 0;
    let high = seqs.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const there = seqs[middle]!;
      if (there === seq) return middle;
      if (there < seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** A sound batch of it has a record there. */
  note({ seq, start, end, type }: RecordRef): void {
    const i = this.indexOf(seq);
    if (i < 0) return;
    this.hint = i;
    this.starts[i] = start;
    this.ends[i] = end;
    this.types[i] = type;
  }

  /** All of it has been noted. Returns those that were not found. */
  noted(): number[] {
    this.read = true;
    this.hint = -1;
    return this.seqs.filter((_, i) => this.starts[i] === 0);
  }

  /** Points `ref` at a record of it; returns how many of its bytes are looked at for the first time, -1 if the record is not there. */
  find(seq: number, ref: RecordRef): number {
    const i = this.indexOf(seq);
    if (i < 0 || this.starts[i] === 0) return -1;
    this.hint = i;
    ref.buffer = this.buffer;
    ref.start = this.starts[i]!;
    ref.end = this.ends[i]!;
    ref.type = this.types[i]!;
    ref.seq = seq;
    ref.memory = null;
    if (this.used[i] === 1) return 0;
    this.used[i] = 1;
    const bytes = Math.min(this.aheadBytes, Math.ceil((this.to - this.from) / this.seqs.length));
    this.aheadBytes -= bytes;
    return bytes;
  }
}

export class Runs {
  readonly bytesMax: number;
  /** Of buffers. */
  bytes = 0;
  /** What nobody has looked at yet, on its way or there. */
  aheadBytes = 0;
  /** By the numbers of their records. */
  private readonly bySeq = new Map<number, Run>();
  /** In the order in which they were asked for. */
  private readonly all = new Set<Run>();
  /** Buffers of runs that have gone: somebody may still be reading them in this turn. */
  private readonly leaving: Buffer[] = [];
  private readonly free: Buffer[][] = BUFFER_BYTES.map(() => []);

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Records. */
  get size(): number {
    return this.bySeq.size;
  }

  /** It is on its way, or there. */
  of(seq: number): Run | undefined {
    return this.bySeq.get(seq);
  }

  /** None of its records may be another's. */
  add(run: Run): void {
    for (const seq of run.seqs) this.bySeq.set(seq, run);
    this.all.add(run);
    this.aheadBytes += run.aheadBytes;
  }

  /** Gives it its buffer. */
  begin(run: Run): Buffer {
    const bytes = run.to - run.from;
    const which = BUFFER_BYTES.findIndex((length) => bytes <= length);
    run.buffer = this.free[which]?.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES[which] ?? bytes);
    this.bytes += run.buffer.length;
    return run.buffer;
  }

  find(seq: number, ref: RecordRef): boolean {
    const run = this.bySeq.get(seq);
    if (run === undefined || !run.read) return false;
    const bytes = run.find(seq, ref);
    if (bytes < 0) return false;
    this.aheadBytes -= bytes;
    if (run.useSeq === seq) {
      const { onUse } = run;
      run.useSeq = -1;
      run.onUse = undefined;
      onUse?.();
    }
    return true;
  }

  /** Nobody needs it any more. */
  drop(seq: number): void {
    const run = this.bySeq.get(seq);
    if (run === undefined) return;
    this.bySeq.delete(seq);
    if (--run.left === 0) this.remove(run);
  }

  /** Forgets it, with what is left of it. */
  remove(run: Run): void {
    if (!this.all.delete(run)) return;
    if (run.left > 0) for (const seq of run.seqs) if (this.bySeq.get(seq) === run) this.bySeq.delete(seq);
    run.left = 0;
    this.aheadBytes -= run.aheadBytes;
    // The disk is still writing to it.
    if (run.read || run.buffer.length === 0) this.giveUp(run);
  }

  /** The read of a run that was forgotten meanwhile, or that went wrong, has come back. */
  giveUp(run: Run): void {
    if (run.buffer.length === 0) return;
    this.bytes -= run.buffer.length;
    this.leaving.push(run.buffer);
    run.buffer = NO_BYTES;
  }

  /** At the end of a turn: nobody reads what was let go of in it any more. */
  endOfTurn(): void {
    for (const buffer of this.leaving) {
      const which = BUFFER_BYTES.indexOf(buffer.length);
      if (which >= 0 && this.free[which]!.length < FREE_MAX) this.free[which]!.push(buffer);
    }
    this.leaving.length = 0;
  }

  /** At the end of a turn: those of which all was looked at go first, then the oldest, until the rest is within the bound. */
  keepWithin(): void {
    if (this.bytes <= this.bytesMax) return;
    for (const some of [(run: Run) => run.aheadBytes === 0, () => true]) {
      for (const run of this.all) {
        if (run.read && some(run)) this.remove(run);
        if (this.bytes <= this.bytesMax) return;
      }
    }
  }
}
