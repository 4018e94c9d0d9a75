/**
 * The queues that an adapter keeps for the client itself: nobody asks whether the client may declare or read them by their names,
 * but what they are bound to is asked for, as what the client reads.
 */
import type { BindingInfo } from '../../api/topology.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Topology } from '../../vhost/topology/topology.ts';
import { bindingKey, type Permissions } from './permissions.ts';

/** A queue of others as well, before this client has bound it. */
const UNBOUND = Symbol('unbound');

export class OwnQueues {
  private readonly topology: Topology;
  private readonly permissions: Permissions;
  /**
   * Null: the queue is the client's alone, and read for what it is bound to. A binding: others use it as well, and the client has
   * asked for this. The map is null while there are none.
   */
  private queues: Map<string, BindingInfo | typeof UNBOUND | null> | null = null;

  constructor(topology: Topology, permissions: Permissions) {
    this.topology = topology;
    this.permissions = permissions;
  }

  /** @param shared others use it as well */
  add(name: string, shared: boolean): void {
    this.queues ??= new Map();
    if (!shared) this.queues.set(name, null);
    else if (!this.queues.has(name)) this.queues.set(name, UNBOUND);
  }

  has(name: string): boolean {
    return this.queues?.has(name) === true;
  }

  /** Nobody else uses it. */
  isAlone(name: string): boolean {
    return this.queues?.get(name) === null;
  }

  /** The client has bound a queue. */
  bound(name: string, binding: BindingInfo): void {
    const known = this.queues?.get(name);
    if (known !== undefined && known !== null) this.queues!.set(name, binding);
  }

  *alone(): Iterable<string> {
    if (this.queues !== null) for (const [name, binding] of this.queues) if (binding === null) yield name;
  }

  /** Whether the client may still read one of them; undefined: it is none of them. */
  mayRead(name: string): boolean | undefined {
    const binding = this.queues?.get(name);
    if (binding === undefined) return undefined;
    return binding === null || binding === UNBOUND || this.permitsBinding(binding);
  }

  /** Removes the bindings of a queue that its client may not read any more: a step for each, which is undefined or what is lost. */
  *withdraw(queue: Queue): Generator<BindingInfo | undefined> {
    for (const binding of this.topology.bindingsOf(queue)) {
      if (queue.deleted) return;
      if (this.permitsBinding(binding)) yield undefined;
      else {
        this.topology.unbind(binding.exchange, queue, null, binding.key, binding.options);
        yield binding;
      }
    }
  }

  /** @throws AccessPending: it is not known of one of the bindings whether the client may still read it */
  demandKnown(queue: Queue): void {
    for (const { exchange: name, key, options } of this.topology.bindingsOf(queue)) {
      const exchange = this.topology.exchanges.get(name);
      this.permissions.demandKnown('exchange', name);
      if (exchange !== undefined) this.permissions.demandKnown(exchange, bindingKey(key, options.spelling));
    }
  }

  /** Whether the client may read what a binding brings. */
  permitsBinding({ exchange: name, key, options }: BindingInfo): boolean {
    if (!this.permissions.permits('read', 'exchange', name)) return false;
    const exchange = this.topology.exchanges.get(name);
    return exchange === undefined || this.permissions.permitsTopic('read', exchange, bindingKey(key, options.spelling));
  }
}
