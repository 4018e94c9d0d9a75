/** The bindings of a vhost: made, removed, and written to the journal where both of their ends are durable. */
import type { BindingInfo, BindOptions } from '../../api/topology.ts';
import type { Queue } from '../../queue/queue.ts';
import { Binding, bindingIdentity, type ExchangeRef } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { Router } from '../../routing/router.ts';
import { notDefault, sameData } from './compare.ts';
import { checkBindingRoom, type LimitsInForce } from './limits.ts';
import type { Registry } from './registry.ts';
import type { TopologyJournal } from './topology-journal.ts';

export interface BindingsParts {
  readonly registry: Registry;
  readonly router: Router<Queue>;
  readonly journal: TopologyJournal;
  readonly limits: LimitsInForce;
  /** An auto-delete exchange has lost its last binding. */
  deleteUnbound(exchange: ExchangeRef<Queue>): void;
}

export class Bindings {
  private readonly parts: BindingsParts;
  /** By the queue they lead to. */
  private readonly byQueue = new Map<Queue, Set<Binding<Queue>>>();

  constructor(parts: BindingsParts) {
    this.parts = parts;
  }

  /**
   * Returns true if something durable was written. Binding again what is bound changes its subscription data.
   * @param queue where it leads; or null, and `toExchange` names the exchange
   * @throws BrokerError not-found, access-refused (the default exchange), precondition-failed (a limit)
   */
  bind(sourceName: string, queue: Queue | null, toExchange: string | null, key: string, options: BindOptions): boolean {
    const { registry, router, journal, limits } = this.parts;
    const source = registry.exchange(notDefault(sourceName));
    const exchange = toExchange === null ? null : registry.exchange(notDefault(toExchange));
    source.kind.checkBinding(key, options);
    const known = source.bindings.get(bindingIdentity(queue, exchange, key, options));
    if (known === undefined && queue !== null) {
      const count = this.byQueue.get(queue)?.size ?? 0;
      checkBindingRoom(queue.name, count, limits, registry.vhost);
    }
    const binding = known ?? new Binding(source, queue, exchange, key, options);
    if (known !== undefined) {
      if (sameData(known, options)) return false;
      known.update(options);
    }
    const wrote = isDurable(binding);
    if (wrote) journal.bound(binding);
    if (known === undefined) this.add(binding);
    router.bindingChanged(binding);
    return wrote;
  }

  /** Recovery: one that the log has, and no route knows yet. */
  restore(
    source: Exchange<Queue>,
    queue: Queue | null,
    exchange: Exchange<Queue> | null,
    key: string,
    options: BindOptions,
  ): void {
    this.add(new Binding(source, queue, exchange, key, options));
  }

  private add(binding: Binding<Queue>): void {
    binding.source.add(binding);
    if (binding.queue === null) {
      binding.exchange!.incoming.add(binding);
      return;
    }
    const bindings = this.byQueue.get(binding.queue);
    if (bindings === undefined) this.byQueue.set(binding.queue, new Set([binding]));
    else bindings.add(binding);
  }

  /** Returns true if something durable was written; what is not bound is no error. @throws BrokerError access-refused */
  unbind(
    sourceName: string,
    queue: Queue | null,
    toExchange: string | null,
    key: string,
    options: BindOptions,
  ): boolean {
    const { exchanges } = this.parts.registry;
    const source = exchanges.get(notDefault(sourceName));
    const exchange = toExchange === null ? null : exchanges.get(notDefault(toExchange));
    if (source === undefined || exchange === undefined) return false;
    const binding = source.bindings.get(bindingIdentity(queue, exchange, key, options));
    if (binding === undefined) return false;
    const wrote = isDurable(binding);
    if (wrote) this.parts.journal.unbound(binding);
    this.removeAndTell(binding);
    return wrote;
  }

  /** Removes a binding as `remove` does, from the routes as well. */
  removeAndTell(binding: Binding<Queue>): void {
    this.parts.router.bindingChanged(binding);
    this.remove(binding);
  }

  /** Removes a binding, and its source if that is an auto-delete exchange which has no other. */
  remove(binding: Binding<Queue>): void {
    this.drop(binding);
    const { source } = binding;
    if (source.autoDelete && source.bindings.size === 0 && this.parts.registry.exchanges.get(source.name) === source) {
      this.parts.deleteUnbound(source);
    }
  }

  /** Removes a binding whose source is gone. */
  drop(binding: Binding<Queue>): void {
    binding.source.remove(binding);
    if (binding.queue !== null) this.byQueue.get(binding.queue)?.delete(binding);
    else binding.exchange!.incoming.delete(binding);
  }

  /** Those that lead to this queue, which is gone: they are the caller's to remove. */
  take(queue: Queue): ReadonlySet<Binding<Queue>> | undefined {
    const bindings = this.byQueue.get(queue);
    this.byQueue.delete(queue);
    return bindings;
  }

  /** Those that lead to this queue, sources that are gone among them. */
  leadingTo(queue: Queue): Iterable<Binding<Queue>> {
    return this.byQueue.get(queue) ?? [];
  }

  /** Those that lead to this queue, the default exchange's left out. */
  of(queue: Queue): BindingInfo[] {
    const bindings = [...(this.byQueue.get(queue) ?? [])].filter(({ source }) => !source.deleted);
    return bindings.map((binding) => ({
      exchange: binding.source.name,
      key: binding.key,
      options: binding.options,
    }));
  }

  // -------------------------------------------------------------------------------------------------- checkpoints

  durable(): Binding<Queue>[] {
    const exchanges = [...this.parts.registry.exchanges.values()];
    return exchanges.flatMap((exchange) => [...exchange.bindings.values()].filter(isDurable));
  }

  /** Whether a durable binding that was listed before is still there. */
  has(binding: Binding<Queue>): boolean {
    return (
      isDurable(binding) &&
      binding.source.bindings.get(binding.identity) === binding &&
      this.parts.registry.exchanges.get(binding.source.name) === binding.source
    );
  }
}

function isDurable(binding: Binding<Queue>): boolean {
  if (!binding.source.durable || binding.source.deleted) return false;
  if (binding.queue !== null) {
    return !binding.queue.deleted && binding.queue.durable && !binding.queue.options.exclusive;
  }
  return binding.exchange!.durable && !binding.exchange!.deleted;
}
