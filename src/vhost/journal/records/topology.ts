/**
 * Records of exchanges, queues and bindings.
 *
 * ```
 * 130 exchange declared   JSON {name, type, durable, autoDelete, internal, arguments}
 * 131 exchange deleted    name
 * 132 queue declared      JSON {id, name, durable, autoDelete, atMostOnce, arguments, mayExpire, grouped, ownUse, forSubscription,
 *                         order: what is said of groups, strict order and tenants, a policy's words among it}
 * 133 queue deleted       u32 queue
 * 134 bound               JSON {source, queue|exchange, key, options}
 * 135 unbound             JSON, the same
 * 143 numbers             u32 next queue, u32 next list: neither is used twice, though everything that used one is gone
 * ```
 */
import type { BindOptions, ExchangeOptions, ExchangeType, QueueOptions } from '../../../api/topology.ts';
import { readU32, writeU32 } from '../../../message/bytes.ts';
import { unpackJson } from '../../../message/json.ts';
import type { OrderWords } from '../../../queue/order/order-words.ts';
import { type RecordOutput, readText, writeJson, writeText } from './record-output.ts';
import {
  RECORD_BOUND,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_NUMBERS,
  RECORD_QUEUE,
  RECORD_QUEUE_DELETED,
  RECORD_UNBOUND,
} from './types.ts';

export interface ExchangeRecord extends ExchangeOptions {
  readonly name: string;
  readonly type: ExchangeType;
}

export interface QueueRecord extends Omit<QueueOptions, 'exclusive'> {
  readonly id: number;
  readonly name: string;
  /** A message that expires may be among those of a checkpoint, which says nothing of each. */
  readonly mayExpire?: boolean;
  /** One that has a group as well. */
  readonly grouped?: boolean;
  /** What was in force when it was written. */
  readonly order?: OrderWords;
}

export interface BindingRecord {
  readonly source: string;
  /** The number of the queue it leads to; else `exchange` is there. */
  readonly queue?: number;
  readonly exchange?: string;
  readonly key: string;
  readonly options: BindOptions;
}

/** The next numbers that queues and lists of targets get. */
export interface NumbersRecord {
  readonly nextQueue: number;
  readonly nextList: number;
}

export function writeExchange(out: RecordOutput, exchange: ExchangeRecord): void {
  const { name, type, durable, autoDelete, internal, arguments: args } = exchange;
  writeJson(out, RECORD_EXCHANGE, { name, type, durable, autoDelete, internal, arguments: args });
}

export function readExchange(buffer: Buffer, start: number, end: number): ExchangeRecord {
  return unpackJson<ExchangeRecord>(buffer, start, end);
}

export function writeExchangeDeleted(out: RecordOutput, name: string): void {
  writeText(out, RECORD_EXCHANGE_DELETED, name);
}

export function readExchangeDeleted(buffer: Buffer, start: number, end: number): string {
  return readText(buffer, start, end);
}

export function writeQueue(out: RecordOutput, queue: QueueRecord): void {
  const { id, name, durable, autoDelete, atMostOnce, arguments: args } = queue;
  const mayExpire = queue.mayExpire === true ? true : undefined;
  const grouped = queue.grouped === true ? true : undefined;
  const { order } = queue;
  // True for nothing is the rule, and takes no bytes.
  const ownUse = queue.ownUse || undefined;
  const forSubscription = queue.forSubscription || undefined;
  writeJson(out, RECORD_QUEUE, {
    id,
    name,
    durable,
    autoDelete,
    atMostOnce,
    arguments: args,
    mayExpire,
    grouped,
    order,
    ownUse,
    forSubscription,
  });
}

export function readQueue(buffer: Buffer, start: number, end: number): QueueRecord {
  return unpackJson<QueueRecord>(buffer, start, end);
}

export function writeQueueDeleted(out: RecordOutput, queue: number): void {
  const at = out.append(RECORD_QUEUE_DELETED, 4);
  writeU32(out.buffer, at, queue);
}

/** The queue's number. */
export function readQueueDeleted(buffer: Buffer, start: number): number {
  return readU32(buffer, start);
}

export function writeBound(out: RecordOutput, binding: BindingRecord): void {
  writeJson(out, RECORD_BOUND, binding);
}

export function writeUnbound(out: RecordOutput, binding: BindingRecord): void {
  writeJson(out, RECORD_UNBOUND, binding);
}

/** Of both, bound and unbound. */
export function readBinding(buffer: Buffer, start: number, end: number): BindingRecord {
  return unpackJson<BindingRecord>(buffer, start, end);
}

export function writeNumbers(out: RecordOutput, { nextQueue, nextList }: NumbersRecord): void {
  const at = out.append(RECORD_NUMBERS, 8);
  writeU32(out.buffer, at, nextQueue);
  writeU32(out.buffer, at + 4, nextList);
}

export function readNumbers(buffer: Buffer, start: number): NumbersRecord {
  return { nextQueue: readU32(buffer, start), nextList: readU32(buffer, start + 4) };
}
