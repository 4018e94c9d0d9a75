/**
 * A recovered vhost: the records of its log, folded into what it was. Nothing is decided again, for every record is an outcome.
 * Records about what is not known (any more, or yet) are passed over, so that a replay may begin at a checkpoint.
 */
import { Dialects } from '../../message/dialect.ts';
import { AT_MOST_ONCE, MessageView, type Retainer } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import { type Extents, readExtents, readMessage, spellingOf, targetListOf } from '../../message/storage.ts';
import { entryFlags, FLAG_DURABLE, FLAG_LARGE, FLAG_RETAINED } from '../../queue/entry-flags.ts';
import { closesGroup, readKey } from '../../queue/order/key-source.ts';
import { type OrderServices, placeOf } from '../../queue/order/queue-order.ts';
import { RECORD_MESSAGE } from '../../queue/store/message-store.ts';
import { RetainedIndex, RetainedMessage } from '../../queue/store/retained-index.ts';
import { KEEP_RETAIN, lowerAssurance } from '../../routing/target-flags.ts';
import { readHeld, readPositions } from '../journal/records/contents.ts';
import { readDelayed, readDelayedKeys, readDelayOver } from '../journal/records/delays.ts';
import {
  readDeathReason,
  readDeferralToken,
  readEntry,
  readQueueNumber,
  readRetryTime,
  readSettled,
} from '../journal/records/entries.ts';
import { readLargeBody } from '../journal/records/large-bodies.ts';
import { readPassportEvents } from '../journal/records/passports.ts';
import { readPlaces } from '../journal/records/places.ts';
import { readRetained } from '../journal/records/retained.ts';
import { readRetainer } from '../journal/records/retainers.ts';
import { readState, readStateDeleted } from '../journal/records/state.ts';
import { mergeTargets, readTargets, type TargetRecord } from '../journal/records/targets.ts';
import { readNumbers } from '../journal/records/topology.ts';
import {
  RECORD_DEFERRED,
  RECORD_DELAY_OVER,
  RECORD_DELAYED,
  RECORD_DELAYED_KEYS,
  RECORD_DYING,
  RECORD_ENQUEUED,
  RECORD_HELD,
  RECORD_LARGE,
  RECORD_NUMBERS,
  RECORD_PASSPORT_EVENTS,
  RECORD_PLACES,
  RECORD_POSITIONS,
  RECORD_RETAINED,
  RECORD_RETAINER,
  RECORD_RETRY,
  RECORD_RETURNED,
  RECORD_SETTLED,
  RECORD_STATE,
  RECORD_STATE_DELETED,
  RECORD_TARGETS,
} from '../journal/records/types.ts';
import { PASSPORT_EVENTS_MAX } from '../passports/events.ts';
import { RecoveredDelays } from '../timers/recovered-delays.ts';
import { RecoveredPassports } from './recovered-passports.ts';
import type { RecoveredQueue } from './recovered-queue.ts';
import { RecoveredTopology } from './recovered-topology.ts';

export class RecoveredVhost {
  readonly topology: RecoveredTopology;
  readonly retained = new RetainedIndex();
  /** The adapters' state. */
  readonly state = new Map<string, Buffer>();
  readonly delays = new RecoveredDelays();
  /** Who has had them retained, of messages that are or will be. */
  readonly retainers = new Map<number, Retainer>();
  /** Where large bodies lie, by the numbers of their messages. */
  readonly extents = new Map<number, Extents>();
  /** What was noted of messages. */
  readonly passports: RecoveredPassports;
  /** The number that the next list of targets gets. */
  nextList = 1;
  private readonly lists = new Map<number, TargetRecord[]>();
  private readonly view = new MessageView();

  private readonly keys: Pick<OrderServices, 'keyOf' | 'closesGroup'>;

  /** @param dialects that its messages may be in @param passportEventsMax events of passports that are kept */
  constructor(vhost: string, dialects = new Dialects(() => 0), passportEventsMax = PASSPORT_EVENTS_MAX) {
    this.passports = new RecoveredPassports(passportEventsMax);
    this.topology = new RecoveredTopology(vhost);
    this.keys = {
      keyOf: (view, source) => readKey(dialects, view, source),
      closesGroup: (view) => closesGroup(dialects, view),
    };
  }

  replay(type: number, seq: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case RECORD_MESSAGE:
        this.message(seq, buffer, start);
        return;
      case RECORD_SETTLED: {
        const queue = this.queueOf(buffer, start);
        if (queue === undefined) return;
        readSettled(buffer, start, (settled) => {
          queue.settled(settled);
          queue.window?.left(settled);
        });
        return;
      }
      case RECORD_RETURNED: {
        const entry = readEntry(buffer, start);
        this.queueOf(buffer, start)?.returnedTo(entry.seq, entry.flags);
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
        this.queueOf(buffer, start)?.died(entry.seq, entry.flags, reason);
        return;
      }
      case RECORD_RETRY: {
        const entry = readEntry(buffer, start);
        this.queueOf(buffer, start)?.retry(entry.seq, entry.flags, readRetryTime(buffer, start));
        return;
      }
      case RECORD_DEFERRED: {
        const { seq: deferred, flags } = readEntry(buffer, start);
        const token = readDeferralToken(buffer, start);
        this.queueOf(buffer, start)?.retry(deferred, flags, readRetryTime(buffer, start), token);
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
        if (queue !== undefined) readHeld(buffer, start, (held, flags) => queue.held(held, flags));
        return;
      }
      case RECORD_PLACES: {
        const { place, seqs } = readPlaces(buffer, start);
        const queue = this.queueOf(buffer, start);
        if (queue !== undefined) for (const placed of seqs) queue.placed(place, placed);
        return;
      }
      case RECORD_LARGE: {
        const body = readLargeBody(buffer, start);
        this.extents.set(body.seq, body.extents);
        return;
      }
      case RECORD_STATE: {
        const { key, value } = readState(buffer, start, end);
        this.state.set(key, Buffer.from(value));
        return;
      }
      case RECORD_STATE_DELETED:
        this.state.delete(readStateDeleted(buffer, start, end));
        return;
      case RECORD_RETAINED: // a checkpoint repeats what is retained
        this.retained.set(readRetained(buffer, start, end));
        return;
      case RECORD_RETAINER: {
        const { seq: whose, retainer } = readRetainer(buffer, start, end);
        this.retainers.set(whose, retainer);
        return;
      }
      case RECORD_DELAYED:
        readDelayed(buffer, start, (delayed, due, flags) => this.delays.delayed(delayed, due, flags));
        return;
      case RECORD_DELAY_OVER:
        readDelayOver(buffer, start, (over) => this.delays.over(over));
        return;
      case RECORD_DELAYED_KEYS: {
        const delayed = readDelayedKeys(buffer, start);
        this.delays.setKeys(delayed.seq, delayed.keys);
        return;
      }
      case RECORD_PASSPORT_EVENTS: {
        this.passports.take(readPassportEvents(buffer, start, end));
        return;
      }
      case RECORD_NUMBERS: {
        const { nextQueue, nextList } = readNumbers(buffer, start);
        this.topology.expectQueue(nextQueue);
        this.nextList = Math.max(this.nextList, nextList);
        return;
      }
      default:
        this.topology.replay(type, buffer, start, end);
    }
  }

  /** The queue that a record is about, if it is known here. */
  private queueOf(buffer: Buffer, start: number): RecoveredQueue | undefined {
    return this.topology.queues.get(readQueueNumber(buffer, start));
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
      const queue = this.topology.queues.get(target.queue);
      if (queue === undefined) continue;
      const assurance = lowerAssurance(view.assurance, target.flags);
      if (assurance === AT_MOST_ONCE && queue.directMode) continue;
      const shown = view.retain && (target.flags & KEEP_RETAIN) !== 0 ? FLAG_RETAINED : 0;
      if (view.expiresAtMs !== 0) queue.expectExpiry();
      if (view.grouped) queue.expectGroups();
      const order = queue.orderFor(view.grouped);
      if (order !== null) queue.placed(placeOf(this.keys, order, view), seq);
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
    if (replaces) queue.clear();
    if (chunk !== null) queue.positions(chunk);
  }

  /** Of messages that are neither retained nor will be. */
  private forgetRetainers(): void {
    if (this.retainers.size === 0) return;
    const live = new Set<number>();
    for (const { seq } of this.retained.all()) live.add(seq);
    this.delays.forEach((seq) => {
      live.add(seq);
    });
    for (const seq of this.retainers.keys()) if (!live.has(seq)) this.retainers.delete(seq);
  }

  /** The whole log has been read. */
  finish(): void {
    this.lists.clear();
    this.delays.finish();
    this.forgetRetainers();
  }
}
