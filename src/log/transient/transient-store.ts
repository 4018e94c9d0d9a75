/**
 * The transient store of one vhost: messages that nobody was promised to keep. The same blocks and look-ups as the durable
 * log, but nothing is synced and nothing outlives the process.
 *
 * A block goes as soon as nothing in it is referred to. When more than the budget is still needed, the oldest blocks are
 * spilled to files (`spill.ts`), without a sync, and come back by `load`. What lives decides how much of the disk they take:
 * files in which nothing lives go, and those that are mostly dead are rewritten (`spill-compaction.ts`).
 *
 * Refuses: to lose a message because it cannot be spilled. The block then stays in memory, `residentBytes` goes over the
 * budget, and whoever watches it holds publishers back; when that is not enough either, the store says that it is `full`, and
 * its owner takes no more until something has gone.
 */
import { PHASE_FLUSH, type Turn, type TurnTask } from '../../clock/turn.ts';
import { Block, NO_BYTES } from '../blocks/block.ts';
import { BlockTable } from '../blocks/block-table.ts';
import { ResidentBlocks } from '../blocks/resident-blocks.ts';
import {
  payloadBytesAt,
  RECORD_BYTES_MAX,
  type RecordRef,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  writeSequencedHeader,
} from '../format/record.ts';
import type { RecordStore } from '../store.ts';
import type { TransientOptions, TransientStatistics } from './options.ts';
import { Spill, type SpillPlace } from './spill.ts';
import { liveBytes, SpillCompaction } from './spill-compaction.ts';

export type { TransientOptions, TransientStatistics } from './options.ts';

/** Spill writes under way at a time: enough to keep a disk busy, few enough that a burst cannot fill the thread pool. */
const SPILLS_MAX = 2;
const DEFAULT_SPILL_BYTES_MAX = 16 * 1024 * 1024 * 1024;

class TransientBlock extends Block {
  /** Where it was spilled to. */
  place: SpillPlace | undefined = undefined;
  /** Records in what was spilled. */
  records = 0;
  spilling = false;
  reading = false;
}

export class TransientStore implements RecordStore, TurnTask {
  inTurn = false;
  buffer: Buffer = NO_BYTES;
  readonly recordBytesMax: number;
  /** Blocks that went to the spill file, and that came back, so far. */
  spilledBlocks = 0;
  loadedBlocks = 0;

  private readonly turn: Turn;
  private readonly blockBytes: number;
  private readonly table = new BlockTable<TransientBlock>();
  private readonly residents: ResidentBlocks<TransientBlock>;
  private readonly spill: Spill | undefined;
  private readonly compaction: SpillCompaction | undefined;
  private readonly fullBytes: number;
  private readonly onSpillFailed: (error: Error) => void;
  private readonly onSpillFull: (full: boolean) => void;
  private block: TransientBlock;
  private position = 0;
  private limit = 0;
  private readonly evictable: TransientBlock[] = [];
  private spillsInFlight = 0;
  /** The spill files have come to their bound, and memory to its budget. */
  private spillFull = false;
  /** A spill failed; none is tried again before more memory is asked for. */
  private paused = false;
  private readsInFlight = 0;
  private closing: (() => void) | undefined = undefined;
  private closed = false;

  private readonly mayGive = (block: TransientBlock): boolean =>
    this.spill !== undefined &&
    block.sealed &&
    !block.spilling &&
    (block.place !== undefined || (!this.paused && this.spillsInFlight < SPILLS_MAX && this.spill.hasRoom(block.end)));
  private readonly give = (block: TransientBlock): void => {
    if (block.place !== undefined) this.residents.evict(block);
    else this.spillBlock(block, this.spill!);
  };

  private constructor(options: TransientOptions, spill: Spill | undefined) {
    this.spill = spill;
    this.turn = options.turn;
    this.blockBytes = options.blockBytes ?? 1024 * 1024;
    this.recordBytesMax = Math.min(RECORD_BYTES_MAX, this.blockBytes - SEQUENCED_HEADER_BYTES);
    this.residents = new ResidentBlocks(this.blockBytes, options.residentBytesMax ?? 64 * 1024 * 1024, options.clock);
    this.fullBytes = options.fullBytes ?? 3 * this.residents.budgetBytes;
    this.onSpillFailed = options.onSpillFailed?.bind(options) ?? (() => {});
    this.onSpillFull = options.onSpillFull?.bind(options) ?? (() => {});
    const { clock, liveAmong } = options;
    this.compaction =
      spill === undefined || liveAmong === undefined
        ? undefined
        : new SpillCompaction({
            spill,
            clock,
            liveAmong,
            blocks: this.table,
            gainBytesMin: this.blockBytes,
            idle: () => this.turn.add(PHASE_FLUSH, this),
          });
    this.block = new TransientBlock(0);
  }

  static async open(options: TransientOptions): Promise<TransientStore> {
    const { files, directory, spillBytesMax = DEFAULT_SPILL_BYTES_MAX, spillFileBytes } = options;
    if (directory === null) return new TransientStore(options, undefined);
    const spill = await Spill.open({
      files,
      directory,
      bytesMax: spillBytesMax,
      ...(spillFileBytes !== undefined && { fileBytes: spillFileBytes }),
    });
    return new TransientStore(options, spill);
  }

  get residentBytes(): number {
    return this.residents.bytes;
  }

  /** Nothing more should be appended until something has gone. It is no more than advice: appending works on. */
  get full(): boolean {
    return this.residents.bytes > this.fullBytes;
  }

  /** It walks all blocks. */
  get statistics(): TransientStatistics {
    let spillLiveBytes = 0;
    for (const block of this.table) spillLiveBytes += liveBytes(block);
    return {
      residentBytes: this.residentBytes,
      spillBytes: this.spillBytes,
      spillLiveBytes,
      spillBytesMax: this.spill?.bytesMax ?? 0,
      compactedFiles: this.compaction?.rewritten ?? 0,
      full: this.full,
    };
  }

  /** Of the files that what does not fit into memory lies in. */
  get spillBytes(): number {
    return this.spill?.diskBytes ?? 0;
  }

  get roomBytes(): number {
    return Math.max(0, this.limit - this.position - SEQUENCED_HEADER_BYTES);
  }

  append(): number {
    throw new Error('the transient store keeps no unsequenced records');
  }

  appendSequenced(type: number, seq: number, payloadBytes: number): number {
    const need = SEQUENCED_HEADER_BYTES + payloadBytes;
    if (this.position + need > this.limit || payloadBytes > this.recordBytesMax || this.block.tooFar(seq)) {
      this.nextBlock(payloadBytes);
    }
    const at = this.position;
    const { block } = this;
    if (block.count === 0) this.firstOfBlock(block, seq);
    else if (seq <= block.lastSeq) throw new RangeError(`record ${seq} comes after record ${block.lastSeq}`);
    block.add(seq, at);
    this.position = at + need;
    block.end = at + need;
    return writeSequencedHeader(this.buffer, at, type, seq, payloadBytes);
  }

  private firstOfBlock(block: TransientBlock, seq: number): void {
    if (seq <= this.table.lastSeq) throw new RangeError(`record ${seq} comes after record ${this.table.lastSeq}`);
    block.firstSeq = seq;
    block.lastSeq = seq;
    this.table.push(block);
  }

  private nextBlock(payloadBytes: number): void {
    if (this.closed || this.closing !== undefined) throw new Error('the transient store is closed');
    if (payloadBytes > this.recordBytesMax) {
      throw new RangeError(`a record of ${payloadBytes} bytes is larger than ${this.recordBytesMax}`);
    }
    this.paused = false;
    const full = this.block;
    full.sealed = true;
    if (full.live === 0 && full.resident) this.evictable.push(full);
    const block = new TransientBlock(0);
    block.buffer = this.residents.take();
    block.resident = true;
    this.residents.admit(block);
    this.block = block;
    this.buffer = block.buffer;
    this.position = 0;
    this.limit = this.blockBytes;
    this.turn.add(PHASE_FLUSH, this);
  }

  locate(seq: number, ref: RecordRef): boolean {
    const block = this.table.find(seq);
    return block?.resident === true && block.find(seq, ref);
  }

  load(seq: number, done: (error: Error | undefined) => void): void {
    const block = this.table.find(seq);
    if (block === undefined) {
      done(new Error(`record ${seq} is not in the transient store`));
      return;
    }
    // A timer of a broker that is closed may still ask; there is nothing to answer, and nobody to hear it.
    if (!block.resident && (this.closed || this.closing !== undefined)) return;
    if (block.waiting !== undefined) {
      block.waiting.push({ seq, done });
      return;
    }
    block.waiting = [{ seq, done }];
    if (block.resident) {
      block.loaded(undefined);
      return;
    }
    this.read(block, block.place!);
  }

  private read(block: TransientBlock, place: SpillPlace): void {
    // Of a rewritten block there may be little left.
    const whole = place.bytes * 2 > this.blockBytes;
    const buffer = whole ? this.residents.take() : Buffer.allocUnsafeSlow(place.bytes);
    block.reading = true;
    this.readsInFlight++;
    this.spill!.read(place, buffer, (error) => {
      this.readsInFlight--;
      block.reading = false;
      this.turn.add(PHASE_FLUSH, this);
      if (error !== undefined) {
        this.residents.giveBack(buffer);
        this.onSpillFailed(error);
        if (block.gone) this.evictable.push(block);
        block.loaded(error);
        return;
      }
      block.restore(buffer);
      for (let at = 0; at < place.bytes; at += SEQUENCED_HEADER_BYTES + payloadBytesAt(buffer, at)) {
        block.add(sequenceAt(buffer, at), at);
      }
      this.residents.admit(block);
      this.loadedBlocks++;
      if (block.gone) this.evictable.push(block);
      block.loaded(undefined);
    });
  }

  addLive(seq: number, n: number): void {
    const { block } = this;
    if (seq >= block.firstSeq && seq <= block.lastSeq) block.live += n;
    else {
      const found = this.table.find(seq);
      if (found !== undefined) found.live += n;
    }
  }

  release(seq: number, n: number): void {
    const block = this.table.find(seq);
    if (block === undefined) return;
    block.live -= n;
    if (block.live === 0 && block.sealed) {
      this.evictable.push(block);
      this.turn.add(PHASE_FLUSH, this);
    } else if (block.place !== undefined) this.compaction?.lookSoon();
  }

  endOfTurn(): void {
    const { evictable } = this;
    if (evictable.length > 0) {
      for (const block of evictable) if (block.live === 0) this.remove(block);
      evictable.length = 0;
    }
    this.residents.endOfTurn(this.mayGive, this.give);
    this.watchSpill();
    if (this.closing === undefined || this.spillsInFlight > 0 || this.readsInFlight > 0) return;
    if (this.compaction?.running !== true) this.finishClose();
  }

  private watchSpill(): void {
    const { spill, residents } = this;
    if (spill === undefined) return;
    const full = residents.bytes > residents.budgetBytes && !spill.hasRoom(this.blockBytes);
    if (full === this.spillFull) return;
    this.spillFull = full;
    this.onSpillFull(full);
  }

  /** Nothing in the block is needed: its memory and its place are free. */
  private remove(block: TransientBlock): void {
    if (!block.gone) {
      block.gone = true;
      this.table.remove(block);
    }
    // A write or read under way still needs memory and place; it calls again when it is done.
    if (block.spilling || block.reading) return;
    if (block.resident) this.residents.evict(block);
    if (block.place !== undefined) {
      this.spill!.free(block.place);
      block.place = undefined;
    }
  }

  private spillBlock(block: TransientBlock, spill: Spill): void {
    block.spilling = true;
    block.records = block.count;
    this.spillsInFlight++;
    spill.write(block.buffer.subarray(0, block.end), (error, place) => {
      this.spillsInFlight--;
      block.spilling = false;
      this.turn.add(PHASE_FLUSH, this); // there may be more to spill
      if (place === undefined) {
        this.paused = true;
        this.onSpillFailed(error!);
      } else {
        block.place = place;
        this.spilledBlocks++;
        if (block.live < block.records) this.compaction?.lookSoon();
        // Whoever read it meanwhile may want it again; otherwise it goes at the end of this turn.
      }
      if (block.live === 0) this.evictable.push(block);
    });
  }

  close(done: () => void): void {
    if (this.closed || this.closing !== undefined) {
      done();
      return;
    }
    this.closing = done;
    this.compaction?.stop();
    this.turn.add(PHASE_FLUSH, this);
  }

  private finishClose(): void {
    const done = this.closing!;
    this.closing = undefined;
    this.closed = true;
    if (this.spill === undefined) done();
    else this.spill.close().then(done, done);
  }
}
