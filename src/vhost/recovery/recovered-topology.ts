/**
 * The recovered topology: exchanges, queues, bindings and policies, as the log says, before there is anything that routes.
 * An exchange that goes by itself with its last binding goes here as well, though its own record may have been lost.
 */
import type { Policy, PolicyKind } from '../../api/policies.ts';
import { PositionArena } from '../../queue/positions/position-arena.ts';
import { bindingIdentity } from '../../routing/binding.ts';
import { readPolicy, readPolicyCleared } from '../journal/records/policies.ts';
import {
  type BindingRecord,
  type ExchangeRecord,
  type QueueRecord,
  readBinding,
  readExchange,
  readExchangeDeleted,
  readQueue,
  readQueueDeleted,
} from '../journal/records/topology.ts';
import {
  RECORD_BOUND,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_IDS_ADMITTED,
  RECORD_POLICY,
  RECORD_POLICY_CLEARED,
  RECORD_PUBLISHERS_ADMITTED,
  RECORD_QUEUE,
  RECORD_QUEUE_DELETED,
  RECORD_UNBOUND,
  RECORD_WINDOW_CLEARED,
} from '../journal/records/types.ts';
import { readIdsAdmitted, readPublishersAdmitted, readWindow, type WindowOwner } from '../journal/records/windows.ts';
import { PREDECLARED } from '../topology/predeclared.ts';
import { RecoveredQueue } from './recovered-queue.ts';
import { RecoveredWindow } from './recovered-window.ts';

export interface RecoveredExchange extends ExchangeRecord {
  /** By identity, in the order they were made. */
  readonly bindings: Map<string, RecoveredBinding>;
  readonly incoming: Set<RecoveredBinding>;
  /** Null: it has let nothing through that it is to know again. */
  window: RecoveredWindow | null;
}

export interface RecoveredBinding {
  readonly identity: string;
  readonly source: RecoveredExchange;
  /** Exactly one of the two is set. */
  readonly queue: RecoveredQueue | null;
  readonly exchange: RecoveredExchange | null;
  /** The last that it was bound with. */
  record: BindingRecord;
}

export class RecoveredTopology {
  /** In the order they were declared, those that are always there first. */
  readonly exchanges = new Map<string, RecoveredExchange>();
  readonly queues = new Map<number, RecoveredQueue>();
  /** By kind and name. */
  readonly policies = new Map<string, Required<Policy>>();
  /** The number that the next queue gets. */
  nextQueue = 1;
  private readonly vhost: string;
  private readonly arena = new PositionArena();
  private readonly bindingsByQueue = new Map<RecoveredQueue, Set<RecoveredBinding>>();

  constructor(vhost: string) {
    this.vhost = vhost;
    for (const record of PREDECLARED) this.declareExchange(record);
  }

  replay(type: number, buffer: Buffer, start: number, end: number): void {
    switch (type) {
      case RECORD_EXCHANGE:
        this.declareExchange(readExchange(buffer, start, end));
        return;
      case RECORD_EXCHANGE_DELETED:
        this.deleteExchange(readExchangeDeleted(buffer, start, end));
        return;
      case RECORD_QUEUE:
        this.declareQueue(readQueue(buffer, start, end));
        return;
      case RECORD_QUEUE_DELETED:
        this.deleteQueue(readQueueDeleted(buffer, start));
        return;
      case RECORD_BOUND:
        this.bind(readBinding(buffer, start, end));
        return;
      case RECORD_UNBOUND:
        this.unbind(readBinding(buffer, start, end));
        return;
      case RECORD_POLICY: {
        const policy = readPolicy(buffer, start, end);
        this.policies.set(policyKey(policy.kind, policy.name), policy);
        return;
      }
      case RECORD_POLICY_CLEARED: {
        const { kind, name } = readPolicyCleared(buffer, start, end);
        this.policies.delete(policyKey(kind, name));
        return;
      }
      case RECORD_IDS_ADMITTED: {
        const { owner, size, entries } = readIdsAdmitted(buffer, start);
        this.window(owner)?.admitted(entries, size);
        return;
      }
      case RECORD_PUBLISHERS_ADMITTED: {
        const { owner, publishers } = readPublishersAdmitted(buffer, start);
        this.window(owner)?.publishersAdmitted(publishers);
        return;
      }
      case RECORD_WINDOW_CLEARED:
        this.window(readWindow(buffer, start).owner)?.clear();
        return;
      default: // a record that only a newer version writes: the log's version check refuses those before
    }
  }

  /** Undefined where whose it is is not known (any more, or yet). */
  private window(owner: WindowOwner): RecoveredWindow | undefined {
    if (typeof owner === 'number') return this.queues.get(owner)?.madeWindow;
    const exchange = this.exchanges.get(owner);
    if (exchange !== undefined) exchange.window ??= new RecoveredWindow();
    return exchange?.window ?? undefined;
  }

  /** The number of no queue yet is at least this. */
  expectQueue(next: number): void {
    this.nextQueue = Math.max(this.nextQueue, next);
  }

  private declareExchange(record: ExchangeRecord): void {
    if (this.exchanges.has(record.name)) return;
    this.exchanges.set(record.name, { ...record, bindings: new Map(), incoming: new Set(), window: null });
  }

  private deleteExchange(name: string): void {
    const exchange = this.exchanges.get(name);
    if (exchange === undefined) return;
    this.exchanges.delete(name);
    for (const binding of exchange.bindings.values()) this.drop(binding);
    for (const binding of exchange.incoming) this.dropAndPrune(binding);
  }

  private declareQueue(record: QueueRecord): void {
    this.expectQueue(record.id + 1);
    let queue = this.queues.get(record.id);
    if (queue === undefined) {
      queue = new RecoveredQueue(record, this.vhost, this.arena);
      this.queues.set(record.id, queue);
    }
    if (record.mayExpire === true) queue.expectExpiry();
    if (record.grouped === true) queue.expectGroups();
    queue.keepOrder(record.order ?? null);
  }

  private deleteQueue(id: number): void {
    const queue = this.queues.get(id);
    if (queue === undefined) return;
    queue.clear();
    this.queues.delete(id);
    const bindings = this.bindingsByQueue.get(queue);
    this.bindingsByQueue.delete(queue);
    if (bindings !== undefined) for (const binding of bindings) this.dropAndPrune(binding);
  }

  // ---------------------------------------------------------------------------------------------------- bindings

  private bind(record: BindingRecord): void {
    const binding = this.bindingOf(record);
    if (binding === undefined) return;
    const { identity, source, queue, exchange } = binding;
    const known = source.bindings.get(identity);
    if (known !== undefined) {
      known.record = record; // bound again: its subscription data differ
      return;
    }
    source.bindings.set(identity, binding);
    if (queue === null) {
      exchange!.incoming.add(binding);
      return;
    }
    const bindings = this.bindingsByQueue.get(queue);
    if (bindings === undefined) this.bindingsByQueue.set(queue, new Set([binding]));
    else bindings.add(binding);
  }

  private unbind(record: BindingRecord): void {
    const binding = this.bindingOf(record);
    const known = binding?.source.bindings.get(binding.identity);
    if (known !== undefined) this.dropAndPrune(known);
  }

  /** Undefined where an end of it is not known (any more, or yet). */
  private bindingOf(record: BindingRecord): RecoveredBinding | undefined {
    const source = this.exchanges.get(record.source);
    const queue = record.queue === undefined ? null : this.queues.get(record.queue);
    const exchange = record.exchange === undefined ? null : this.exchanges.get(record.exchange);
    if (source === undefined || queue === undefined || exchange === undefined) return undefined;
    return { identity: bindingIdentity(queue, exchange, record.key, record.options), source, queue, exchange, record };
  }

  private drop(binding: RecoveredBinding): void {
    binding.source.bindings.delete(binding.identity);
    if (binding.queue !== null) this.bindingsByQueue.get(binding.queue)?.delete(binding);
    else binding.exchange!.incoming.delete(binding);
  }

  private dropAndPrune(binding: RecoveredBinding): void {
    this.drop(binding);
    const { source } = binding;
    if (source.autoDelete && source.bindings.size === 0 && this.exchanges.get(source.name) === source) {
      this.deleteExchange(source.name);
    }
  }
}

function policyKey(kind: PolicyKind, name: string): string {
  return `${kind}\0${name}`;
}
