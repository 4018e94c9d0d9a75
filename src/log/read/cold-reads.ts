/**
 * Cold reads: records of the durable log are brought back into memory, each alone or with its whole block. What is asked for in a
 * turn is read at its end, in the order of its places, a few reads at a time: readers that want parts of one block share one read of it.
 *
 *     asked for ──end of turn──▶ much of its block is ──────▶ the block is read ─────────▶ resident
 *                           ├──▶ little is ──▶ a window of it is searched ──▶ cached ──▶ whoever waits is told
 *                           │                    └── not found there ──▶ another window, or the block
 *                           └──▶ it lies by group ──▶ the directory tells the batches ──▶ these are read ──▶ cached
 *                                                       └── not found there ──▶ the directory is made anew, of all batches
 *
 * What a reader will ask for next, and lies by group, is read in runs, which are kept as they are (`runs.ts`).
 *
 * Every batch is verified again: what was sound when it was written or recovered may have rotted since.
 */
import { PHASE_GATHER, type Turn, type TurnTask } from '../../clock/turn.ts';
import { giveBack, takeBuffer } from '../../message/buffer-pool.ts';
import type { Waiting } from '../blocks/block.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import { RecordRef } from '../format/record.ts';
import type { ReadOrder } from '../store.ts';
import { BlockReads, type BlockReadsOptions } from './block-reads.ts';
import { Directories } from './directories.ts';
import { GroupedReads } from './grouped-reads.ts';
import { piecesOf } from './pieces.ts';
import { ReadAhead } from './read-ahead.ts';
import { RecordCache } from './record-cache.ts';
import { RunReads } from './run-reads.ts';
import { Run, Runs } from './runs.ts';
import { type Piece, Wanted, WINDOW_BYTES } from './wanted.ts';

/** Reads under way: enough that no thread waits for the next one, few enough that a flush does not wait long behind them. */
const READS_MAX = 8;
/** Whole blocks that are read ahead of anybody's asking, at a time. */
const BLOCKS_AHEAD_MAX = 2;
const CACHE_BYTES_MAX = 8 * 1024 * 1024;
/** What is read ahead in runs: some for each of two hundred readers. */
const RUNS_BYTES_MAX = 12 * 1024 * 1024;

type Done = Waiting['done'];

export interface ColdReadsOptions extends Omit<BlockReadsOptions, 'moved'> {
  readonly turn: Turn;
  /** The block that a number falls into. */
  blockOf(seq: number): SegmentBlock | undefined;
}

export class ColdReads implements TurnTask {
  inTurn = false;
  private readonly cache: RecordCache;
  private readonly runs: Runs;
  private readonly options: ColdReadsOptions;
  private readonly blocks: BlockReads;
  private readonly grouped: GroupedReads;
  private readonly runReads: RunReads;
  private readonly ahead: ReadAhead;
  /** What a record takes, of those that were read lately: so many that are asked for will need room. */
  private recordBytes = 1024;
  /** Everything that is asked for and not there yet, by number. */
  private readonly wanted = new Map<number, Wanted>();
  /** What of that has been asked for since the last turn ended. */
  private asked: Wanted[] = [];
  private pieces: (Piece | Run)[] = [];
  private nextPiece = 0;
  private reading = 0;
  private readonly spare: Buffer[] = [];
  private blocksAhead = 0;
  /** Those who waited for what is there now. */
  private answers: Done[] = [];
  private readonly ref = new RecordRef();

  constructor(options: ColdReadsOptions) {
    this.options = options;
    this.blocks = new BlockReads({ ...options, moved: (waiting) => this.askAgain(waiting) });
    const directories = new Directories(options);
    this.grouped = new GroupedReads({
      ...options,
      directories,
      wantedBy: (seq) => this.wanted.get(seq),
      read: (piece) => this.pieces.push(piece),
      found: (one, ref) => this.found(one, ref),
      failed: (one, error) => this.fail(one, error),
      planAgain: (wanted) => this.planAgain(wanted),
    });
    const { budgetBytes } = options.residents;
    this.cache = new RecordCache(Math.min(CACHE_BYTES_MAX, budgetBytes / 4));
    this.runs = new Runs(Math.min(RUNS_BYTES_MAX, budgetBytes / 4));
    this.runReads = new RunReads({
      ...options,
      directories,
      runs: this.runs,
      known: (seq) => this.isKnown(seq),
      planned: (run) => {
        this.pieces.push(run);
        options.wake();
      },
      found: ({ done }) => this.answerLater(done),
      missing: (waiting) => this.askAgain(waiting),
    });
    this.ahead = new ReadAhead({
      mayRead: () => {
        const { cache, runs } = this;
        const asked = this.wanted.size * this.recordBytes;
        return (cache.bytes + asked) * 2 <= cache.bytesMax && runs.aheadBytes * 2 <= runs.bytesMax;
      },
      mayReadLittle: () => Math.max(this.runs.bytes, this.runs.aheadBytes) < this.runs.bytesMax,
      want: (seqs, middle, onUse) => this.wantAhead(seqs, middle, onUse),
    });
  }

  /** Points `ref` at a record that was read alone or in a run. */
  locate(seq: number, ref: RecordRef): boolean {
    const { cache, runs } = this;
    return (runs.size > 0 && runs.find(seq, ref)) || (cache.size > 0 && cache.find(seq, ref));
  }

  /** Nobody needs it any more. */
  drop(seq: number): void {
    const { cache, runs } = this;
    if (runs.size > 0) runs.drop(seq);
    if (cache.size > 0) cache.drop(seq);
  }

  /** Memory for what was read. */
  get bytes(): number {
    return this.cache.bytes + this.runs.bytes;
  }

  /** It is asked for, or in memory. */
  private isKnown(seq: number): boolean {
    return this.runs.of(seq) !== undefined || this.wanted.has(seq) || this.cache.has(seq);
  }

  /**
   * Calls back at once if the record is in memory; else when it is, or cannot be. Those who ask meanwhile share the read.
   * @param order what the reader will ask for next
   */
  load(block: SegmentBlock, seq: number, done: Done, order: ReadOrder | undefined): void {
    if (block.resident || block.waiting !== undefined) {
      this.blocks.load(block, { seq, done });
      return;
    }
    const run = this.runs.of(seq);
    if (this.cache.has(seq) || run?.read === true) {
      done(undefined);
      return;
    }
    if (run !== undefined) {
      run.waiting.push({ seq, done });
      return;
    }
    if (order !== undefined && !this.wanted.has(seq)) {
      if (block.grouped) {
        this.ahead.missed(order, seq, true);
        const asked = this.runs.of(seq);
        if (asked !== undefined) {
          asked.waiting.push({ seq, done });
          return;
        }
      } else this.ahead.missed(order, seq, false);
    }
    this.want(block, seq, undefined).waiting.push(done);
  }

  /** What these wait for lies elsewhere now. */
  private askAgain(waiting: readonly Waiting[]): void {
    for (const { seq, done } of waiting) {
      const block = this.options.blockOf(seq);
      if (block === undefined) done(new Error('nobody referred to the record any more, and it is gone'));
      else this.load(block, seq, done, undefined);
    }
  }

  /** A reader will ask for these, in this order; when the `middle`-th is looked at, or the next one that is read for it, `onUse` is called. */
  private wantAhead(seqs: readonly number[], middle: number, onUse: () => void): void {
    let block: SegmentBlock | undefined;
    let together: number[] = [];
    let use: (() => void) | undefined = onUse;
    let useSeq = -1;
    const ask = (): void => {
      if (together.length === 0) return;
      this.runReads.ask(block!, together, useSeq, useSeq < 0 ? undefined : onUse);
      together = [];
      useSeq = -1;
    };
    for (let i = 0; i < seqs.length; i++) {
      const seq = seqs[i]!;
      if (block === undefined || seq < block.firstSeq || seq > block.lastSeq) {
        ask();
        block = this.options.blockOf(seq);
      }
      if (block === undefined || block.resident || this.isKnown(seq)) continue;
      const here = i >= middle ? use : undefined;
      if (here !== undefined) use = undefined;
      if (!block.grouped) this.want(block, seq, here);
      else {
        together.push(seq);
        if (here !== undefined) useSeq = seq;
      }
    }
    ask();
  }

  private want(block: SegmentBlock, seq: number, onUse: (() => void) | undefined): Wanted {
    let wanted = this.wanted.get(seq);
    if (wanted === undefined) {
      wanted = new Wanted(seq, block, onUse);
      this.wanted.set(seq, wanted);
      this.asked.push(wanted);
      this.options.wake();
    } else wanted.onUse ??= onUse;
    return wanted;
  }

  // ------------------------------------------------------------------------------------------ what is read, and how

  /** The turn ends: reads what was asked for in it. */
  begin(): void {
    this.cache.endOfTurn();
    this.runs.endOfTurn();
    if (this.answers.length === 0) {
      this.cache.keepWithin();
      this.runs.keepWithin();
    }
    this.options.residents.besideBytes = this.runs.bytes;
    const { asked } = this;
    if (asked.length === 0) {
      this.readOn();
      return;
    }
    this.asked = [];
    asked.sort(byPlace);
    for (let i = 0; i < asked.length; ) {
      const { block } = asked[i]!;
      let end = i + 1;
      while (end < asked.length && asked[end]!.block === block) end++;
      this.plan(block, asked.slice(i, end));
      i = end;
    }
    this.readOn();
  }

  private plan(block: SegmentBlock, wanted: readonly Wanted[]): void {
    if (block.grouped) {
      this.grouped.plan(block, wanted);
      return;
    }
    const pieces = piecesOf(block, wanted);
    if (pieces === undefined) this.readWhole(block, wanted);
    else for (const piece of pieces) this.pieces.push(piece);
  }

  private readOn(): void {
    const { pieces } = this;
    while (this.reading < READS_MAX && this.nextPiece < pieces.length) this.read(pieces[this.nextPiece++]!);
    if (this.nextPiece === pieces.length) {
      pieces.length = 0;
      this.nextPiece = 0;
    }
  }

  private read(piece: Piece | Run): void {
    if (piece instanceof Run) {
      this.reading++;
      this.runReads.read(piece, () => {
        this.reading--;
        this.options.wake();
      });
      return;
    }
    const { block, from, to, wanted } = piece;
    const { segment } = block;
    const { generation } = segment;
    const inMemory = !block.grouped && (block.resident || block.waiting !== undefined);
    if (generation !== piece.generation || block.gone || inMemory) {
      this.planAgain(wanted);
      return;
    }
    this.reading++;
    const bytes = to - from;
    // What was left to the garbage collector made it go through the whole heap, several times a second.
    const buffer = bytes > WINDOW_BYTES ? takeBuffer(bytes) : (this.spare.pop() ?? newWindow());
    this.options.files.read(segment, block.position + from, buffer, bytes, (error, bytesRead) => {
      this.reading--;
      if (segment.generation !== generation || block.gone) this.planAgain(wanted);
      else if (piece.directory !== undefined) this.grouped.take(piece, piece.directory, buffer, bytesRead, error);
      else if (error !== undefined) this.readWhole(block, wanted);
      else this.look(piece, buffer, bytesRead);
      // What was found in it has been copied.
      if (bytes <= WINDOW_BYTES) this.spare.push(buffer);
      else giveBack(buffer);
      this.readOn();
      this.options.wake();
    });
  }

  /** What is wanted lies elsewhere now, or is in memory, or is gone. */
  private planAgain(wanted: readonly Wanted[]): void {
    for (const one of wanted) {
      if (this.wanted.get(one.seq) !== one) continue;
      const block = this.options.blockOf(one.seq);
      if (block === undefined) {
        this.fail(one, new Error('nobody referred to the record any more, and it is gone'));
        continue;
      }
      one.block = block;
      one.piece = undefined;
      this.asked.push(one);
    }
    this.options.wake();
  }

  private look({ block, from, wanted, generation }: Piece, buffer: Buffer, length: number): void {
    const { logId } = this.options;
    for (const one of wanted) {
      const search = one.search!;
      if (search.look(buffer, length, from, logId, this.ref)) this.found(one, this.ref);
      else if (search.to > 0) this.pieces.push({ block, from: search.from, to: search.to, wanted: [one], generation });
      else {
        if (length > 0) block.segment.misses++;
        this.readWhole(block, [one]);
      }
    }
  }

  private found(one: Wanted, ref: RecordRef): void {
    this.wanted.delete(one.seq);
    this.recordBytes += (ref.end - ref.start - this.recordBytes) / 8;
    this.cache.add(ref, one.onUse);
    this.answer(one);
  }

  private fail(one: Wanted, error: Error): void {
    if (this.wanted.get(one.seq) !== one) return;
    this.wanted.delete(one.seq);
    for (const done of one.waiting) done(error);
  }

  private answer(one: Wanted): void {
    if (one.waiting.length === 0) return;
    for (const done of one.waiting) this.answerLater(done);
  }

  private answerLater(done: Done): void {
    this.answers.push(done);
    this.options.turn.add(PHASE_GATHER, this);
  }

  /** Tells those whose records have come, once a turn: so they are handed out, and written, many at a time. */
  endOfTurn(): void {
    const { answers } = this;
    this.answers = [];
    for (const done of answers) {
      try {
        done(undefined);
      } catch (error) {
        this.options.turn.fault(error);
      }
    }
  }

  // ------------------------------------------------------------------------------------------------- whole blocks

  private readWhole(block: SegmentBlock, wanted: readonly Wanted[]): void {
    let awaited = false;
    for (const one of wanted) {
      this.wanted.delete(one.seq);
      for (const done of one.waiting) {
        awaited = true;
        this.blocks.load(block, { seq: one.seq, done });
      }
    }
    // Nobody waits for it yet; it is asked for again when it is needed.
    if (awaited || block.resident || block.waiting !== undefined || this.blocksAhead === BLOCKS_AHEAD_MAX) return;
    this.blocksAhead++;
    this.blocks.load(block, {
      seq: wanted[0]!.seq,
      done: () => {
        this.blocksAhead--;
      },
    });
  }
}

function newWindow(): Buffer {
  return Buffer.allocUnsafeSlow(WINDOW_BYTES);
}

function byPlace(a: Wanted, b: Wanted): number {
  const [one, other] = [a.block, b.block];
  if (one === other) return a.seq - b.seq;
  if (one.segment !== other.segment) return one.segment.number - other.segment.number;
  return one.position - other.position;
}
