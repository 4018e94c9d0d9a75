/**
 * Describes records in words, for a person who dumps a log offline. It reads records in order, because a message names its
 * queues by a list that came before it, and queues by numbers that were given names before.
 */
import { MessageView } from '../../message/message.ts';
import { readExtents, readMessage, targetListOf } from '../../message/storage.ts';
import { RECORD_EXTENT, RECORD_MESSAGE } from '../../queue/store/message-store.ts';
import { readHeld, readPositions } from './records/contents.ts';
import { readDelayed, readDelayedKeys, readDelayOver } from './records/delays.ts';
import {
  readDeathReason,
  readDeferralToken,
  readEntry,
  readQueueNumber,
  readRetryTime,
  readSettled,
} from './records/entries.ts';
import { readLargeBody } from './records/large-bodies.ts';
import { readPassportEvents } from './records/passports.ts';
import { readPlaces } from './records/places.ts';
import { readPolicy, readPolicyCleared } from './records/policies.ts';
import { readRetained } from './records/retained.ts';
import { readRetainer } from './records/retainers.ts';
import { readState, readStateDeleted } from './records/state.ts';
import { mergeTargets, readTargets, type TargetRecord } from './records/targets.ts';
import {
  readBinding,
  readExchange,
  readExchangeDeleted,
  readNumbers,
  readQueue,
  readQueueDeleted,
} from './records/topology.ts';
import {
  RECORD_BOUND,
  RECORD_DEFERRED,
  RECORD_DELAY_OVER,
  RECORD_DELAYED,
  RECORD_DELAYED_KEYS,
  RECORD_DYING,
  RECORD_ENQUEUED,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_HELD,
  RECORD_IDS_ADMITTED,
  RECORD_LARGE,
  RECORD_NUMBERS,
  RECORD_PASSPORT_EVENTS,
  RECORD_PLACES,
  RECORD_POLICY,
  RECORD_POLICY_CLEARED,
  RECORD_POSITIONS,
  RECORD_PUBLISHERS_ADMITTED,
  RECORD_QUEUE,
  RECORD_QUEUE_DELETED,
  RECORD_RETAINED,
  RECORD_RETAINER,
  RECORD_RETRY,
  RECORD_RETURNED,
  RECORD_SETTLED,
  RECORD_STATE,
  RECORD_STATE_DELETED,
  RECORD_TARGETS,
  RECORD_UNBOUND,
  RECORD_WINDOW_CLEARED,
} from './records/types.ts';
import { readIdsAdmitted, readPublishersAdmitted, readWindow } from './records/windows.ts';

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
  private readonly lists = new Map<number, TargetRecord[]>();
  private readonly view = new MessageView();

  /** Undefined for a record that this version does not know. */
  describe(type: number, seq: number, buffer: Buffer, start: number, end: number): Described | undefined {
    switch (type) {
      case RECORD_MESSAGE:
        return this.message(seq, buffer, start);
      case RECORD_EXTENT:
        return { what: 'extent', seq, bytes: end - start };
      case RECORD_SETTLED: {
        const seqs: number[] = [];
        readSettled(buffer, start, (settled) => seqs.push(settled));
        return { what: 'settled', queues: this.queuesOf(buffer, start), seqs };
      }
      case RECORD_DYING:
        return { ...this.entry('dying', buffer, start), reason: readDeathReason(buffer, start) ?? 'unknown' };
      case RECORD_RETRY:
        return { ...this.entry('retry', buffer, start), dueAt: new Date(readRetryTime(buffer, start)) };
      case RECORD_DEFERRED: {
        const dueAt = new Date(readRetryTime(buffer, start));
        return { ...this.entry('deferred', buffer, start), dueAt, token: readDeferralToken(buffer, start) };
      }
      case RECORD_RETURNED:
        return this.entry('returned', buffer, start);
      case RECORD_ENQUEUED:
        return this.entry('enqueued', buffer, start);
      case RECORD_TARGETS:
        return this.targets(buffer, start);
      case RECORD_POSITIONS: {
        const { replaces, chunk } = readPositions(buffer, start);
        const queues = this.queuesOf(buffer, start);
        return { what: 'positions', queues, replaces, count: chunk?.count ?? 0, first: chunk?.first };
      }
      case RECORD_HELD: {
        let count = 0;
        readHeld(buffer, start, () => count++);
        return { what: 'held', queues: this.queuesOf(buffer, start), count };
      }
      case RECORD_LARGE: {
        const body = readLargeBody(buffer, start);
        return { what: 'large body', seq: body.seq, bytes: body.extents.length };
      }
      case RECORD_RETAINED: {
        const retained = readRetained(buffer, start, end);
        return { what: 'retained', seq: retained.seq, key: retained.key };
      }
      case RECORD_RETAINER: {
        const { seq: whose, retainer } = readRetainer(buffer, start, end);
        return { what: 'retainer', seq: whose, ...retainer };
      }
      case RECORD_DELAYED:
        return delayed(buffer, start);
      case RECORD_DELAY_OVER: {
        const seqs: number[] = [];
        readDelayOver(buffer, start, (over) => seqs.push(over));
        return { what: 'delay over', seqs };
      }
      case RECORD_DELAYED_KEYS:
        return { what: 'delayed keys', ...readDelayedKeys(buffer, start) };
      case RECORD_IDS_ADMITTED: {
        const { entries } = readIdsAdmitted(buffer, start);
        const { id, seq } = entries[0] ?? {};
        return { what: 'ids admitted', ...this.owner(buffer, start), count: entries.length, first: id, seq };
      }
      case RECORD_PUBLISHERS_ADMITTED: {
        const { publishers } = readPublishersAdmitted(buffer, start);
        return { what: 'publishers admitted', ...this.owner(buffer, start), names: publishers.map(({ name }) => name) };
      }
      case RECORD_WINDOW_CLEARED:
        return { what: 'window cleared', ...this.owner(buffer, start) };
      case RECORD_PASSPORT_EVENTS: {
        const { events } = readPassportEvents(buffer, start, end);
        const seqs = [...new Set(events.map((event) => event.seq))];
        return { what: 'passport events', count: events.length, seqs };
      }
      case RECORD_STATE: {
        const { key, value } = readState(buffer, start, end);
        return { what: 'state', key, bytes: value.length };
      }
      case RECORD_STATE_DELETED:
        return { what: 'state deleted', key: readStateDeleted(buffer, start, end) };
      case RECORD_PLACES: {
        const { place, seqs } = readPlaces(buffer, start);
        const queues = this.queuesOf(buffer, start);
        return { what: 'places', queues, ...place, count: seqs.length, first: seqs[0] };
      }
      case RECORD_NUMBERS:
        return { what: 'numbers', ...readNumbers(buffer, start) };
      default:
        return this.topology(type, buffer, start, end);
    }
  }

  private topology(type: number, buffer: Buffer, start: number, end: number): Described | undefined {
    switch (type) {
      case RECORD_EXCHANGE:
        return { what: 'exchange declared', ...readExchange(buffer, start, end) };
      case RECORD_EXCHANGE_DELETED:
        return { what: 'exchange deleted', name: readExchangeDeleted(buffer, start, end) };
      case RECORD_QUEUE: {
        const record = readQueue(buffer, start, end);
        this.queues.set(record.id, record.name);
        return { what: 'queue declared', queues: [record.name], ...record };
      }
      case RECORD_QUEUE_DELETED:
        return { what: 'queue deleted', queues: [this.name(readQueueDeleted(buffer, start))] };
      case RECORD_BOUND:
      case RECORD_UNBOUND: {
        const record = readBinding(buffer, start, end);
        const queues = record.queue === undefined ? {} : { queues: [this.name(record.queue)] };
        return { what: type === RECORD_BOUND ? 'bound' : 'unbound', ...record, ...queues };
      }
      case RECORD_POLICY:
        return { what: 'policy set', ...readPolicy(buffer, start, end) };
      case RECORD_POLICY_CLEARED:
        return { what: 'policy cleared', ...readPolicyCleared(buffer, start, end) };
      default:
        return undefined;
    }
  }

  private entry(what: string, buffer: Buffer, start: number): Described {
    const { queue, seq, flags } = readEntry(buffer, start);
    return { what, queues: [this.name(queue)], seq, flags };
  }

  private message(seq: number, buffer: Buffer, start: number): Described {
    const { view } = this;
    readMessage(buffer, start, view);
    const extents = readExtents(buffer, start);
    const shown = view.body.subarray(view.bodyStart, Math.min(view.bodyEnd, view.bodyStart + PREVIEW_BYTES));
    return {
      what: 'message',
      seq,
      queues: (this.lists.get(targetListOf(buffer, start)) ?? []).map(({ queue }) => this.name(queue)),
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
    const record = readTargets(buffer, start);
    const list = mergeTargets(this.lists.get(record.list), record);
    this.lists.set(record.list, list);
    return { what: 'targets', list: record.list, queues: list.map(({ queue }) => this.name(queue)) };
  }

  /** Whose window a record is about. */
  private owner(buffer: Buffer, start: number): { readonly queues?: readonly string[]; readonly exchange?: string } {
    const { owner } = readWindow(buffer, start);
    return typeof owner === 'number' ? { queues: [this.name(owner)] } : { exchange: owner };
  }

  private queuesOf(buffer: Buffer, start: number): string[] {
    return [this.name(readQueueNumber(buffer, start))];
  }

  private name(id: number): string {
    return this.queues.get(id) ?? `#${id}`;
  }
}

/** Only the first of them is shown, and how many there are. */
function delayed(buffer: Buffer, start: number): Described {
  let count = 0;
  let first = {};
  readDelayed(buffer, start, (seq, due) => {
    if (count++ === 0) first = { first: seq, dueAt: new Date(due) };
  });
  return { what: 'delayed', count, ...first };
}
