/**
 * The fold: what a vhost becomes when its log is read from the beginning. It decides nothing again; every record is an
 * outcome. Records about what is gone are passed over, so that a log may begin at any segment: each begins with a snapshot.
 */
import { readU16, readU32, readU48 } from '../message/bytes.ts';
import { type Assurance, MessageView, type Spelling } from '../message/message.ts';
import { type Extents, readExtents, readMessage, targetListOf } from '../message/storage.ts';
import { type MessageStore, RECORD_MESSAGE } from '../queue/message-store.ts';
import { Queue, type QueueOwner } from '../queue/queue.ts';
import type { RetainedIndex } from '../queue/retained.ts';
import { WORD_ASSURANCE, WORD_DURABLE, WORD_LARGE, WORD_RETAINED } from '../queue/word.ts';
import { KEEP_RETAIN } from '../routing/router.ts';
import type { JournaledState } from './adapter-state.ts';
import {
  type BindingRecord,
  type ExchangeRecord,
  type Journal,
  type QueueRecord,
  RECORD_BOUND,
  RECORD_ENQUEUED,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_NUMBERS,
  RECORD_QUEUE,
  RECORD_QUEUE_DELETED,
  RECORD_RETAINED,
  RECORD_RETURNED,
  RECORD_SETTLED,
  RECORD_STATE,
  RECORD_STATE_DELETED,
  RECORD_TARGETS,
  RECORD_UNBOUND,
  unpackJson,
} from './journal.ts';
import type { Topology } from './topology.ts';

interface Target {
  readonly queue: number;
  readonly word: number;
}

export class Recovery {
  messages = 0;
  private readonly lists = new Map<number, Target[]>();
  private readonly view = new MessageView();
  private readonly owner: QueueOwner;
  private readonly topology: Topology;
  private readonly retained: RetainedIndex;
  private readonly state: JournaledState;
  private nextList = 1;
  private readonly extents = new Map<number, Extents>();
  /** Messages that were retained when a segment began; found again by their records' numbers. */
  private readonly retainable = new Map<number, { assurance: Assurance; large: boolean }>();

  constructor(owner: QueueOwner, topology: Topology, retained: RetainedIndex, state: JournaledState) {
    this.owner = owner;
    this.topology = topology;
    this.retained = retained;
    this.state = state;
  }

  replay(type: number, seq: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case RECORD_MESSAGE:
        this.message(seq, buffer, start);
        return;
      case RECORD_SETTLED: {
        const queue = this.topology.queuesById.get(readU32(buffer, start));
        if (queue === undefined) return;
        const count = readU32(buffer, start + 4);
        for (let i = 0; i < count; i++) queue.recoverSettled(readU48(buffer, start + 8 + i * 6));
        return;
      }
      case RECORD_RETURNED:
        this.topology.queuesById
          .get(readU32(buffer, start))
          ?.recoverReturned(readU48(buffer, start + 4), readU32(buffer, start + 10));
        return;
      case RECORD_TARGETS:
        this.targets(buffer, start);
        return;
      case RECORD_ENQUEUED:
        this.topology.queuesById
          .get(readU32(buffer, start))
          ?.push(readU48(buffer, start + 4), readU32(buffer, start + 10));
        return;
      case RECORD_STATE: {
        const keyEnd = start + 2 + readU16(buffer, start);
        this.state.put(buffer.utf8Slice(start + 2, keyEnd), buffer.subarray(keyEnd, end));
        return;
      }
      case RECORD_STATE_DELETED:
        this.state.delete(buffer.utf8Slice(start, end));
        return;
      case RECORD_RETAINED:
        this.retainedRecord(readU48(buffer, start), buffer[start + 6] as Spelling, buffer.utf8Slice(start + 7, end));
        return;
      case RECORD_NUMBERS:
        this.topology.recoverNextQueue(readU32(buffer, start));
        this.nextList = Math.max(this.nextList, readU32(buffer, start + 4));
        return;
      default:
        this.topologyRecord(type, buffer, start, end);
    }
  }

  private topologyRecord(type: number, buffer: Buffer, start: number, end: number): void {
    const { topology } = this;
    switch (type) {
      case RECORD_EXCHANGE: {
        const { name, type: kind, ...options } = unpackJson<ExchangeRecord>(buffer, start, end);
        if (!topology.exchanges.has(name)) topology.declareExchange(name, kind, options);
        return;
      }
      case RECORD_EXCHANGE_DELETED: {
        const name = buffer.utf8Slice(start, end);
        if (topology.exchanges.has(name)) topology.deleteExchange(name, false);
        return;
      }
      case RECORD_QUEUE: {
        const { id, name, ...rest } = unpackJson<QueueRecord>(buffer, start, end);
        topology.recoverNextQueue(id + 1);
        if (topology.queuesById.has(id)) return;
        const options = { ...rest, exclusive: false };
        topology.addQueue(new Queue(this.owner, id, name, options, topology.policyOf(options), null));
        return;
      }
      case RECORD_QUEUE_DELETED: {
        const queue = topology.queuesById.get(readU32(buffer, start));
        if (queue === undefined) return;
        queue.discard(); // nothing of it has been counted yet
        topology.deleteQueue(queue);
        return;
      }
      case RECORD_BOUND:
      case RECORD_UNBOUND: {
        const record = unpackJson<BindingRecord>(buffer, start, end);
        const queue = record.queue === undefined ? null : topology.queuesById.get(record.queue);
        if (queue === undefined || !topology.exchanges.has(record.source)) return;
        if (record.exchange !== undefined && !topology.exchanges.has(record.exchange)) return;
        if (type === RECORD_BOUND)
          topology.bind(record.source, queue, record.exchange ?? null, record.key, record.options);
        else topology.unbind(record.source, queue, record.exchange ?? null, record.key, record.options);
        return;
      }
      default: // a record that only a newer version writes: the log's version check refuses those before
    }
  }

  private targets(buffer: Buffer, start: number): void {
    const id = readU32(buffer, start);
    const first = readU32(buffer, start + 4);
    const count = readU32(buffer, start + 8);
    this.nextList = Math.max(this.nextList, id + 1);
    const list = first === 0 ? [] : (this.lists.get(id) ?? []);
    for (let i = 0; i < count; i++) {
      list[first + i] = { queue: readU32(buffer, start + 12 + i * 8), word: readU32(buffer, start + 16 + i * 8) };
    }
    this.lists.set(id, list);
  }

  private message(seq: number, buffer: Buffer, start: number): void {
    this.messages++;
    const { view } = this;
    readMessage(buffer, start, view);
    const extents = readExtents(buffer, start);
    if (extents !== null) this.extents.set(seq, extents);
    const large = extents !== null;
    const base = WORD_DURABLE | (large ? WORD_LARGE : 0);
    for (const target of this.lists.get(targetListOf(buffer, start)) ?? []) {
      const queue = this.topology.queuesById.get(target.queue);
      if (queue === undefined) continue;
      const assurance = Math.min(view.assurance, target.word & WORD_ASSURANCE);
      if (assurance === 0 && queue.directMode) continue;
      const shown = view.retain && (target.word & KEEP_RETAIN) !== 0 ? WORD_RETAINED : 0;
      queue.push(seq, (base | assurance | (target.word & ~7) | shown) >>> 0);
    }
    if (view.retain) {
      this.retainable.set(seq, { assurance: view.assurance, large });
      const key = view.key();
      if (view.bodyLength === 0) this.retained.remove(key, view.spelling);
      else this.retained.set({ seq, key, spelling: view.spelling, assurance: view.assurance, large });
    }
  }

  /** A snapshot repeats what is retained; what it names lies in an older segment that is still here. */
  private retainedRecord(seq: number, spelling: Spelling, key: string): void {
    const message = this.retainable.get(seq);
    if (seq === 0) this.retained.remove(key, spelling);
    else if (message !== undefined) this.retained.set({ seq, key, spelling, ...message });
  }

  /** The whole log has been read: what is left is counted, so that the log knows what is still needed. */
  finish(store: MessageStore, journal: Journal, unclean: boolean): void {
    journal.recoverNextList(this.nextList);
    const refer = (seq: number, word: number): void => {
      const extents = (word & WORD_LARGE) === 0 ? undefined : this.extents.get(seq);
      if (extents !== undefined && !store.isLarge(seq)) store.recoverBody(seq, extents);
      store.addReferences(seq, true, 1);
    };
    for (const queue of this.topology.queues.values()) {
      queue.recovered(unclean);
      queue.forEachIn(0, Number.POSITIVE_INFINITY, refer);
    }
    this.retained.forEach((message) => {
      refer(message.seq, message.large ? WORD_LARGE : 0);
    });
    this.lists.clear();
    this.retainable.clear();
    this.extents.clear();
  }
}
