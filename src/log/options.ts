/** Options of a log: sizes, durability, and the callbacks of its owner. */
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { LogEvent } from './events.ts';
import type { FileSystem } from './files/files.ts';
import { BATCH_HEADER_BYTES } from './format/batch.ts';
import { RECORD_BYTES_MAX, SEQUENCED_HEADER_BYTES } from './format/record.ts';
import { SEGMENT_HEADER_BYTES } from './format/segment.ts';
import type { LogReplica } from './replica.ts';
import type { Sequence } from './sequence.ts';

const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;
const DEFAULT_BLOCK_BYTES = 1024 * 1024;
const BATCH_BYTES = 8 * 1024;

/**
 * Asks which records from `firstSeq` to `lastSeq` are referred to, and which will be read together. `isLive` may say yes too often,
 * never too seldom, for as long as the log lives; `done` may be called in a later turn.
 * @param groupOf a record's group, a whole number below 2^32. Records of one group that are far apart are brought together; without it none are
 */
export type LiveIn = (
  firstSeq: number,
  lastSeq: number,
  done: (isLive: (seq: number) => boolean, groupOf?: (seq: number) => number) => void,
) => void;

export type Durability = 'fsync' | 'interval' | 'none';

export interface LogOptions {
  readonly files: FileSystem;
  /** Made if it is not there. Holds nothing but the log. */
  readonly directory: string;
  /** Recovery moves it past every number in the log. */
  readonly sequence: Sequence;
  readonly turn: Turn;
  readonly clock: Clock;
  /** A multiple of `blockBytes`; default 64 MiB. */
  readonly segmentBytes?: number;
  /** A multiple of 8; default 1 MiB. Smaller ones lower the largest record (`recordBytesMax`). */
  readonly blockBytes?: number;
  /** Memory for blocks that are kept for reading, default 64 MiB. What is not on disk yet comes on top. */
  readonly residentBytesMax?: number;
  /**
   * What `onSynced` means. `fsync`: on the disk. `interval`: with the kernel, and synced every `intervalMs`. `none`: with the
   * kernel. Both survive a kill and lose something, never something in the middle, when the power fails. Default `fsync`.
   */
  readonly durability?: Durability;
  /** Default 200. */
  readonly intervalMs?: number;
  /** A flush waits this long for more, unless there are `flushBytesMax` by then. Default 0: until the end of the turn. */
  readonly flushDelayMs?: number;
  /** Default 1 MiB; means nothing without `flushDelayMs`. */
  readonly flushBytesMax?: number;
  /**
   * Bytes of log after which a checkpoint is due at the latest, unless checkpoints are large; default 124 MiB. Where little is
   * alive it is due sooner: after a quarter of that, half a segment at the least.
   */
  readonly checkpointBytes?: number;
  /** Eight bytes that a new log gets as its name; default random. */
  readonly logId?: Buffer;
  /**
   * Keeps what is flushed elsewhere too: a flush ends when both have it. Batches are bounded by it then, no life's batch numbers are given
   * twice, and segments are not rewritten. Default: none.
   */
  readonly replica?: LogReplica;
  /** Every recovered record of the owner, in order, whole units only. `seq` is 0 for unsequenced ones. */
  replay(type: number, seq: number, buffer: Buffer, start: number, end: number): void;
  /** A flush is on the disk, with all before it. */
  onSynced(mark: number): void;
  /** A flush is with the kernel, with all before it: a kill takes nothing of it, a power failure may. Before `onSynced`. */
  onWritten?(mark: number): void;
  /** Whether anybody waits for `onWritten` at all. Default: yes. */
  writtenAwaited?(): boolean;
  /** A write or a sync failed. Called once. */
  onFailed(error: Error): void;
  /**
   * The log has grown since the last checkpoint began (`checkpointBytes`), or rests with something to be won by one: begin one.
   * Called again and again until `beginCheckpoint`.
   */
  checkpointDue?(): void;
  /**
   * Records that follow one another are of so many readers that one of them may want few of a block. Asked for each batch: long ones cost
   * less to write, short ones are read alone. Default: yes.
   */
  readAlone?(): boolean;
  /** For rewriting segments of which most is dead; without it none is. */
  liveIn?: LiveIn;
  /** The disk is full (`log.full`): append as little as possible until `onSpace`. Nothing is lost and nothing fails. */
  onFull?(): void;
  /** There is room again. */
  onSpace?(): void;
  /** No file descriptor is left for what must be opened next, which is tried again until there is one; or there is one. */
  onScarce?(scarce: boolean): void;
  report(event: LogEvent): void;
}

/** How large the parts of a log are, bytes. */
export interface LogGeometry {
  readonly segmentBytes: number;
  readonly blockBytes: number;
  readonly blocksPerSegment: number;
  /** Largest payload of a record. */
  readonly recordBytesMax: number;
  /** Payload of a batch, unless one record alone is longer: what must be read and verified for one record that is wanted. */
  readonly batchBytesMax: number;
  /** The same where records are not read alone: what is left of a block, or what a replica takes. */
  readonly longBatchBytesMax: number;
}

/** Of blocks of this length; small ones, as in tests, are read whole anyway. */
export function batchBytesOf(blockBytes: number): number {
  return blockBytes < 8 * 1024 ? blockBytes : Math.max(512, Math.min(BATCH_BYTES, blockBytes / 128));
}

/** @throws RangeError if segments of that size cannot be made of blocks of that size */
export function geometryOf(options: Pick<LogOptions, 'segmentBytes' | 'blockBytes' | 'replica'>): LogGeometry {
  const { segmentBytes = DEFAULT_SEGMENT_BYTES, blockBytes = DEFAULT_BLOCK_BYTES, replica } = options;
  const blocksPerSegment = segmentBytes / blockBytes;
  if (blockBytes % 8 !== 0 || blockBytes < 1024 || !Number.isInteger(blocksPerSegment)) {
    throw new RangeError(`a segment of ${segmentBytes} bytes cannot be made of blocks of ${blockBytes}`);
  }
  const headerBytes = SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + SEQUENCED_HEADER_BYTES;
  return {
    segmentBytes,
    blockBytes,
    blocksPerSegment,
    recordBytesMax: Math.min(RECORD_BYTES_MAX, blockBytes - headerBytes),
    batchBytesMax: Math.min(batchBytesOf(blockBytes), replica?.batchBytesMax ?? blockBytes),
    longBatchBytesMax: replica?.batchBytesMax ?? blockBytes,
  };
}
