/**
 * Replays the records of sound batches, whole commit units only: what a batch begins and does not end is held until a later
 * one ends it, and dropped if none does. Records of the log's own are read here and not handed on.
 */
import type { Segment } from '../blocks/segment.ts';
import { BATCH_HEADER_BYTES, type BatchHeader } from '../format/batch.ts';
import {
  RECORD_CHECKPOINT_BEGIN,
  RECORD_CHECKPOINT_END,
  RECORD_GONE,
  RECORD_START,
  RECORD_STOP,
  RECORD_TABLE,
  Tables,
} from '../format/own-records.ts';
import {
  LOG_OWN,
  payloadBytesAt,
  SEQUENCED_HEADER_BYTES,
  sequenceAt,
  UNSEQUENCED,
  UNSEQUENCED_HEADER_BYTES,
} from '../format/record.ts';
import type { RecoveryTally } from './tally.ts';

/** See `LogOptions.replay`. */
export type Replay = (type: number, seq: number, buffer: Buffer, start: number, end: number) => void;

/** Part of a unit that waits for the rest of it. */
interface HeldPart {
  readonly buffer: Buffer;
  readonly from: number;
  readonly to: number;
}

export class UnitReplay {
  /** Tables of segments' blocks, as far as they were read. */
  readonly tables = new Tables();
  /** The segment where the last complete checkpoint that was read begins; 0 if there was none. */
  checkpoint = 0;
  /** The checkpoint that is being read; 0 if none is, or a part of it was not readable. */
  private checkpointing = 0;
  private held: HeldPart[] = [];
  private holding = false;
  private readonly replay: Replay;
  private readonly tally: RecoveryTally;
  private readonly gone: ((segment: number) => void) | undefined;

  /** @param gone nothing in this segment is needed any more, as the log says */
  constructor(replay: Replay, tally: RecoveryTally, gone?: (segment: number) => void) {
    this.replay = replay;
    this.tally = tally;
    this.gone = gone;
  }

  /** Takes the next sound batch: replays its units as far as they are whole. */
  accept(segment: Segment, buffer: Buffer, header: BatchHeader): void {
    const { payloadStart, payloadBytes, joined, open } = header;
    const { tally } = this;
    tally.batches++;
    tally.bytes += BATCH_HEADER_BYTES + payloadBytes;
    const through = joined === payloadBytes && open < payloadBytes; // the unit neither begins nor ends here
    if (joined > 0) {
      if (this.holding) {
        this.held.push({ buffer, from: payloadStart, to: payloadStart + joined });
        if (!through) {
          for (const { buffer: bytes, from, to } of this.held) this.records(segment, bytes, from, to);
          this.held = [];
          this.holding = false;
        }
      } else tally.incompleteUnit(segment.number, joined);
    } else if (this.holding) this.dropHeld(segment.number);
    if (through) return;
    this.records(segment, buffer, payloadStart + joined, payloadStart + open);
    if (open < payloadBytes) {
      this.holding = true;
      this.held.push({ buffer, from: payloadStart + open, to: payloadStart + payloadBytes });
    }
  }

  /** The rest of a unit will not come: what is held of it is dropped. */
  dropHeld(segment: number): void {
    if (!this.holding) return;
    let bytes = 0;
    for (const { from, to } of this.held) bytes += to - from;
    this.held = [];
    this.holding = false;
    if (bytes > 0) this.tally.incompleteUnit(segment, bytes);
  }

  /** Batches in between are lost: neither the unit nor the checkpoint that was being read is whole. */
  interrupted(segment: number): void {
    this.dropHeld(segment);
    this.checkpointing = 0;
  }

  /** Whether a unit that waits for its other part lies in these bytes. */
  holds(buffer: Buffer): boolean {
    return this.held.some((part) => part.buffer === buffer);
  }

  private records(segment: Segment, buffer: Buffer, from: number, to: number): void {
    const { tally } = this;
    let at = from;
    while (at < to) {
      const type = buffer[at]!;
      const payloadBytes = payloadBytesAt(buffer, at);
      if (type < UNSEQUENCED) {
        const start = at + SEQUENCED_HEADER_BYTES;
        tally.clean = false;
        tally.records++;
        segment.meaningfulRecords++;
        this.replay(type, sequenceAt(buffer, at), buffer, start, start + payloadBytes);
        at = start + payloadBytes;
        continue;
      }
      const start = at + UNSEQUENCED_HEADER_BYTES;
      at = start + payloadBytes;
      if (type < LOG_OWN) {
        tally.clean = false;
        tally.records++;
        segment.meaningfulRecords++;
        this.replay(type, 0, buffer, start, at);
      } else {
        tally.clean = type === RECORD_STOP;
        if (type !== RECORD_START && type !== RECORD_STOP) {
          segment.meaningfulRecords++;
          this.own(segment, type, buffer, start, at);
        }
      }
    }
  }

  private own(segment: Segment, type: number, buffer: Buffer, start: number, end: number): void {
    if (type === RECORD_CHECKPOINT_BEGIN) this.checkpointing = segment.number;
    else if (type === RECORD_TABLE) this.tables.read(buffer, start);
    else if (type === RECORD_GONE) {
      this.tables.readGone(buffer, start, end);
      if (this.gone !== undefined) for (let at = start; at < end; at += 4) this.gone(buffer.readUInt32LE(at));
    } else if (type === RECORD_CHECKPOINT_END && buffer.readUInt32LE(start) === this.checkpointing) {
      this.checkpoint = this.checkpointing;
    }
  }
}
