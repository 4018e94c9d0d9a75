/**
 * The router: from (exchange, key) to a list of queues, once, kept in the route cache.
 *
 * A compiled route (`route.ts`) stays valid until a binding that matters to it changes; whoever holds one looks at `valid` and asks again.
 * The cache is bounded by its number of targets; when full it starts anew.
 */
import { AddressRoom, type Placed } from '../message/address-bytes.ts';
import { BrokerError } from '../message/errors.ts';
import { DOT, type Spelling } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import { dotted } from '../message/spelling.ts';
import { bytesOf, textOf } from '../message/text.ts';
import type { Binding, ExchangeRef, RouteTarget } from './binding.ts';
import type { Exchange } from './exchange.ts';
import { CompiledRoute } from './route.ts';
import { NO_FLAGS, type OwnFlags, shownOwn } from './target-flags.ts';
import { type RouterTables, walk } from './walk.ts';

/** Bindings changed while the cache is larger than this: it is dropped whole rather than searched. */
const SEARCH_MAX = 4096;
/** Outcomes that a route of which more than the key decides remembers. */
const VARIANTS_MAX = 256;
/** Targets and keys of the cached routes over several keys, together. */
const SEVERAL_TARGETS_MAX = 16_384;

export class Router<Q extends RouteTarget> {
  private readonly tables: RouterTables<Q>;
  private readonly addresses = new AddressRoom();
  private readonly cache = new Map<string, CompiledRoute<Q>>();
  /** Routes over several keys: few, and dropped whole at any change. */
  private readonly several = new Map<string, CompiledRoute<Q>>();
  private severalTargets = 0;
  /** Exchanges that are the alternate of another; null: to be gathered. */
  private alternates: Set<string> | null = null;
  private cachedTargets = 0;
  /** Counts changes of what clients may do. */
  rulesVersion = 0;
  private readonly targetsMax: number;
  private readonly onCompiled: () => void;

  /** @param onCompiled a route was not in the cache, and has been made: nobody knows how long that takes */
  constructor(tables: RouterTables<Q>, targetsMax = 262_144, onCompiled: () => void = () => {}) {
    this.tables = tables;
    this.onCompiled = onCompiled;
    this.targetsMax = targetsMax;
  }

  get size(): number {
    return this.cache.size;
  }

  /** @throws BrokerError not-found for an exchange that does not exist. The default exchange ('') always does. */
  route(
    exchangeName: string,
    spelling: Spelling,
    keyBytes: Buffer,
    start: number,
    end: number,
    vhost: string,
  ): CompiledRoute<Q> {
    // The name of a queue is no key: it is not respelled.
    const spelled = exchangeName === '' ? DOT : spelling;
    const cacheKey = `${spelled}${exchangeName.length}:${exchangeName}${keyBytes.latin1Slice(start, end)}`;
    const cached = this.cache.get(cacheKey);
    if (cached !== undefined) return cached;
    const exchange = this.exchange(exchangeName, vhost);
    const key = dotted(textOf(keyBytes, start, end), spelled);
    const address = this.addresses.place(exchangeName, keyBytes, start, end);
    const route = this.compile(exchange, address, key, spelled, null);
    const cost = route.targets.length + 1;
    if (this.cachedTargets + cost > this.targetsMax) this.clear();
    this.cache.set(cacheKey, route);
    this.cachedTargets += cost;
    return route;
  }

  /** One route over several keys, the first of which is the message's address. @throws as `route` does */
  routeAll(exchangeName: string, spelling: Spelling, keys: readonly string[], vhost: string): CompiledRoute<Q> {
    const spelled = exchangeName === '' ? DOT : spelling;
    const cacheKey = `${spelled}${[exchangeName, ...keys].map((part) => `${part.length}:${part}`).join('')}`;
    const cached = this.several.get(cacheKey);
    if (cached !== undefined) return cached;
    const first = keys[0]!;
    const bytes = bytesOf(first);
    const exchange = this.exchange(exchangeName, vhost);
    const address = this.addresses.place(exchangeName, bytes, 0, bytes.length);
    const route = this.compile(exchange, address, dotted(first, spelled), spelled, [...keys]);
    const cost = route.targets.length + keys.length;
    if (this.severalTargets + cost > SEVERAL_TARGETS_MAX) this.clearSeveral();
    this.several.set(cacheKey, route);
    this.severalTargets += cost;
    return route;
  }

  private exchange(name: string, vhost: string): Exchange<Q> | null {
    const exchange = name === '' ? null : this.tables.exchanges.get(name);
    if (exchange === undefined) throw new BrokerError('not-found', `no exchange '${name}' in vhost '${vhost}'`);
    return exchange;
  }

  /**
   * Where one message goes, if more than its key decides. Valid until the end of this call stack.
   * @param closed exchanges that have let it through before, and do not again
   */
  resolve(
    route: CompiledRoute<Q>,
    properties: Properties,
    closed: readonly ExchangeRef<Q>[] | null = null,
  ): CompiledRoute<Q> {
    const { exchange, key, spelling, keys } = route;
    const found = new Map<Q, number>();
    const own: OwnFlags<Q> = new Map();
    const windowed: ExchangeRef<Q>[] = [];
    const withheld: ExchangeRef<Q>[] = [];
    walk(
      this.tables,
      exchange,
      key,
      dottedAll(keys, spelling),
      properties,
      found,
      own,
      null,
      windowed,
      closed,
      withheld,
    );
    let signature = withheld.length > 0 ? '$' : '';
    for (const { name } of windowed) signature += `${name.length}:${name} `;
    for (const [queue, flags] of found) signature += `${queue.id}:${flags} `;
    for (const [queue, flags] of own) signature += `${queue.id}=${flags} `;
    route.variants ??= new Map();
    const known = route.variants.get(signature);
    if (known !== undefined) return known;
    if (route.variants.size >= VARIANTS_MAX) route.variants.clear();
    const variant = new CompiledRoute(
      exchange,
      route,
      key,
      spelling,
      false,
      [...found.keys()],
      [...found.values()],
      keys,
      own,
      windowed,
      withheld.length > 0,
    );
    route.variants.set(signature, variant);
    return variant;
  }

  /** The route for what `origin` publishes, who may own several of its queues. Valid as long as `route` is. */
  withoutOwn(route: CompiledRoute<Q>, origin: string): CompiledRoute<Q> {
    const gone: Q[] = [];
    const changed: OwnFlags<Q> = new Map();
    for (const [queue, flags] of route.own!) {
      if (queue.origin !== origin) continue;
      if (flags === NO_FLAGS) gone.push(queue);
      else changed.set(queue, shownOwn(flags));
    }
    return gone.length === 0 && changed.size === 0 ? route : this.without(route, gone, changed);
  }

  /** The route past some of its targets, and with other flags for others. Valid as long as `route` is. */
  without(route: CompiledRoute<Q>, gone: readonly Q[], changed: OwnFlags<Q> = new Map()): CompiledRoute<Q> {
    let signature = `-${gone.map((queue) => queue.id).join('-')}`;
    for (const queue of changed.keys()) signature += `=${queue.id}`;
    route.variants ??= new Map();
    const known = route.variants.get(signature);
    if (known !== undefined) return known;
    if (route.variants.size >= VARIANTS_MAX) route.variants.clear();
    const { exchange, key, spelling, keys, targets, targetFlags, windowed, withheld } = route;
    const others = targets.filter((queue) => !gone.includes(queue));
    const otherFlags = targetFlags
      .map((flags, i) => changed.get(targets[i]!) ?? flags)
      .filter((_, i) => !gone.includes(targets[i]!));
    const variant = new CompiledRoute(
      exchange,
      route,
      key,
      spelling,
      false,
      others,
      otherFlags,
      keys,
      null,
      windowed,
      withheld,
    );
    route.variants.set(signature, variant);
    return variant;
  }

  /** The same address, leading nowhere: its exchange is gone. */
  resolveNowhere(route: CompiledRoute<Q>): CompiledRoute<Q> {
    const { exchange, key, spelling, keys } = route;
    return new CompiledRoute<Q>(exchange, route, key, spelling, false, [], [], keys);
  }

  private compile(
    exchange: Exchange<Q> | null,
    address: Placed,
    key: string,
    spelling: Spelling,
    keys: readonly string[] | null,
  ): CompiledRoute<Q> {
    const found = new Map<Q, number>();
    const own: OwnFlags<Q> = new Map();
    const windowed: ExchangeRef<Q>[] = [];
    const dotted = dottedAll(keys, spelling);
    const withheld: ExchangeRef<Q>[] = [];
    const perMessage = walk(this.tables, exchange, key, dotted, undefined, found, own, null, windowed, null, withheld);
    this.onCompiled();
    const targets = perMessage ? [] : [...found.keys()];
    const targetFlags = perMessage ? [] : [...found.values()];
    return new CompiledRoute(
      exchange,
      address,
      key,
      spelling,
      perMessage,
      targets,
      targetFlags,
      keys,
      perMessage ? null : own,
      perMessage ? [] : windowed,
      withheld.length > 0,
    );
  }

  /**
   * A binding was added or removed: routes that it matters to become invalid. From an exchange that others lead to, anything
   * may come; from another one only routes that begin there.
   */
  bindingChanged(binding: Binding<Q>): void {
    this.clearSeveral();
    const source = binding.source;
    if (source.incoming.size > 0 || this.isAlternate(source.name) || this.cache.size > SEARCH_MAX) {
      this.clear();
      return;
    }
    for (const [cacheKey, route] of this.cache) {
      if (route.exchange === source && source.kind.concerns(binding, route)) {
        this.evict(cacheKey, route);
      }
    }
  }

  /** Many bindings are about to go. */
  bindingsChanged(): void {
    this.clear();
  }

  /** Who may publish where has changed: whoever holds a route is to ask again. */
  rulesChanged(): void {
    this.rulesVersion++;
    this.clear();
  }

  /** An exchange came or went, or has another alternate; something has got or lost its window. */
  exchangesChanged(): void {
    this.alternates = null;
    this.clear();
  }

  private isAlternate(name: string): boolean {
    if (this.alternates === null) {
      this.alternates = new Set();
      for (const { alternate } of this.tables.exchanges.values())
        if (alternate !== null) this.alternates.add(alternate);
    }
    return this.alternates.has(name);
  }

  /** A queue came or went: the default exchange leads to it under its name. */
  queueChanged(name: string): void {
    this.clearSeveral();
    if (this.isAlternate('')) {
      this.clear();
      return;
    }
    const key = Buffer.from(name, 'utf8').latin1Slice();
    const cacheKey = `${DOT}0:${key}`;
    const route = this.cache.get(cacheKey);
    if (route !== undefined) this.evict(cacheKey, route);
  }

  private clear(): void {
    this.clearSeveral();
    for (const route of this.cache.values()) route.valid = false;
    this.cache.clear();
    this.cachedTargets = 0;
  }

  private clearSeveral(): void {
    if (this.several.size === 0) return;
    for (const route of this.several.values()) route.valid = false;
    this.several.clear();
    this.severalTargets = 0;
  }

  private evict(cacheKey: string, route: CompiledRoute<Q>): void {
    route.valid = false;
    this.cache.delete(cacheKey);
    this.cachedTargets -= route.targets.length + 1;
  }
}

function dottedAll(keys: readonly string[] | null, spelling: Spelling): readonly string[] | null {
  return keys === null || spelling === DOT ? keys : keys.map((key) => dotted(key, spelling));
}
