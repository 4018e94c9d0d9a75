/**
 * From (exchange, key) to a list of queues, once: the route cache.
 *
 * A compiled route lists each queue once, whatever the number of bindings that lead to it, with the widest of what they
 * ask for. It stays valid until a binding that matters to it changes; whoever holds one looks at `valid` and asks again.
 * The cache is bounded by its number of targets; when full it starts anew.
 */
import { DATA_SEVERAL, type Route } from '../api.ts';
import { type AddressBytes, AddressRoom } from '../message/address-bytes.ts';
import { BrokerError } from '../message/errors.ts';
import { type Assurance, EXACTLY_ONCE, type Spelling } from '../message/message.ts';
import type { Properties } from '../message/properties.ts';
import type { Binding, RouteTarget } from './binding.ts';
import type { Exchange } from './exchange.ts';

/** A target's word: what its bindings ask for. Bits 0-1 assurance, bit 2 keep the retain flag, bits 5-18 data. */
export const KEEP_RETAIN = 0b100;
export const DATA_SHIFT = 5;
/** While a route is put together only: not what the queue's owner publishes itself. */
const NOT_OWN = 0b1000;

export class CompiledRoute<Q extends RouteTarget> implements Route, AddressBytes {
  // What each publish looks at comes first, so that it lies together.
  valid = true;
  /** True when more than the key decides: then `targets` is empty and each message is resolved on its own. */
  readonly perMessage: boolean;
  /** Targets that do not want what their owner publishes itself; nearly always null. */
  readonly notOwn: Q[] | null;
  /** The target and its word, if there is just one: nearly always, and then without a walk through two arrays. */
  readonly only: Q | null;
  readonly onlyWord: number;
  /** The list of durable targets has this number in the log's segment `listSegment`; see the journal. */
  listId = 0;
  listSegment = -1;
  readonly bytes: Buffer;
  readonly start: number;
  readonly keyStart: number;
  readonly end: number;

  readonly exchange: Exchange<Q> | null;
  readonly key: string;
  /** All keys, if there are several: then `key` is the first. */
  readonly keys: readonly string[] | null;
  readonly spelling: Spelling;
  /** What its messages were resolved to, by targets and words: the same few again and again. */
  variants: Map<string, CompiledRoute<Q>> | null = null;
  readonly targets: Q[];
  readonly words: number[];
  /** Which of the targets are durable, by index. */
  readonly durableTargets: number[];

  constructor(
    exchange: Exchange<Q> | null,
    address: AddressBytes,
    key: string,
    spelling: Spelling,
    perMessage: boolean,
    targets: Q[],
    words: number[],
    keys: readonly string[] | null = null,
  ) {
    let notOwn: Q[] | null = null;
    for (let i = 0; i < words.length; i++) {
      if ((words[i]! & NOT_OWN) === 0) continue;
      words[i]! &= ~NOT_OWN;
      notOwn ??= [];
      notOwn.push(targets[i]!);
    }
    this.perMessage = perMessage;
    this.notOwn = notOwn;
    this.only = targets.length === 1 ? targets[0]! : null;
    this.onlyWord = this.only === null ? 0 : words[0]!;
    this.bytes = address.bytes;
    this.start = address.start;
    this.keyStart = address.keyStart;
    this.end = address.end;
    this.exchange = exchange;
    this.key = key;
    this.keys = keys;
    this.spelling = spelling;
    this.targets = targets;
    this.words = words;
    this.durableTargets = [];
    for (let i = 0; i < targets.length; i++) if (targets[i]!.durable) this.durableTargets.push(i);
  }

  get exchangeBytes(): Buffer {
    return this.bytes.subarray(this.start, this.keyStart);
  }

  get keyBytes(): Buffer {
    return this.bytes.subarray(this.keyStart, this.end);
  }

  get leadsSomewhere(): boolean {
    return this.targets.length > 0;
  }

  get acceptsDelay(): boolean {
    return this.exchange !== null && this.exchange.type === 'x-delayed-message';
  }
}

export interface RouterTables<Q extends RouteTarget> {
  readonly exchanges: ReadonlyMap<string, Exchange<Q>>;
  readonly queues: ReadonlyMap<string, Q>;
}

/** The word that a binding contributes. */
function bindingWord<Q extends RouteTarget>(binding: Binding<Q>): number {
  const { assurance, keepRetain, notOwn, data } = binding;
  return (
    assurance | (keepRetain ? KEEP_RETAIN : 0) | (notOwn ? NOT_OWN : 0) | (Math.min(data, DATA_SEVERAL) << DATA_SHIFT)
  );
}

/** Two bindings to one queue: the higher assurance, what either wants, and the data of both if it is the same or one has none. */
function widen(a: number, b: number): number {
  const assurance = Math.max(a & 3, b & 3) as Assurance;
  const dataA = a >>> DATA_SHIFT;
  const dataB = b >>> DATA_SHIFT;
  const data = dataA === 0 || dataA === dataB ? dataB : dataB === 0 ? dataA : DATA_SEVERAL;
  return assurance | ((a | b) & KEEP_RETAIN) | (a & b & NOT_OWN) | (data << DATA_SHIFT);
}

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
  private readonly targetsMax: number;

  constructor(tables: RouterTables<Q>, targetsMax = 262_144) {
    this.tables = tables;
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
    const cacheKey = `${spelling}${exchangeName}\0${keyBytes.latin1Slice(start, end)}`;
    const cached = this.cache.get(cacheKey);
    if (cached !== undefined) return cached;
    const exchange = this.exchange(exchangeName, vhost);
    const key = keyBytes.utf8Slice(start, end);
    const address = this.addresses.place(exchangeName, keyBytes, start, end);
    const route = this.compile(exchange, address, key, spelling, null);
    const cost = route.targets.length + 1;
    if (this.cachedTargets + cost > this.targetsMax) this.clear();
    this.cache.set(cacheKey, route);
    this.cachedTargets += cost;
    return route;
  }

  /** One route over several keys, the first of which is the message's address. @throws as `route` does */
  routeAll(exchangeName: string, spelling: Spelling, keys: readonly string[], vhost: string): CompiledRoute<Q> {
    const cacheKey = `${spelling}${exchangeName}\0${keys.map((key) => `${key.length}:${key}`).join('')}`;
    const cached = this.several.get(cacheKey);
    if (cached !== undefined) return cached;
    const first = keys[0]!;
    const bytes = Buffer.from(first, 'utf8');
    const exchange = this.exchange(exchangeName, vhost);
    const address = this.addresses.place(exchangeName, bytes, 0, bytes.length);
    const route = this.compile(exchange, address, first, spelling, [...keys]);
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

  /** Where one message goes, if more than its key decides. Valid until the end of this call stack. */
  resolve(route: CompiledRoute<Q>, properties: Properties): CompiledRoute<Q> {
    const { exchange, key, spelling, keys } = route;
    const found = new Map<Q, number>();
    this.walk(exchange, key, keys, spelling, properties, found);
    let signature = '';
    for (const [queue, word] of found) signature += `${queue.id}:${word} `;
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
    );
    route.variants.set(signature, variant);
    return variant;
  }

  /** The route for what `origin` publishes, who may own several of its queues. Valid as long as `route` is. */
  withoutOwn(route: CompiledRoute<Q>, origin: string): CompiledRoute<Q> {
    const own = route.notOwn!.filter((queue) => queue.origin === origin);
    return own.length === 0 ? route : this.without(route, own);
  }

  /** The route past some of its targets. Valid as long as `route` is. */
  without(route: CompiledRoute<Q>, gone: readonly Q[]): CompiledRoute<Q> {
    const signature = `-${gone.map((queue) => queue.id).join('-')}`;
    route.variants ??= new Map();
    const known = route.variants.get(signature);
    if (known !== undefined) return known;
    if (route.variants.size >= VARIANTS_MAX) route.variants.clear();
    const { exchange, key, spelling, keys, targets, words } = route;
    const others = targets.filter((queue) => !gone.includes(queue));
    const otherWords = words.filter((_, i) => !gone.includes(targets[i]!));
    const variant = new CompiledRoute(exchange, route, key, spelling, false, others, otherWords, keys);
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
    address: AddressBytes,
    key: string,
    spelling: Spelling,
    keys: readonly string[] | null,
  ): CompiledRoute<Q> {
    const found = new Map<Q, number>();
    const perMessage = this.walk(exchange, key, keys, spelling, undefined, found);
    const targets = perMessage ? [] : [...found.keys()];
    const words = perMessage ? [] : [...found.values()];
    return new CompiledRoute(exchange, address, key, spelling, perMessage, targets, words, keys);
  }

  /**
   * Follows every binding from an exchange on, each exchange once. `found` gets each queue with its word.
   * @returns whether some exchange on the way needs more than the key, and was not given it
   */
  private walk(
    exchange: Exchange<Q> | null,
    key: string,
    keys: readonly string[] | null,
    spelling: Spelling,
    properties: Properties | undefined,
    found: Map<Q, number>,
  ): boolean {
    let perMessage = false;
    const all = keys ?? [key];
    const toNamedQueues = (): void => {
      for (const one of all) {
        const queue = this.tables.queues.get(one);
        if (queue !== undefined && !found.has(queue)) found.set(queue, EXACTLY_ONCE);
      }
    };
    const seen = new Set<Exchange<Q>>();
    const visit = (at: Exchange<Q>): void => {
      if (seen.has(at)) return;
      seen.add(at);
      if (at.kind.perMessage && properties === undefined) perMessage = true;
      let taken = false;
      const take = (binding: Binding<Q>): void => {
        taken = true;
        if (binding.queue === null) visit(binding.exchange!);
        else {
          const word = found.get(binding.queue);
          found.set(binding.queue, word === undefined ? bindingWord(binding) : widen(word, bindingWord(binding)));
        }
      };
      const { kind } = at;
      if (kind.choosesOne) kind.match(key, spelling, properties, take);
      else for (const one of all) kind.match(one, spelling, properties, take);
      if (taken || at.alternate === null) return;
      if (at.alternate === '') toNamedQueues();
      else {
        const alternate = this.tables.exchanges.get(at.alternate);
        if (alternate !== undefined) visit(alternate);
      }
    };
    if (exchange === null) toNamedQueues();
    else visit(exchange);
    return perMessage;
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
      if (route.exchange === source && source.kind.concerns(binding, route.key, route.spelling)) {
        this.evict(cacheKey, route);
      }
    }
  }

  /** An exchange came or went, or has another alternate. */
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
    for (const spelling of [0, 1]) {
      const cacheKey = `${spelling}\0${key}`;
      const route = this.cache.get(cacheKey);
      if (route !== undefined) this.evict(cacheKey, route);
    }
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
