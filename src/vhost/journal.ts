/**
 * The vhost's records in its log: topology, lists of targets, settlements, adapters' state. The state is a fold over
 * them; `recovery.ts` is the other half. Message and extent records are `queue/message-store.ts`'s.
 *
 * Little endian. Topology is JSON: it is rare, and a person can read it in a dump.
 *
 * ```
 * 130 exchange declared   JSON {name, type, durable, autoDelete, internal, arguments}
 * 131 exchange deleted    name
 * 132 queue declared      JSON {id, name, durable, autoDelete, atMostOnce, arguments, mayExpire}
 * 133 queue deleted       u32 queue
 * 134 bound               JSON {source, queue|exchange, key, options}
 * 135 unbound             JSON, the same
 * 136 targets             u32 list, u32 first, u32 count, count × (u32 queue, u32 word); a long list takes several records,
 *                         `first` is the place of the record's first entry
 * 137 settled             u32 queue, u32 count, count × u48 sequence number
 * 138 returned            u32 queue, u48 sequence number, u32 word
 * 139 state put           u16 key bytes, key, value
 * 140 state deleted       key
 * 141 retained            u48 sequence number, u8 flags (bit 0 slash-spelled, bits 1-2 assurance, bit 3 large body, bit 4 the
 *                         next two are there), u48 epoch milliseconds of its expiry or 0, u32 bytes it counts for, key
 * 142 enqueued            u32 queue, u48 sequence number, u32 word
 * 143 numbers             u32 next queue, u32 next list
 * 144 positions           u32 queue, u8 kind (0: replaces what is known; 1: more), u32 count, and if count is not 0:
 *                         u48 first, u32 gap bytes, u32 word runs, gaps (`queue/chunk.ts`), runs × (u32 length, u32 word)
 * 145 held                u32 queue, u32 count, count × (u48 sequence number, u32 word): not waiting in order
 * 146 large body          u48 sequence number, u32 bytes, u32 count, count × (u48 extent, u32 bytes)
 * 147 delayed             u32 count, count × (u48 sequence number, u48 epoch ms when due, u8 flags: bit 0 large body, bit 1 to
 *                         be retained when due, bit 2 has several keys): kept aside, in no queue
 * 148 delay over          u32 count, count × u48 sequence number: routed under another number, or nowhere any more
 * 149 delayed keys        u48 sequence number, u16 count, count × (u16 bytes, key)
 * 150 dying               u32 queue, u48 sequence number, u32 word, u8 reason (0 rejected, 1 expired, 2 maxlen, 3 delivery_limit):
 *                         it has died, and what becomes of it is still to be published
 * 151 policy set          JSON {kind, name, pattern, applyTo, priority, definition}
 * 152 policy cleared      JSON {kind, name}
 * 153 retry               u32 queue, u48 sequence number, u32 word, u48 epoch ms: it failed, and is tried again then
 * ```
 */
import type { BindOptions, ExchangeOptions, ExchangeType, Policy, PolicyKind, QueueOptions } from '../api.ts';
import type { Log } from '../log/log.ts';
import { RECORD_BYTES_MAX } from '../log/store.ts';
import type { DeathReason } from '../message/annotations.ts';
import { copyBytes, readU16, writeU16, writeU32, writeU48 } from '../message/bytes.ts';
import { BrokerError } from '../message/errors.ts';
import type { Extents } from '../message/storage.ts';
import { type Chunk, pack, unpack, unpackedRoom } from '../queue/chunk.ts';
import type { Queue } from '../queue/queue.ts';
import type { RetainedMessage } from '../queue/retained.ts';
import { WORD_DURABLE } from '../queue/word.ts';
import type { Binding } from '../routing/binding.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { CompiledRoute } from '../routing/router.ts';

export const RECORD_EXCHANGE = 130;
export const RECORD_EXCHANGE_DELETED = 131;
export const RECORD_QUEUE = 132;
export const RECORD_QUEUE_DELETED = 133;
export const RECORD_BOUND = 134;
export const RECORD_UNBOUND = 135;
export const RECORD_TARGETS = 136;
export const RECORD_SETTLED = 137;
export const RECORD_RETURNED = 138;
export const RECORD_STATE = 139;
export const RECORD_STATE_DELETED = 140;
export const RECORD_RETAINED = 141;
export const RECORD_ENQUEUED = 142;
export const RECORD_NUMBERS = 143;
export const RECORD_POSITIONS = 144;
export const RECORD_HELD = 145;
export const RECORD_LARGE = 146;
export const RECORD_DELAYED = 147;
export const RECORD_DELAY_OVER = 148;
export const RECORD_DELAYED_KEYS = 149;

/** Flags of a delayed message. */
export const DELAYED_LARGE = 1;
export const DELAYED_RETAIN = 2;
export const DELAYED_SEVERAL_KEYS = 4;
const DELAYED_BYTES = 13;
export const RECORD_DYING = 150;
export const RECORD_POLICY = 151;
export const RECORD_POLICY_CLEARED = 152;
export const RECORD_RETRY = 153;

/** Reasons by their numbers in a record. */
export const DEATH_REASONS: readonly DeathReason[] = ['rejected', 'expired', 'maxlen', 'delivery_limit'];

/** Of a retained record's flags: when it expires and what it counts for follow. */
export const RETAINED_LONG = 16;
/** Settlements in one record at most, so that no record outgrows a block. */
const SETTLED_MAX = 16_384;
/** Targets in one record at most. */
const TARGETS_MAX = 16_384;

export interface ExchangeRecord extends ExchangeOptions {
  readonly name: string;
  readonly type: ExchangeType;
}

export interface QueueRecord extends Omit<QueueOptions, 'exclusive'> {
  readonly id: number;
  readonly name: string;
  /** A message that expires may be among those of a checkpoint, which says nothing of each. */
  readonly mayExpire?: boolean;
}

export interface BindingRecord {
  readonly source: string;
  readonly queue?: number;
  readonly exchange?: string;
  readonly key: string;
  readonly options: BindOptions;
}

export class Journal {
  private readonly log: Log;
  private nextList = 1;
  /** Lists of targets are written once between two checkpoints; this counts checkpoints. */
  private epoch = 0;
  /** Payload bytes appended so far, to cut long work by. */
  appendedBytes = 0;

  constructor(log: Log) {
    this.log = log;
  }

  exchange(exchange: Exchange<Queue>): void {
    const { name, type, durable, autoDelete, internal, arguments: args } = exchange;
    this.json(RECORD_EXCHANGE, { name, type, durable, autoDelete, internal, arguments: args });
  }

  exchangeDeleted(name: string): void {
    this.text(RECORD_EXCHANGE_DELETED, name);
  }

  queue(queue: Queue): void {
    const { id, name, options } = queue;
    const { durable, autoDelete, atMostOnce, arguments: args } = options;
    const mayExpire = queue.mayExpire ? true : undefined;
    this.json(RECORD_QUEUE, { id, name, durable, autoDelete, atMostOnce, arguments: args, mayExpire });
  }

  queueDeleted(queue: Queue): void {
    const at = this.append(RECORD_QUEUE_DELETED, 4);
    writeU32(this.log.buffer, at, queue.id);
  }

  bound(binding: Binding<Queue>): void {
    this.json(RECORD_BOUND, bindingRecord(binding));
  }

  unbound(binding: Binding<Queue>): void {
    this.json(RECORD_UNBOUND, bindingRecord(binding));
  }

  /** The number of the route's list of durable targets, written first if this segment does not have it yet. */
  targetList(route: CompiledRoute<Queue>): number {
    if (route.listEpoch === this.epoch) return route.listId;
    if (route.listId === 0) route.listId = this.nextList++;
    this.writeTargets(route);
    return route.listId;
  }

  private writeTargets(route: CompiledRoute<Queue>): void {
    const durable = route.durableTargets;
    for (let first = 0; first === 0 || first < durable.length; first += TARGETS_MAX) {
      const count = Math.min(TARGETS_MAX, durable.length - first);
      const at = this.append(RECORD_TARGETS, 12 + count * 8);
      const buffer = this.log.buffer;
      writeU32(buffer, at, route.listId);
      writeU32(buffer, at + 4, first);
      writeU32(buffer, at + 8, count);
      for (let i = 0; i < count; i++) {
        const target = durable[first + i]!;
        writeU32(buffer, at + 12 + i * 8, route.targets[target]!.id);
        writeU32(buffer, at + 16 + i * 8, route.words[target]!);
      }
    }
    route.listEpoch = this.epoch;
  }

  /** A checkpoint has begun: every list must be written again before it is used. */
  newEpoch(): void {
    this.epoch++;
  }

  settled(queue: Queue, seqs: Float64Array, count: number): void {
    const most = Math.min(SETTLED_MAX, Math.floor((this.log.recordBytesMax - 8) / 6));
    for (let from = 0; from < count; from += most) {
      const n = Math.min(most, count - from);
      const at = this.append(RECORD_SETTLED, 8 + n * 6);
      const buffer = this.log.buffer;
      writeU32(buffer, at, queue.id);
      writeU32(buffer, at + 4, n);
      for (let i = 0; i < n; i++) writeU48(buffer, at + 8 + i * 6, seqs[from + i]!);
    }
  }

  returned(queue: Queue, seq: number, word: number): void {
    this.position(RECORD_RETURNED, queue, seq, word);
  }

  retry(queue: Queue, seq: number, word: number, dueMs: number): void {
    const at = this.append(RECORD_RETRY, 20);
    const { buffer } = this.log;
    writeU32(buffer, at, queue.id);
    writeU48(buffer, at + 4, seq);
    writeU32(buffer, at + 10, word);
    writeU48(buffer, at + 14, dueMs);
  }

  dying(queue: Queue, seq: number, word: number, reason: DeathReason): void {
    const at = this.append(RECORD_DYING, 15);
    const buffer = this.log.buffer;
    writeU32(buffer, at, queue.id);
    writeU48(buffer, at + 4, seq);
    writeU32(buffer, at + 10, word);
    buffer[at + 14] = DEATH_REASONS.indexOf(reason);
  }

  enqueued(queue: Queue, seq: number, word: number): void {
    this.position(RECORD_ENQUEUED, queue, seq, word);
  }

  private position(type: number, queue: Queue, seq: number, word: number): void {
    const at = this.append(type, 14);
    const buffer = this.log.buffer;
    writeU32(buffer, at, queue.id);
    writeU48(buffer, at + 4, seq);
    writeU32(buffer, at + 10, word);
  }

  statePut(key: string, value: Buffer): void {
    const keyBytes = Buffer.from(key, 'utf8');
    const at = this.append(RECORD_STATE, 2 + keyBytes.length + value.length);
    const buffer = this.log.buffer;
    writeU16(buffer, at, keyBytes.length);
    const end = copyBytes(keyBytes, 0, keyBytes.length, buffer, at + 2);
    copyBytes(value, 0, value.length, buffer, end);
  }

  stateDeleted(key: string): void {
    this.text(RECORD_STATE_DELETED, key);
  }

  retained(message: RetainedMessage): void {
    const key = Buffer.from(message.key, 'utf8');
    const at = this.append(RECORD_RETAINED, 17 + key.length);
    const buffer = this.log.buffer;
    writeU48(buffer, at, message.seq);
    buffer[at + 6] = message.spelling | (message.assurance << 1) | (message.large ? 8 : 0) | RETAINED_LONG;
    writeU48(buffer, at + 7, message.expiresAtMs);
    writeU32(buffer, at + 13, message.bytes);
    copyBytes(key, 0, key.length, buffer, at + 17);
  }

  /** What a queue holds, as of now. */
  positions(queue: Queue): void {
    let kind = 0;
    queue.forEachChunk((chunk) => {
      const durable = durablePart(chunk);
      if (durable === undefined) return;
      this.chunk(queue, kind, durable);
      kind = 1;
    });
    if (kind === 0) {
      const at = this.append(RECORD_POSITIONS, 9);
      writeU32(this.log.buffer, at, queue.id);
      this.log.buffer[at + 4] = 0;
      writeU32(this.log.buffer, at + 5, 0);
    }
    this.held(queue);
    queue.forEachDying((seq, word, reason) => {
      if ((word & WORD_DURABLE) !== 0) this.dying(queue, seq, word, reason);
    });
    queue.forEachRetrying((seq, word, dueMs) => {
      if ((word & WORD_DURABLE) !== 0) this.retry(queue, seq, word, dueMs);
    });
  }

  private chunk(queue: Queue, kind: number, chunk: Chunk): void {
    const runs = chunk.words.length / 2;
    const bytes = 23 + chunk.gaps.length + runs * 8;
    if (bytes > this.log.recordBytesMax) {
      for (const half of halves(chunk)) {
        this.chunk(queue, kind, half);
        kind = 1;
      }
      return;
    }
    let at = this.append(RECORD_POSITIONS, bytes);
    const buffer = this.log.buffer;
    writeU32(buffer, at, queue.id);
    buffer[at + 4] = kind;
    writeU32(buffer, at + 5, chunk.count);
    writeU48(buffer, at + 9, chunk.first);
    writeU32(buffer, at + 15, chunk.gaps.length);
    writeU32(buffer, at + 19, runs);
    buffer.set(chunk.gaps, at + 23);
    at += 23 + chunk.gaps.length;
    for (let i = 0; i < chunk.words.length; i++) writeU32(buffer, at + i * 4, chunk.words[i]!);
  }

  private held(queue: Queue): void {
    const seqs: number[] = [];
    const words: number[] = [];
    queue.forEachHeld((seq, word) => {
      // What a durable log does not have is not there after a restart.
      if ((word & WORD_DURABLE) === 0) return;
      seqs.push(seq);
      words.push(word);
    });
    const most = Math.min(SETTLED_MAX, Math.floor((this.log.recordBytesMax - 8) / 10));
    for (let from = 0; from < seqs.length; from += most) {
      const n = Math.min(most, seqs.length - from);
      const at = this.append(RECORD_HELD, 8 + n * 10);
      const buffer = this.log.buffer;
      writeU32(buffer, at, queue.id);
      writeU32(buffer, at + 4, n);
      for (let i = 0; i < n; i++) {
        writeU48(buffer, at + 8 + i * 10, seqs[from + i]!);
        writeU32(buffer, at + 14 + i * 10, words[from + i]!);
      }
    }
  }

  largeBody(seq: number, extents: Extents): void {
    const count = extents.seqs.length;
    const at = this.append(RECORD_LARGE, 14 + count * 10);
    const buffer = this.log.buffer;
    writeU48(buffer, at, seq);
    writeU32(buffer, at + 6, extents.length);
    writeU32(buffer, at + 10, count);
    for (let i = 0; i < count; i++) {
      writeU48(buffer, at + 14 + i * 10, extents.seqs[i]!);
      writeU32(buffer, at + 20 + i * 10, extents.sizes[i]!);
    }
  }

  policy(policy: Required<Policy>): void {
    const { kind, name, pattern, applyTo, priority, definition } = policy;
    this.json(RECORD_POLICY, { kind, name, pattern, applyTo, priority, definition });
  }

  policyCleared(kind: PolicyKind, name: string): void {
    this.json(RECORD_POLICY_CLEARED, { kind, name });
  }

  delayed(seq: number, due: number, flags: number): void {
    const at = this.append(RECORD_DELAYED, 4 + DELAYED_BYTES);
    writeU32(this.log.buffer, at, 1);
    this.delayedEntry(at + 4, seq, due, flags);
  }

  delayedMany(seqs: readonly number[], dues: readonly number[], flags: readonly number[]): void {
    const most = Math.floor((this.log.recordBytesMax - 4) / DELAYED_BYTES);
    for (let from = 0; from < seqs.length; from += most) {
      const n = Math.min(most, seqs.length - from);
      const at = this.append(RECORD_DELAYED, 4 + n * DELAYED_BYTES);
      writeU32(this.log.buffer, at, n);
      for (let i = 0; i < n; i++) {
        this.delayedEntry(at + 4 + i * DELAYED_BYTES, seqs[from + i]!, dues[from + i]!, flags[from + i]!);
      }
    }
  }

  private delayedEntry(at: number, seq: number, due: number, flags: number): void {
    const { buffer } = this.log;
    writeU48(buffer, at, seq);
    writeU48(buffer, at + 6, due);
    buffer[at + 12] = flags;
  }

  delayOver(seqs: readonly number[]): void {
    const most = Math.floor((this.log.recordBytesMax - 4) / 6);
    for (let from = 0; from < seqs.length; from += most) {
      const n = Math.min(most, seqs.length - from);
      const at = this.append(RECORD_DELAY_OVER, 4 + n * 6);
      const { buffer } = this.log;
      writeU32(buffer, at, n);
      for (let i = 0; i < n; i++) writeU48(buffer, at + 4 + i * 6, seqs[from + i]!);
    }
  }

  delayedKeys(seq: number, keys: readonly string[]): void {
    const all = keys.map((key) => Buffer.from(key, 'utf8'));
    const at = this.append(
      RECORD_DELAYED_KEYS,
      all.reduce((sum, key) => sum + 2 + key.length, 8),
    );
    const { buffer } = this.log;
    writeU48(buffer, at, seq);
    writeU16(buffer, at + 6, all.length);
    let end = at + 8;
    for (const key of all) {
      writeU16(buffer, end, key.length);
      end = copyBytes(key, 0, key.length, buffer, end + 2);
    }
  }

  /** Identifiers are never used twice, also when everything that used them is gone. */
  numbers(nextQueue: number): void {
    const at = this.append(RECORD_NUMBERS, 8);
    writeU32(this.log.buffer, at, nextQueue);
    writeU32(this.log.buffer, at + 4, this.nextList);
  }

  recoverNextList(next: number): void {
    this.nextList = Math.max(this.nextList, next);
  }

  private append(type: number, payloadBytes: number): number {
    this.appendedBytes += payloadBytes;
    return this.log.append(type, payloadBytes);
  }

  private json(type: number, value: unknown): void {
    this.text(type, JSON.stringify(value, packValue));
  }

  private text(type: number, text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > RECORD_BYTES_MAX) throw new BrokerError('invalid', 'the arguments are too large to be kept');
    const at = this.append(type, bytes.length);
    copyBytes(bytes, 0, bytes.length, this.log.buffer, at);
  }
}

/** The keys of a DELAYED_KEYS record. */
export function delayedKeys(buffer: Buffer, start: number): string[] {
  const count = readU16(buffer, start + 6);
  const keys: string[] = [];
  for (let at = start + 8, i = 0; i < count; i++) {
    const end = at + 2 + readU16(buffer, at);
    keys.push(buffer.utf8Slice(at + 2, end));
    at = end;
  }
  return keys;
}

/** Transient messages wait in durable queues too, and are not there after a restart. */
function durablePart(chunk: Chunk): Chunk | undefined {
  let durable = 0;
  for (let i = 0; i < chunk.words.length; i += 2)
    if ((chunk.words[i + 1]! & WORD_DURABLE) !== 0) durable += chunk.words[i]!;
  if (durable === chunk.count) return chunk;
  if (durable === 0) return undefined;
  const { seqs, words } = unpackedRoom();
  unpack(chunk, { seqs, words });
  let n = 0;
  for (let i = 0; i < chunk.count; i++) {
    if ((words[i]! & WORD_DURABLE) === 0) continue;
    seqs[n] = seqs[i]!;
    words[n++] = words[i]!;
  }
  return pack(
    n,
    (i) => seqs[i]!,
    (i) => words[i]!,
  );
}

function halves(chunk: Chunk): Chunk[] {
  const { seqs, words } = unpackedRoom();
  unpack(chunk, { seqs, words });
  const middle = chunk.count >> 1;
  return [
    pack(
      middle,
      (i) => seqs[i]!,
      (i) => words[i]!,
    ),
    pack(
      chunk.count - middle,
      (i) => seqs[middle + i]!,
      (i) => words[middle + i]!,
    ),
  ];
}

function bindingRecord(binding: Binding<Queue>): BindingRecord {
  const destination = binding.queue !== null ? { queue: binding.queue.id } : { exchange: binding.exchange!.name };
  return { source: binding.source.name, ...destination, key: binding.key, options: binding.options };
}

/** Header values keep their type through JSON: 64-bit integers and bytes need a form of their own. */
function packValue(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return { $integer: String(value) };
  // Buffers have a toJSON that runs before this; the holder still has the original.
  const original = (this as Record<string, unknown>)[key];
  if (Buffer.isBuffer(original)) return { $bytes: original.toString('base64') };
  return value;
}

export function unpackJson<T>(buffer: Buffer, start: number, end: number): T {
  return JSON.parse(buffer.utf8Slice(start, end), (_key, value: unknown) => {
    if (value !== null && typeof value === 'object') {
      if ('$integer' in value) return BigInt(value.$integer as string);
      if ('$bytes' in value) return Buffer.from(value.$bytes as string, 'base64');
    }
    return value;
  }) as T;
}
