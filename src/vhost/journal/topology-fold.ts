/** The part of the fold that is about exchanges, queues, bindings and policies. */
import { recoverArguments } from '../../queue/limits/arguments.ts';
import { Queue } from '../../queue/queue.ts';
import type { QueueOwner } from '../../queue/queue-services.ts';
import type { Topology } from '../topology/topology.ts';
import { readPolicy, readPolicyCleared } from './records/policies.ts';
import {
  type BindingRecord,
  type QueueRecord,
  readBinding,
  readExchange,
  readExchangeDeleted,
  readQueue,
  readQueueDeleted,
} from './records/topology.ts';
import {
  RECORD_BOUND,
  RECORD_EXCHANGE,
  RECORD_EXCHANGE_DELETED,
  RECORD_POLICY,
  RECORD_POLICY_CLEARED,
  RECORD_QUEUE,
  RECORD_QUEUE_DELETED,
  RECORD_UNBOUND,
} from './records/types.ts';

export class TopologyFold {
  private readonly owner: QueueOwner;
  private readonly topology: Topology;

  constructor(owner: QueueOwner, topology: Topology) {
    this.owner = owner;
    this.topology = topology;
  }

  replay(type: number, buffer: Buffer, start: number, end: number): void {
    const { topology } = this;
    switch (type) {
      case RECORD_EXCHANGE: {
        const { name, type: kind, ...options } = readExchange(buffer, start, end);
        if (!topology.exchanges.has(name)) topology.declareExchange(name, kind, options);
        return;
      }
      case RECORD_EXCHANGE_DELETED: {
        const name = readExchangeDeleted(buffer, start, end);
        if (topology.exchanges.has(name)) topology.deleteExchange(name, false);
        return;
      }
      case RECORD_QUEUE:
        this.declareQueue(readQueue(buffer, start, end));
        return;
      case RECORD_QUEUE_DELETED: {
        const queue = topology.queuesById.get(readQueueDeleted(buffer, start));
        if (queue === undefined) return;
        queue.discard(); // nothing of it has been counted yet
        topology.deleteQueue(queue);
        return;
      }
      case RECORD_BOUND:
        this.bindOrUnbind(readBinding(buffer, start, end), true);
        return;
      case RECORD_UNBOUND:
        this.bindOrUnbind(readBinding(buffer, start, end), false);
        return;
      case RECORD_POLICY:
        topology.policies.set(readPolicy(buffer, start, end));
        return;
      case RECORD_POLICY_CLEARED: {
        const { kind, name } = readPolicyCleared(buffer, start, end);
        topology.policies.clear(kind, name);
        return;
      }
      default: // a record that only a newer version writes: the log's version check refuses those before
    }
  }

  private declareQueue({ id, name, mayExpire, grouped, ...rest }: QueueRecord): void {
    const { topology } = this;
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
  }

  private bindOrUnbind(record: BindingRecord, bound: boolean): void {
    const { topology } = this;
    const { source, exchange = null, key, options } = record;
    const queue = record.queue === undefined ? null : topology.queuesById.get(record.queue);
    if (queue === undefined || !topology.exchanges.has(source)) return;
    if (exchange !== null && !topology.exchanges.has(exchange)) return;
    if (bound) topology.bind(source, queue, exchange, key, options);
    else topology.unbind(source, queue, exchange, key, options);
  }
}
