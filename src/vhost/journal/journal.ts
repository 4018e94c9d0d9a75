/**
 * Writes what happens to a vhost into its log. What the records are is said in `records.ts`; what a queue holds, for a
 * checkpoint, is written by `queue-records.ts`.
 */
import type { Policy, PolicyKind } from '../../api/policies.ts';
import type { Log } from '../../log/log.ts';
import { RECORD_BYTES_MAX } from '../../log/store.ts';
import type { DeathReason } from '../../message/annotations.ts';
import { copyBytes, writeU16, writeU32, writeU48 } from '../../message/bytes.ts';
import { BrokerError } from '../../message/errors.ts';
import { packJson } from '../../message/json.ts';
import type { Extents } from '../../message/storage.ts';
import { bytesOf } from '../../message/text.ts';
import type { Queue } from '../../queue/queue.ts';
import type { RetainedMessage } from '../../queue/store/retained-index.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import { writePositions } from './queue-contents.ts';
import {
  type BindingRecord,
  DEATH_REASONS,
  RECORD_BOUND,
  RECORD_DELAY_OVER,
  RECORD_DELAYED,
  RECORD_DELAYED_KEYS,
  RECORD_DYING,
  RECORD_ENQUEUED,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_LARGE,
  RECORD_NUMBERS,
  RECORD_POLICY,
  RECORD_POLICY_CLEARED,
  RECORD_QUEUE,
  RECORD_QUEUE_DELETED,
  RECORD_RETAINED,
  RECORD_RETRY,
  RECORD_RETURNED,
  RECORD_SETTLED,
  RECORD_STATE,
  RECORD_STATE_DELETED,
  RECORD_TARGETS,
  RECORD_UNBOUND,
  RETAINED_LONG,
} from './records.ts';

/** Settlements in one record at most, so that no record outgrows a block. */
const SETTLED_MAX = 16_384;
/** Targets in one record at most. */
const TARGETS_MAX = 16_384;
const DELAYED_BYTES = 13;

export class Journal {
  private readonly log: Log;
  private nextList = 1;
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
    const grouped = queue.grouped ? true : undefined;
    this.json(RECORD_QUEUE, { id, name, durable, autoDelete, atMostOnce, arguments: args, mayExpire, grouped });
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

  /**
   * The number of the route's list of durable targets, written first if this segment does not have it yet: a checkpoint begins
   * a segment, and a list that is spoiled takes no more messages with it than those of its segment.
   */
  targetList(route: CompiledRoute<Queue>): number {
    if (route.listSegment === this.log.segmentNumber) return route.listId;
    if (route.listId === 0) route.listId = this.nextList++;
    this.writeTargets(route);
    return route.listId;
  }

  private writeTargets(route: CompiledRoute<Queue>): void {
    route.listSegment = this.log.segmentNumber;
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
        writeU32(buffer, at + 16 + i * 8, route.targetFlags[target]!);
      }
    }
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

  returned(queue: Queue, seq: number, flags: number): void {
    this.position(RECORD_RETURNED, queue, seq, flags);
  }

  retry(queue: Queue, seq: number, flags: number, dueMs: number): void {
    const at = this.append(RECORD_RETRY, 20);
    const { buffer } = this.log;
    writeU32(buffer, at, queue.id);
    writeU48(buffer, at + 4, seq);
    writeU32(buffer, at + 10, flags);
    writeU48(buffer, at + 14, dueMs);
  }

  dying(queue: Queue, seq: number, flags: number, reason: DeathReason): void {
    const at = this.append(RECORD_DYING, 15);
    const buffer = this.log.buffer;
    writeU32(buffer, at, queue.id);
    writeU48(buffer, at + 4, seq);
    writeU32(buffer, at + 10, flags);
    buffer[at + 14] = DEATH_REASONS.indexOf(reason);
  }

  enqueued(queue: Queue, seq: number, flags: number): void {
    this.position(RECORD_ENQUEUED, queue, seq, flags);
  }

  private position(type: number, queue: Queue, seq: number, flags: number): void {
    const at = this.append(type, 14);
    const buffer = this.log.buffer;
    writeU32(buffer, at, queue.id);
    writeU48(buffer, at + 4, seq);
    writeU32(buffer, at + 10, flags);
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
    const key = bytesOf(message.key);
    const at = this.append(RECORD_RETAINED, 17 + key.length);
    const buffer = this.log.buffer;
    writeU48(buffer, at, message.seq);
    buffer[at + 6] = (message.assurance << 1) | (message.large ? 8 : 0) | RETAINED_LONG;
    writeU48(buffer, at + 7, message.expiresAtMs);
    writeU32(buffer, at + 13, message.bytes);
    copyBytes(key, 0, key.length, buffer, at + 17);
  }

  /** What a queue holds, as of now. */
  positions(queue: Queue): void {
    writePositions(this, this.log, queue);
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
    const all = keys.map(bytesOf);
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

  /** @internal Makes room for a record and returns where it begins in the log's buffer. */
  append(type: number, payloadBytes: number): number {
    this.appendedBytes += payloadBytes;
    return this.log.append(type, payloadBytes);
  }

  private json(type: number, value: unknown): void {
    this.text(type, packJson(value));
  }

  private text(type: number, text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > RECORD_BYTES_MAX) throw new BrokerError('invalid', 'the arguments are too large to be kept');
    const at = this.append(type, bytes.length);
    copyBytes(bytes, 0, bytes.length, this.log.buffer, at);
  }
}

function bindingRecord(binding: Binding<Queue>): BindingRecord {
  const destination = binding.queue !== null ? { queue: binding.queue.id } : { exchange: binding.exchange!.name };
  return { source: binding.source.name, ...destination, key: binding.key, options: binding.options };
}
