/**
 * Appends what happens to a vhost to its log, as records whose formats are in `records/`. It adds what only a writer knows:
 * which list of targets has which number, and how much has been appended.
 */
import type { Policy, PolicyKind } from '../../api/policies.ts';
import type { AdmittedId, PublisherEntry } from '../../deduplication/window.ts';
import type { Log } from '../../log/log.ts';
import type { DeathReason } from '../../message/deaths/deaths.ts';
import type { Retainer } from '../../message/message.ts';
import type { Extents } from '../../message/storage.ts';
import type { Queue } from '../../queue/queue.ts';
import type { RetainedMessage } from '../../queue/store/retained-index.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { PassportEvent } from '../passports/events.ts';
import { writePlaced } from './placed.ts';
import { writeQueueContents } from './queue-contents.ts';
import {
  type DelayedRecord,
  writeDelayed,
  writeDelayedKeys,
  writeDelayedMany,
  writeDelayOver,
} from './records/delays.ts';
import {
  writeDeferred,
  writeDying,
  writeEnqueued,
  writeRetry,
  writeReturned,
  writeSettled,
} from './records/entries.ts';
import { writeLargeBody } from './records/large-bodies.ts';
import { type CheckpointPart, writePassportEvents } from './records/passports.ts';
import { writePolicy, writePolicyCleared } from './records/policies.ts';
import type { RecordOutput } from './records/record-output.ts';
import { writeRetained } from './records/retained.ts';
import { writeRetainer } from './records/retainers.ts';
import { writeState, writeStateDeleted } from './records/state.ts';
import { type TargetRecord, writeTargets } from './records/targets.ts';
import {
  type BindingRecord,
  writeBound,
  writeExchange,
  writeExchangeDeleted,
  writeNumbers,
  writeQueue,
  writeQueueDeleted,
  writeUnbound,
} from './records/topology.ts';
import {
  type WindowOwner,
  writeIdAdmitted,
  writeIdsAdmitted,
  writePublishersAdmitted,
  writeWindowCleared,
} from './records/windows.ts';

export class Journal implements RecordOutput {
  private readonly log: Log;
  private nextList: number;
  /** Payload bytes appended so far, to cut long work by. */
  appendedBytes = 0;

  /** @param nextList the number that the next list of targets gets */
  constructor(log: Log, nextList: number) {
    this.log = log;
    this.nextList = nextList;
  }

  // ---------------------------------------------------------------------------------------------------- topology

  exchange(exchange: Exchange<Queue>): void {
    writeExchange(this, exchange);
  }

  exchangeDeleted(name: string): void {
    writeExchangeDeleted(this, name);
  }

  queue(queue: Queue): void {
    const { id, name, options, mayExpire, grouped } = queue;
    const order = queue.settings.order ?? undefined;
    writeQueue(this, { ...options, id, name, mayExpire, grouped, ...(order !== undefined && { order }) });
  }

  queueDeleted(queue: Queue): void {
    writeQueueDeleted(this, queue.id);
  }

  bound(binding: Binding<Queue>): void {
    writeBound(this, bindingRecord(binding));
  }

  unbound(binding: Binding<Queue>): void {
    writeUnbound(this, bindingRecord(binding));
  }

  policy(policy: Required<Policy>): void {
    writePolicy(this, policy);
  }

  policyCleared(kind: PolicyKind, name: string): void {
    writePolicyCleared(this, { kind, name });
  }

  /** @param nextQueue the number that the next queue gets */
  numbers(nextQueue: number): void {
    writeNumbers(this, { nextQueue, nextList: this.nextList });
  }

  // ---------------------------------------------------------------------------------------------------- messages

  /**
   * The number of the route's list of durable targets, written first if this segment does not have it yet: a checkpoint begins
   * a segment, and a list that is spoiled takes no more messages with it than those of its segment.
   */
  targetList(route: CompiledRoute<Queue>): number {
    if (route.listSegment === this.log.segmentNumber) return route.listId;
    if (route.listId === 0) route.listId = this.nextList++;
    this.writeTargetList(route);
    return route.listId;
  }

  private writeTargetList(route: CompiledRoute<Queue>): void {
    const { targets, targetFlags, durableTargets } = route;
    route.listSegment = this.log.segmentNumber;
    writeTargets(
      this,
      route.listId,
      durableTargets.map((at): TargetRecord => ({ queue: targets[at]!.id, flags: targetFlags[at]! })),
    );
  }

  settled(queue: Queue, seqs: Float64Array, count: number): void {
    writeSettled(this, queue.id, seqs, count);
  }

  /** Messages that were stored without a list of targets are this queue's from now on; see `writePlaced`. */
  placed(queue: Queue, runs: readonly number[], last: boolean): void {
    writePlaced(this, queue, runs, last);
  }

  returned(queue: Queue, seq: number, flags: number): void {
    writeReturned(this, queue.id, seq, flags);
  }

  /** @param dueMs epoch milliseconds */
  retry(queue: Queue, seq: number, flags: number, dueMs: number): void {
    writeRetry(this, queue.id, seq, flags, dueMs);
  }

  /** @param dueMs epoch milliseconds */
  deferred(queue: Queue, seq: number, flags: number, dueMs: number, token: string): void {
    writeDeferred(this, queue.id, seq, flags, dueMs, token);
  }

  dying(queue: Queue, seq: number, flags: number, reason: DeathReason): void {
    writeDying(this, queue.id, seq, flags, reason);
  }

  enqueued(queue: Queue, seq: number, flags: number): void {
    writeEnqueued(this, queue.id, seq, flags);
  }

  retained(message: RetainedMessage): void {
    writeRetained(this, message);
  }

  retainer(seq: number, retainer: Retainer): void {
    writeRetainer(this, { seq, retainer });
  }

  largeBody(seq: number, extents: Extents): void {
    writeLargeBody(this, { seq, extents });
  }

  /** @param due epoch milliseconds */
  delayed(seq: number, due: number, flags: number): void {
    writeDelayed(this, seq, due, flags);
  }

  delayedMany(messages: readonly DelayedRecord[]): void {
    writeDelayedMany(this, messages);
  }

  delayOver(seqs: readonly number[]): void {
    writeDelayOver(this, seqs);
  }

  delayedKeys(seq: number, keys: readonly string[]): void {
    writeDelayedKeys(this, { seq, keys });
  }

  /** @param size ids that the window keeps at most */
  idAdmitted(owner: WindowOwner, size: number, admitted: AdmittedId): void {
    writeIdAdmitted(this, owner, size, admitted);
  }

  /** The same of many. */
  idsAdmitted(owner: WindowOwner, size: number, entries: readonly AdmittedId[]): void {
    writeIdsAdmitted(this, { owner, size, entries });
  }

  publishersAdmitted(owner: WindowOwner, size: number, publishers: readonly PublisherEntry[]): void {
    writePublishersAdmitted(this, { owner, size, publishers });
  }

  windowCleared(owner: WindowOwner): void {
    writeWindowCleared(this, owner);
  }

  /** @param part of a checkpoint's; null: of none */
  passportEvents(events: readonly PassportEvent[], part: CheckpointPart | null): void {
    writePassportEvents(this, events, part);
  }

  /** What a queue holds, as of now. */
  contents(queue: Queue): void {
    writeQueueContents(this, queue);
  }

  // ------------------------------------------------------------------------------------------------------- state

  statePut(key: string, value: Buffer): void {
    writeState(this, { key, value });
  }

  stateDeleted(key: string): void {
    writeStateDeleted(this, key);
  }

  // ------------------------------------------------------------------------------------------------ record output

  get buffer(): Buffer {
    return this.log.buffer;
  }

  get recordBytesMax(): number {
    return this.log.recordBytesMax;
  }

  append(type: number, payloadBytes: number): number {
    this.appendedBytes += payloadBytes;
    return this.log.append(type, payloadBytes);
  }
}

function bindingRecord(binding: Binding<Queue>): BindingRecord {
  const destination = binding.queue !== null ? { queue: binding.queue.id } : { exchange: binding.exchange!.name };
  return { source: binding.source.name, ...destination, key: binding.key, options: binding.options };
}
