/**
 * The fold: what a vhost becomes when its log is read from the beginning. It decides nothing again; every record is an
 * outcome. Records about what is not known (any more, or yet) are passed over, so that a replay may begin at a checkpoint.
 */
import type { Log } from '../../log/log.ts';
import { AT_MOST_ONCE, MessageView } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import { type Extents, readExtents, readMessage, spellingOf, targetListOf } from '../../message/storage.ts';
import { entryFlags, FLAG_DURABLE, FLAG_LARGE, FLAG_RETAINED } from '../../queue/entry-flags.ts';
import { type Chunk, unpack, unpackedRoom } from '../../queue/positions/packed-positions.ts';
import type { Queue } from '../../queue/queue.ts';
import type { QueueOwner } from '../../queue/queue-services.ts';
import { type MessageStore, RECORD_MESSAGE } from '../../queue/store/message-store.ts';
import { type RetainedIndex, RetainedMessage } from '../../queue/store/retained-index.ts';
import { KEEP_RETAIN, lowerAssurance } from '../../routing/target-flags.ts';
import type { Delays } from '../timers/delays.ts';
import type { Topology } from '../topology/topology.ts';
import type { JournaledState } from './adapter-state.ts';
import type { Journal } from './journal.ts';
import { readHeld, readPositions } from './records/contents.ts';
import { readDelayed, readDelayedKeys, readDelayOver } from './records/delays.ts';
import { readDeathReason, readEntry, readQueueNumber, readRetryTime, readSettled } from './records/entries.ts';
import { readLargeBody } from './records/large-bodies.ts';
import { readRetained } from './records/retained.ts';
import { readState, readStateDeleted } from './records/state.ts';
import { mergeTargets, readTargets, type TargetRecord } from './records/targets.ts';
import { readNumbers } from './records/topology.ts';
import {
  RECORD_DELAY_OVER,
  RECORD_DELAYED,
  RECORD_DELAYED_KEYS,
  RECORD_DYING,
  RECORD_ENQUEUED,
  RECORD_HELD,
  RECORD_LARGE,
  RECORD_NUMBERS,
  RECORD_POSITIONS,
  RECORD_RETAINED,
  RECORD_RETRY,
  RECORD_RETURNED,
  RECORD_SETTLED,
  RECORD_STATE,
  RECORD_STATE_DELETED,
  RECORD_TARGETS,
} from './records/types.ts';
import { TopologyFold } from './topology-fold.ts';

export class Recovery {
  private readonly lists = new Map<number, TargetRecord[]>();
  private readonly view = new MessageView();
  private readonly topology: Topology;
  private readonly topologyFold: TopologyFold;
  private readonly retained: RetainedIndex;
  private readonly state: JournaledState;
  private readonly delays: Delays;
  private nextList = 1;
  private readonly extents = new Map<number, Extents>();

  constructor(owner: QueueOwner, topology: Topology, retained: RetainedIndex, state: JournaledState, delays: Delays) {
    this.topology = topology;
    this.topologyFold = new TopologyFold(owner, topology);
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
        const queue = this.queueOf(buffer, start);
        if (queue !== undefined) readSettled(buffer, start, (settled) => queue.recoverSettled(settled));
        return;
      }
      case RECORD_RETURNED: {
        const entry = readEntry(buffer, start);
        this.queueOf(buffer, start)?.recoverReturned(entry.seq, entry.flags);
        return;
      }
      case RECORD_ENQUEUED: {
        const entry = readEntry(buffer, start);
        const queue = this.queueOf(buffer, start);
        queue?.expectExpiry(); // whether it expires is not said here
        queue?.push(entry.seq, entry.flags);
        return;
      }
      case RECORD_DYING: {
        const entry = readEntry(buffer, start);
        const reason = readDeathReason(buffer, start) ?? 'rejected';
        this.queueOf(buffer, start)?.recoverDying(entry.seq, entry.flags, reason);
        return;
      }
      case RECORD_RETRY: {
        const entry = readEntry(buffer, start);
        this.queueOf(buffer, start)?.recoverRetry(entry.seq, entry.flags, readRetryTime(buffer, start));
        return;
      }
      case RECORD_TARGETS:
        this.targets(buffer, start);
        return;
      case RECORD_POSITIONS:
        this.positions(buffer, start);
        return;
      case RECORD_HELD: {
        const queue = this.queueOf(buffer, start);
        if (queue !== undefined) readHeld(buffer, start, (held, flags) => queue.recoverHeld(held, flags));
        return;
      }
      case RECORD_LARGE: {
        const body = readLargeBody(buffer, start);
        this.extents.set(body.seq, body.extents);
        return;
      }
      case RECORD_STATE: {
        const { key, value } = readState(buffer, start, end);
        this.state.put(key, value);
        return;
      }
      case RECORD_STATE_DELETED:
        this.state.delete(readStateDeleted(buffer, start, end));
        return;
      case RECORD_RETAINED: // a checkpoint repeats what is retained
        this.retained.set(readRetained(buffer, start, end));
        return;
      case RECORD_DELAYED:
        readDelayed(buffer, start, (delayed, due, flags) => this.delays.recoverDelayed(delayed, due, flags));
        return;
      case RECORD_DELAY_OVER:
        readDelayOver(buffer, start, (over) => this.delays.recoverOver(over));
        return;
      case RECORD_DELAYED_KEYS: {
        const delayed = readDelayedKeys(buffer, start);
        this.delays.recoverKeys(delayed.seq, delayed.keys);
        return;
      }
      case RECORD_NUMBERS: {
        const { nextQueue, nextList } = readNumbers(buffer, start);
        this.topology.recoverNextQueue(nextQueue);
        this.nextList = Math.max(this.nextList, nextList);
        return;
      }
      default:
        this.topologyFold.replay(type, buffer, start, end);
    }
  }

  /** The queue that a record is about, if it is known here. */
  private queueOf(buffer: Buffer, start: number): Queue | undefined {
    return this.topology.queuesById.get(readQueueNumber(buffer, start));
  }

  private targets(buffer: Buffer, start: number): void {
    const record = readTargets(buffer, start);
    this.nextList = Math.max(this.nextList, record.list + 1);
    this.lists.set(record.list, mergeTargets(this.lists.get(record.list), record));
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
      if (assurance === AT_MOST_ONCE && queue.directMode) continue;
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

  /** What a queue held at this place of the log: whatever was known of it before is superseded. */
  private positions(buffer: Buffer, start: number): void {
    const queue = this.queueOf(buffer, start);
    if (queue === undefined) return;
    const { replaces, chunk } = readPositions(buffer, start);
    if (replaces) queue.discard();
    if (chunk !== null) queue.recoverChunk(chunk);
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

function unpackEach(chunk: Chunk, visit: (seq: number, flags: number) => void): void {
  const { seqs, flagSets } = unpackedRoom();
  unpack(chunk, { seqs, flagSets });
  for (let i = 0; i < chunk.count; i++) visit(seqs[i]!, flagSets[i]!);
}
