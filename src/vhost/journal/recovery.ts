/**
 * The fold: what a vhost becomes when its log is read from the beginning. It decides nothing again; every record is an
 * outcome. Records about what is not known (any more, or yet) are passed over, so that a replay may begin at a checkpoint.
 */
import type { Policy } from '../../api/policies.ts';
import type { Log } from '../../log/log.ts';
import { readU16, readU32, readU48 } from '../../message/bytes.ts';
import { unpackJson } from '../../message/json.ts';
import { type Assurance, MessageView, type Spelling } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import { type Extents, readExtents, readMessage, spellingOf, targetListOf } from '../../message/storage.ts';
import { textOf } from '../../message/text.ts';
import { entryFlags, FLAG_DURABLE, FLAG_LARGE, FLAG_RETAINED } from '../../queue/entry-flags.ts';
import { recoverArguments } from '../../queue/limits/arguments.ts';
import { type Chunk, unpack, unpackedRoom } from '../../queue/positions/packed-positions.ts';
import { Queue } from '../../queue/queue.ts';
import type { QueueOwner } from '../../queue/queue-services.ts';
import { type MessageStore, RECORD_MESSAGE } from '../../queue/store/message-store.ts';
import { type RetainedIndex, RetainedMessage } from '../../queue/store/retained-index.ts';
import { KEEP_RETAIN, lowerAssurance } from '../../routing/target-flags.ts';
import type { Delays } from '../timers/delays.ts';
import type { Topology } from '../topology/topology.ts';
import type { JournaledState } from './adapter-state.ts';
import type { Journal } from './journal.ts';
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

interface Target {
  readonly queue: number;
  readonly flags: number;
}

export class Recovery {
  private readonly lists = new Map<number, Target[]>();
  private readonly view = new MessageView();
  private readonly owner: QueueOwner;
  private readonly topology: Topology;
  private readonly retained: RetainedIndex;
  private readonly state: JournaledState;
  private readonly delays: Delays;
  private nextList = 1;
  private readonly extents = new Map<number, Extents>();

  constructor(owner: QueueOwner, topology: Topology, retained: RetainedIndex, state: JournaledState, delays: Delays) {
    this.owner = owner;
    this.topology = topology;
    this.retained = retained;
    this.state = state;
    this.delays = delays;
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
      case RECORD_POSITIONS:
        this.positions(buffer, start);
        return;
      case RECORD_HELD: {
        const queue = this.topology.queuesById.get(readU32(buffer, start));
        if (queue === undefined) return;
        const count = readU32(buffer, start + 4);
        for (let at = start + 8, i = 0; i < count; i++, at += 10) {
          queue.recoverHeld(readU48(buffer, at), readU32(buffer, at + 6));
        }
        return;
      }
      case RECORD_LARGE:
        this.largeBody(buffer, start);
        return;
      case RECORD_DYING:
        this.topology.queuesById
          .get(readU32(buffer, start))
          ?.recoverDying(
            readU48(buffer, start + 4),
            readU32(buffer, start + 10),
            DEATH_REASONS[buffer[start + 14]!] ?? 'rejected',
          );
        return;
      case RECORD_RETRY:
        this.topology.queuesById
          .get(readU32(buffer, start))
          ?.recoverRetry(readU48(buffer, start + 4), readU32(buffer, start + 10), readU48(buffer, start + 14));
        return;
      case RECORD_ENQUEUED:
        // Whether it expires is not said here.
        this.topology.queuesById.get(readU32(buffer, start))?.expectExpiry();
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
        this.retainedRecord(buffer, start, end);
        return;
      case RECORD_DELAYED: {
        const count = readU32(buffer, start);
        for (let at = start + 4, i = 0; i < count; i++, at += 13) {
          this.delays.recoverDelayed(readU48(buffer, at), readU48(buffer, at + 6), buffer[at + 12]!);
        }
        return;
      }
      case RECORD_DELAY_OVER: {
        const count = readU32(buffer, start);
        for (let i = 0; i < count; i++) this.delays.recoverOver(readU48(buffer, start + 4 + i * 6));
        return;
      }
      case RECORD_DELAYED_KEYS:
        this.delays.recoverKeys(readU48(buffer, start), delayedKeys(buffer, start));
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
        const { id, name, mayExpire, grouped, ...rest } = unpackJson<QueueRecord>(buffer, start, end);
        topology.recoverNextQueue(id + 1);
        let queue = topology.queuesById.get(id);
        if (queue === undefined) {
          const options = { ...rest, exclusive: false };
          const settings = recoverArguments(name, this.owner.vhost, options);
          queue = new Queue(this.owner, id, name, options, settings, null);
          topology.addQueue(queue);
        }
        if (mayExpire === true) queue.expectExpiry();
        if (grouped === true) queue.expectGroups();
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
      case RECORD_POLICY:
        topology.policies.set(unpackJson<Policy>(buffer, start, end));
        return;
      case RECORD_POLICY_CLEARED: {
        const { kind, name } = unpackJson<Required<Policy>>(buffer, start, end);
        topology.policies.clear(kind, name);
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
      list[first + i] = { queue: readU32(buffer, start + 12 + i * 8), flags: readU32(buffer, start + 16 + i * 8) };
    }
    this.lists.set(id, list);
  }

  private message(seq: number, buffer: Buffer, start: number): void {
    const { view } = this;
    readMessage(buffer, start, view);
    const extents = readExtents(buffer, start);
    if (extents !== null) this.extents.set(seq, extents);
    const large = extents !== null;
    const base = FLAG_DURABLE | (large ? FLAG_LARGE : 0);
    for (const target of this.lists.get(targetListOf(buffer, start)) ?? []) {
      const queue = this.topology.queuesById.get(target.queue);
      if (queue === undefined) continue;
      const assurance = lowerAssurance(view.assurance, target.flags);
      if (assurance === 0 && queue.directMode) continue;
      const shown = view.retain && (target.flags & KEEP_RETAIN) !== 0 ? FLAG_RETAINED : 0;
      if (view.expiresAtMs !== 0) queue.expectExpiry();
      if (view.grouped) queue.expectGroups();
      queue.push(seq, queue.withPriority(entryFlags(target.flags, assurance, base | shown), view.priority));
    }
    if (view.retain) {
      const key = dotted(view.key(), spellingOf(buffer, start));
      if (view.bodyLength === 0) this.retained.remove(key);
      else {
        const bytes = view.keyEnd - view.keyStart + view.propsEnd - view.propsStart + view.bodyLength;
        const { assurance, expiresAtMs } = view;
        this.retained.set(new RetainedMessage(seq, key, assurance, large, bytes, expiresAtMs));
      }
    }
  }

  /** A checkpoint repeats what is retained. */
  private retainedRecord(buffer: Buffer, start: number, end: number): void {
    const flags = buffer[start + 6]!;
    const spelling = (flags & 1) as Spelling;
    const assurance = ((flags >> 1) & 3) as Assurance;
    const long = (flags & RETAINED_LONG) !== 0;
    const key = dotted(textOf(buffer, start + (long ? 17 : 7), end), spelling);
    const expiresAtMs = long ? readU48(buffer, start + 7) : 0;
    const bytes = long ? readU32(buffer, start + 13) : 0;
    const seq = readU48(buffer, start);
    this.retained.set(new RetainedMessage(seq, key, assurance, (flags & 8) !== 0, bytes, expiresAtMs));
  }

  /** What a queue held at this place of the log: whatever was known of it before is superseded. */
  private positions(buffer: Buffer, start: number): void {
    const queue = this.topology.queuesById.get(readU32(buffer, start));
    if (queue === undefined) return;
    if (buffer[start + 4] === 0) queue.discard();
    const count = readU32(buffer, start + 5);
    if (count === 0) return;
    const first = readU48(buffer, start + 9);
    const gapBytes = readU32(buffer, start + 15);
    const flagRuns = new Uint32Array(readU32(buffer, start + 19) * 2);
    const gaps = Uint8Array.from(buffer.subarray(start + 23, start + 23 + gapBytes));
    for (let i = 0; i < flagRuns.length; i++) flagRuns[i] = readU32(buffer, start + 23 + gapBytes + i * 4);
    queue.recoverChunk({ count, first, last: lastOf(first, count, gaps), gaps, flagRuns });
  }

  private largeBody(buffer: Buffer, start: number): void {
    const count = readU32(buffer, start + 10);
    const seqs: number[] = [];
    const sizes: number[] = [];
    for (let at = start + 14, i = 0; i < count; i++, at += 10) {
      seqs.push(readU48(buffer, at));
      sizes.push(readU32(buffer, at + 6));
    }
    this.extents.set(readU48(buffer, start), { length: readU32(buffer, start + 6), seqs, sizes });
  }

  /** The whole log has been read: what is left is counted, so that the log knows what is still needed. */
  finish(store: MessageStore, journal: Journal, log: Log, unclean: boolean): void {
    journal.recoverNextList(this.nextList);
    const refer = (seq: number, flags: number): void => {
      const extents = (flags & FLAG_LARGE) === 0 ? undefined : this.extents.get(seq);
      if (extents !== undefined && !store.isLarge(seq)) store.recoverBody(seq, extents);
      store.addReferences(seq, true, 1);
    };
    for (const queue of this.topology.queues.values()) {
      queue.recovered(unclean);
      queue.forEachChunk((chunk) => {
        // A run of numbers is counted as one; what is transient never gets into a log.
        const plain =
          chunk.gaps.length === 0 && chunk.flagRuns.every((flags, i) => i % 2 === 0 || (flags & FLAG_LARGE) === 0);
        if (plain) log.addLiveRange(chunk.first, chunk.count);
        else unpackEach(chunk, refer);
      });
      queue.forEachHeld(refer);
    }
    for (const message of this.retained.all()) refer(message.seq, message.large ? FLAG_LARGE : 0);
    this.delays.recovered(refer);
    this.lists.clear();
    this.extents.clear();
  }

  /** Everything is there that they need: queues go on with what they do by themselves. */
  begin(): void {
    for (const queue of [...this.topology.queues.values()]) queue.begin();
  }
}

/** The last number of a chunk: the first and all gaps. */
function lastOf(first: number, count: number, gaps: Uint8Array): number {
  if (gaps.length === 0) return first + count - 1;
  let last = first;
  let unit = 1;
  for (const byte of gaps) {
    last += (byte & 0x7f) * unit;
    unit = byte < 0x80 ? 1 : unit * 0x80;
  }
  return last;
}

function unpackEach(chunk: Chunk, visit: (seq: number, flags: number) => void): void {
  const { seqs, flagSets } = unpackedRoom();
  unpack(chunk, { seqs, flagSets });
  for (let i = 0; i < chunk.count; i++) visit(seqs[i]!, flagSets[i]!);
}
