/**
 * Records in words: what a person sees who dumps a log offline. It reads records in order, because a message names its
 * queues by a list that came before it, and queues by numbers that were given names before.
 */
import { readU32, readU48 } from '../../message/bytes.ts';
import { unpackJson } from '../../message/json.ts';
import { MessageView } from '../../message/message.ts';
import { readExtents, readMessage, targetListOf } from '../../message/storage.ts';
import { RECORD_EXTENT, RECORD_MESSAGE } from '../../queue/store/message-store.ts';
import {
  type BindingRecord,
  DEATH_REASONS,
  delayedKeys,
  type ExchangeRecord,
  type QueueRecord,
  RECORD_BOUND,
  RECORD_DELAY_OVER,
  RECORD_DELAYED,
  RECORD_DELAYED_KEYS,
  RECORD_DYING,
  RECORD_ENQUEUED,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_HELD,
  RECORD_LARGE,
  RECORD_NUMBERS,
  RECORD_POLICY,
  RECORD_POLICY_CLEARED,
  RECORD_POSITIONS,
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

/** How much of a body is shown. */
const PREVIEW_BYTES = 64;

export interface Described {
  readonly what: string;
  /** The queues it is about; undefined if it is about none in particular. */
  readonly queues?: readonly string[];
  readonly [detail: string]: unknown;
}

export class RecordReader {
  private readonly queues = new Map<number, string>();
  private readonly lists = new Map<number, number[]>();
  private readonly view = new MessageView();

  /** Undefined for a record that this version does not know. */
  describe(type: number, seq: number, buffer: Buffer, start: number, end: number): Described | undefined {
    switch (type) {
      case RECORD_MESSAGE:
        return this.message(seq, buffer, start);
      case RECORD_EXTENT:
        return { what: 'extent', seq, bytes: end - start };
      case RECORD_SETTLED: {
        const count = readU32(buffer, start + 4);
        const seqs = Array.from({ length: count }, (_, i) => readU48(buffer, start + 8 + i * 6));
        return { what: 'settled', queues: [this.nameAt(buffer, start)], seqs };
      }
      case RECORD_DYING:
        return {
          what: 'dying',
          queues: [this.nameAt(buffer, start)],
          seq: readU48(buffer, start + 4),
          flags: readU32(buffer, start + 10),
          reason: DEATH_REASONS[buffer[start + 14]!] ?? 'unknown',
        };
      case RECORD_RETRY:
        return {
          what: 'retry',
          queues: [this.nameAt(buffer, start)],
          seq: readU48(buffer, start + 4),
          flags: readU32(buffer, start + 10),
          dueAt: new Date(readU48(buffer, start + 14)),
        };
      case RECORD_RETURNED:
      case RECORD_ENQUEUED: {
        const what = type === RECORD_RETURNED ? 'returned' : 'enqueued';
        return {
          what,
          queues: [this.nameAt(buffer, start)],
          seq: readU48(buffer, start + 4),
          flags: readU32(buffer, start + 10),
        };
      }
      case RECORD_TARGETS:
        return this.targets(buffer, start);
      case RECORD_POSITIONS: {
        const count = readU32(buffer, start + 5);
        const first = count === 0 ? undefined : readU48(buffer, start + 9);
        return {
          what: 'positions',
          queues: [this.nameAt(buffer, start)],
          replaces: buffer[start + 4] === 0,
          count,
          first,
        };
      }
      case RECORD_HELD:
        return { what: 'held', queues: [this.nameAt(buffer, start)], count: readU32(buffer, start + 4) };
      case RECORD_LARGE:
        return { what: 'large body', seq: readU48(buffer, start), bytes: readU32(buffer, start + 6) };
      case RECORD_RETAINED:
        return {
          what: 'retained',
          seq: readU48(buffer, start),
          key: buffer.utf8Slice(start + ((buffer[start + 6]! & RETAINED_LONG) === 0 ? 7 : 17), end),
        };
      case RECORD_DELAYED: {
        const count = readU32(buffer, start);
        const first =
          count === 0 ? {} : { first: readU48(buffer, start + 4), dueAt: new Date(readU48(buffer, start + 10)) };
        return { what: 'delayed', count, ...first };
      }
      case RECORD_DELAY_OVER: {
        const count = readU32(buffer, start);
        return {
          what: 'delay over',
          seqs: Array.from({ length: count }, (_, i) => readU48(buffer, start + 4 + i * 6)),
        };
      }
      case RECORD_DELAYED_KEYS:
        return { what: 'delayed keys', seq: readU48(buffer, start), keys: delayedKeys(buffer, start) };
      case RECORD_NUMBERS:
        return { what: 'numbers', nextQueue: readU32(buffer, start), nextList: readU32(buffer, start + 4) };
      default:
        return this.topology(type, buffer, start, end);
    }
  }

  private topology(type: number, buffer: Buffer, start: number, end: number): Described | undefined {
    switch (type) {
      case RECORD_EXCHANGE:
        return { what: 'exchange declared', ...unpackJson<ExchangeRecord>(buffer, start, end) };
      case RECORD_EXCHANGE_DELETED:
        return { what: 'exchange deleted', name: buffer.utf8Slice(start, end) };
      case RECORD_QUEUE: {
        const record = unpackJson<QueueRecord>(buffer, start, end);
        this.queues.set(record.id, record.name);
        return { what: 'queue declared', queues: [record.name], ...record };
      }
      case RECORD_QUEUE_DELETED:
        return { what: 'queue deleted', queues: [this.nameAt(buffer, start)] };
      case RECORD_BOUND:
      case RECORD_UNBOUND: {
        const record = unpackJson<BindingRecord>(buffer, start, end);
        const queues = record.queue === undefined ? {} : { queues: [this.name(record.queue)] };
        return { what: type === RECORD_BOUND ? 'bound' : 'unbound', ...record, ...queues };
      }
      case RECORD_POLICY:
        return { what: 'policy set', ...unpackJson<object>(buffer, start, end) };
      case RECORD_POLICY_CLEARED:
        return { what: 'policy cleared', ...unpackJson<object>(buffer, start, end) };
      case RECORD_STATE: {
        const keyEnd = start + 2 + (buffer[start]! | (buffer[start + 1]! << 8));
        return { what: 'state', key: buffer.utf8Slice(start + 2, keyEnd), bytes: end - keyEnd };
      }
      case RECORD_STATE_DELETED:
        return { what: 'state deleted', key: buffer.utf8Slice(start, end) };
      default:
        return undefined;
    }
  }

  private message(seq: number, buffer: Buffer, start: number): Described {
    const { view } = this;
    readMessage(buffer, start, view);
    const extents = readExtents(buffer, start);
    const shown = view.body.subarray(view.bodyStart, Math.min(view.bodyEnd, view.bodyStart + PREVIEW_BYTES));
    return {
      what: 'message',
      seq,
      queues: (this.lists.get(targetListOf(buffer, start)) ?? []).map((id) => this.name(id)),
      exchange: view.exchange(),
      key: view.key(),
      dialect: view.dialect,
      arrivedAt: new Date(view.arrivedAtMs).toISOString(),
      retain: view.retain,
      propertyBytes: view.propsEnd - view.propsStart,
      bodyBytes: view.bodyLength,
      ...(extents === null ? { body: shown.toString('utf8') } : { extents: extents.seqs }),
    };
  }

  private targets(buffer: Buffer, start: number): Described {
    const id = readU32(buffer, start);
    const first = readU32(buffer, start + 4);
    const count = readU32(buffer, start + 8);
    const list = first === 0 ? [] : (this.lists.get(id) ?? []);
    for (let i = 0; i < count; i++) list[first + i] = readU32(buffer, start + 12 + i * 8);
    this.lists.set(id, list);
    return { what: 'targets', list: id, queues: list.map((queue) => this.name(queue)) };
  }

  private nameAt(buffer: Buffer, at: number): string {
    return this.name(readU32(buffer, at));
  }

  private name(id: number): string {
    return this.queues.get(id) ?? `#${id}`;
  }
}
