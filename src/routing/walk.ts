/** The walk: follows bindings from where a message was published to the queues that get it. */
import { EXACTLY_ONCE } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { Binding, ExchangeRef, RouteTarget } from './binding.ts';
import type { Exchange } from './exchange.ts';
import { bindingFlags, NO_FLAGS, type OwnFlags, widen } from './target-flags.ts';

export interface RouterTables<Q extends RouteTarget> {
  readonly exchanges: ReadonlyMap<string, Exchange<Q>>;
  readonly queues: ReadonlyMap<string, Q>;
  /** Whether a key there is the broker's own: nothing comes to it from another exchange. Left out: none is. @param key dotted */
  reserves?(exchange: string, key: string): boolean;
}

/** Hears how a walk goes, for who explains it. */
export interface WalkTrace<Q extends RouteTarget> {
  taken(at: ExchangeRef<Q>, binding: Binding<Q>): void;
  /** Nothing was taken there, and it has an alternate. */
  alternate(at: ExchangeRef<Q>): void;
  /** It may not go on from there with this key. */
  reserved(at: ExchangeRef<Q>, key: string): void;
}

/**
 * Follows every binding from an exchange on, each exchange once. `found` gets each queue with its flags, `own` those that do not
 * want all of what their owner publishes, `windowed` the exchanges that have a window. Keys are dotted.
 * @param closed exchanges that have let this message through before, and do not again
 * @param withheld gets the exchanges that it was to come to from others, and may not with this key
 * @returns whether some exchange on the way needs more than the key, and was not given it
 */
export function walk<Q extends RouteTarget>(
  tables: RouterTables<Q>,
  exchange: Exchange<Q> | null,
  key: string,
  keys: readonly string[] | null,
  properties: Properties | undefined,
  found: Map<Q, number>,
  own: OwnFlags<Q>,
  trace: WalkTrace<Q> | null = null,
  windowed: ExchangeRef<Q>[] = [],
  closed: readonly ExchangeRef<Q>[] | null = null,
  withheld: ExchangeRef<Q>[] = [],
): boolean {
  let perMessage = false;
  const all = keys ?? [key];
  const toNamedQueues = (): void => {
    for (const one of all) {
      const queue = tables.queues.get(one);
      if (queue !== undefined && !found.has(queue)) found.set(queue, EXACTLY_ONCE);
    }
  };
  /** Who publishes there himself has been asked; here it comes by way of another exchange, from whoever may publish to that. */
  const permitted = (at: ExchangeRef<Q>): readonly string[] => {
    const isReserved = (one: string): boolean => tables.reserves?.(at.name, one) === true;
    if (!all.some(isReserved)) return all;
    withheld.push(at);
    if (trace !== null) for (const one of all.filter(isReserved)) trace.reserved(at, one);
    return all.filter((one) => !isReserved(one));
  };
  const seen = new Set<ExchangeRef<Q>>();
  const visit = (at: ExchangeRef<Q>): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const keysHere = at === exchange ? all : permitted(at);
    if (keysHere.length === 0) return;
    if (at.window !== null) {
      if (closed?.includes(at) === true) return;
      windowed.push(at);
    }
    if (at.kind.perMessage && properties === undefined) perMessage = true;
    let taken = false;
    const take = (binding: Binding<Q>): void => {
      if (binding.queue?.deleted === true || binding.exchange?.deleted === true) return;
      taken = true;
      trace?.taken(at, binding);
      const { queue } = binding;
      if (queue === null) {
        visit(binding.exchange!);
        return;
      }
      const asked = bindingFlags(binding);
      const flags = found.get(queue);
      if (binding.notOwn) {
        if (!own.has(queue)) own.set(queue, flags ?? NO_FLAGS);
      } else if (own.size > 0) {
        const ownFlags = own.get(queue);
        if (ownFlags !== undefined) own.set(queue, ownFlags === NO_FLAGS ? asked : widen(ownFlags, asked));
      }
      found.set(queue, flags === undefined ? asked : widen(flags, asked));
    };
    const { kind } = at;
    if (kind.choosesOne) kind.match(key, properties, take);
    else for (const one of keysHere) kind.match(one, properties, take);
    if (taken || at.alternate === null) return;
    trace?.alternate(at);
    if (at.alternate === '') toNamedQueues();
    else {
      const alternate = tables.exchanges.get(at.alternate);
      if (alternate !== undefined) visit(alternate);
    }
  };
  if (exchange === null) toNamedQueues();
  else visit(exchange);
  return perMessage;
}
