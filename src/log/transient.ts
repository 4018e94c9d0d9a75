/**
 * The transient store of one vhost: messages that nobody was promised to keep. The same blocks and look-ups as the durable
 * log, but nothing is synced and nothing outlives the process.
 *
 * A block goes as soon as nothing in it is referred to. When more than the budget is still needed, the oldest blocks are
 * written to a spill file, without a sync, and come back by `load`; the file is removed at the next start, whatever ended
 * this one. A slot of the file is one block; nothing in it says what it holds, because only this process reads it; its
 * checksum is kept in memory.
 *
 * Refuses: to lose a message because the spill file cannot be written. The block then stays in memory, `residentBytes`
 * goes over the budget, and whoever watches it holds publishers back.
 */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { PHASE_FLUSH, type Turn, type TurnTask } from '../clock/turn.ts';
import { Block, NO_BYTES } from './block.ts';
import { BlockTable, Residence } from './blocks.ts';
import type { FileSystem, LogFile } from './files.ts';
import {
  payloadBytesAt,
  RECORD_BYTES_MAX,
  type RecordRef,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  writeSequencedHeader,
} from './record.ts';
import type { RecordStore } from './store.ts';

export interface TransientOptions {
  readonly files: FileSystem;
  /** Where the spill file goes; null: nothing is ever spilled. */
  readonly directory: string | null;
  readonly turn: Turn;
  /** Default 1 MiB. */
  readonly blockBytes?: number;
  /** Blocks beyond this many bytes are spilled; default 64 MiB. */
  readonly residentBytesMax?: number;
  /** The spill file could not be written or read. Called each time; nothing is lost by a failed write. */
  onSpillFailed?(error: Error): void;
}

export const SPILL_NAME = 'transient.spill';

class TransientBlock extends Block {
  /** Its slot in the spill file, -1 while it has none. */
  slot = -1;
  checksum = 0;
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

  private readonly files: FileSystem;
  private readonly path: string | null;
  private readonly turn: Turn;
  private readonly blockBytes: number;
  private readonly table = new BlockTable<TransientBlock>();
  private readonly residence: Residence<TransientBlock>;
  private readonly onSpillFailed: (error: Error) => void;
  private block: TransientBlock;
  private position = 0;
  private limit = 0;
  private readonly dying: TransientBlock[] = [];
  private file: LogFile | undefined = undefined;
  private slots = 0;
  private readonly freeSlots: number[] = [];
  private spillsInFlight = 0;
  /** A spill failed; none is tried again before more memory is asked for. */
  private paused = false;
  private readsInFlight = 0;
  private closing: (() => void) | undefined = undefined;
  private closed = false;

  private readonly mayGive = (block: TransientBlock): boolean =>
    this.file !== undefined &&
    !this.paused &&
    block.sealed &&
    !block.spilling &&
    (block.slot >= 0 || this.spillsInFlight < SPILLS_MAX);
  private readonly give = (block: TransientBlock): void => {
    if (block.slot >= 0) this.residence.evict(block);
    else this.spill(block);
  };

  private constructor(options: TransientOptions, file: LogFile | undefined, path: string | null) {
    this.files = options.files;
    this.path = path;
    this.file = file;
    this.turn = options.turn;
    this.blockBytes = options.blockBytes ?? 1024 * 1024;
    this.recordBytesMax = Math.min(RECORD_BYTES_MAX, this.blockBytes - SEQUENCED_HEADER_BYTES);
    this.residence = new Residence(this.blockBytes, options.residentBytesMax ?? 64 * 1024 * 1024);
    this.onSpillFailed = options.onSpillFailed?.bind(options) ?? (() => {});
    this.block = new TransientBlock(0);
  }

  static async open(options: TransientOptions): Promise<TransientStore> {
    if (options.directory === null) return new TransientStore(options, undefined, null);
    await options.files.makeDirectory(options.directory);
    const path = join(options.directory, SPILL_NAME);
    if ((await options.files.list(options.directory)).includes(SPILL_NAME)) await options.files.remove(path);
    return new TransientStore(options, await options.files.open(path, 'create'), path);
  }

  get residentBytes(): number {
    return this.residence.bytes;
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
    if (full.live === 0 && full.resident) this.dying.push(full);
    const block = new TransientBlock(0);
    block.buffer = this.residence.take();
    block.resident = true;
    this.residence.admit(block);
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
    if (block.waiting !== undefined) {
      block.waiting.push({ seq, done });
      return;
    }
    block.waiting = [{ seq, done }];
    if (block.resident) {
      block.loaded(undefined);
      return;
    }
    const buffer = this.residence.take();
    block.reading = true;
    this.readsInFlight++;
    this.file!.read(buffer, 0, block.end, block.slot * this.blockBytes, (error, bytesRead) => {
      this.readsInFlight--;
      block.reading = false;
      this.turn.add(PHASE_FLUSH, this);
      let failed = error;
      if (failed === undefined && (bytesRead < block.end || crc32(buffer.subarray(0, block.end)) !== block.checksum)) {
        failed = new Error(`${this.path}: what was written to slot ${block.slot} does not come back`);
      }
      if (failed !== undefined) {
        this.residence.giveBack(buffer);
        this.onSpillFailed(failed);
        block.loaded(failed);
        return;
      }
      block.restore(buffer);
      for (let at = 0; at < block.end; at += SEQUENCED_HEADER_BYTES + payloadBytesAt(buffer, at)) {
        block.add(sequenceAt(buffer, at), at);
      }
      this.residence.admit(block);
      this.loadedBlocks++;
      if (block.gone) this.dying.push(block);
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
      this.dying.push(block);
      this.turn.add(PHASE_FLUSH, this);
    }
  }

  endOfTurn(): void {
    const { dying } = this;
    if (dying.length > 0) {
      for (const block of dying) if (block.live === 0) this.bury(block);
      dying.length = 0;
    }
    this.residence.endOfTurn(this.mayGive, this.give);
    if (this.closing !== undefined && this.spillsInFlight === 0 && this.readsInFlight === 0) this.finishClose();
  }

  /** Nothing in the block is needed: its memory and its slot are free. */
  private bury(block: TransientBlock): void {
    if (!block.gone) {
      block.gone = true;
      this.table.remove(block);
    }
    // A write or read under way still needs memory and slot; it calls again when it is done.
    if (block.spilling || block.reading) return;
    if (block.resident) this.residence.evict(block);
    if (block.slot >= 0) {
      this.freeSlots.push(block.slot);
      block.slot = -1;
    }
  }

  private spill(block: TransientBlock): void {
    const slot = this.freeSlots.pop() ?? this.slots++;
    const bytes = block.buffer.subarray(0, block.end);
    block.spilling = true;
    block.checksum = crc32(bytes);
    this.spillsInFlight++;
    this.file!.write([bytes], slot * this.blockBytes, (error) => {
      this.spillsInFlight--;
      block.spilling = false;
      this.turn.add(PHASE_FLUSH, this); // there may be more to spill
      if (error !== undefined) {
        this.freeSlots.push(slot);
        this.paused = true;
        this.onSpillFailed(error);
      } else {
        block.slot = slot;
        this.spilledBlocks++;
        // Whoever read it meanwhile may want it again; otherwise it goes at the end of this turn.
      }
      if (block.live === 0) this.dying.push(block);
    });
  }

  close(done: () => void): void {
    if (this.closed || this.closing !== undefined) {
      done();
      return;
    }
    this.closing = done;
    this.turn.add(PHASE_FLUSH, this);
  }

  private finishClose(): void {
    const done = this.closing!;
    this.closing = undefined;
    this.closed = true;
    const { file, path } = this;
    this.file = undefined;
    if (file === undefined || path === null) {
      done();
      return;
    }
    file
      .close()
      .then(() => this.files.remove(path))
      .then(done, done); // what cannot be removed now is removed at the next start
  }
}

/** Spill writes under way at a time: enough to keep a disk busy, few enough that a burst cannot fill the thread pool. */
const SPILLS_MAX = 2;
