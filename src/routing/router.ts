/**
 * From (exchange, key) to a list of queues, once: the route cache.
 *
 * A compiled route lists each queue once, whatever the number of bindings that lead to it, with the widest of what they
 * ask for. It stays valid until a binding that matters to it changes; whoever holds one looks at `valid` and asks again.
 * The cache is bounded by its number of targets; when full it starts anew.
 */
import type { Route } from '../api.ts';
import { BrokerError } from '../message/errors.ts';
import type { Assurance, Spelling } from '../message/message.ts';
import type { Headers } from '../message/properties.ts';
import type { Binding, Exchange, RouteTarget } from './exchange.ts';
import { isWild, keyLevels, matches } from './levels.ts';

/** A target's word: what its bindings ask for. Bits 0-1 assurance, bit 2 keep the retain flag, bits 5-19 data. */
export const KEEP_RETAIN = 0b100;
export const DATA_SHIFT = 5;
export const DATA_MAX = 0x3fff;

export class CompiledRoute<Q extends RouteTarget> implements Route {
  valid = true;
  readonly exchange: Exchange<Q> | null;
  readonly exchangeBytes: Buffer;
  readonly keyBytes: Buffer;
  readonly key: string;
  /** All keys, if there are several: then `key` is the first. */
  readonly keys: readonly string[] | null;
  readonly spelling: Spelling;
  /** Exchange name and key, one after the other: what a stored message begins with. */
  readonly address: Buffer;
  /** True when the message's headers decide: then `targets` is empty and each message is resolved on its own. */
  readonly perMessage: boolean;
  readonly targets: Q[];
  readonly words: number[];
  /** The target and its word, if there is just one: nearly always, and then without a walk through two arrays. */
  readonly only: Q | null;
  readonly onlyWord: number;
  /** Which of the targets are durable, by index. */
  readonly durableTargets: number[];
  /** The list of durable targets has this number in the log's segment `listSegment`; see the journal. */
  listId = 0;
  listEpoch = -1;

  constructor(
    exchange: Exchange<Q> | null,
    exchangeName: string,
    key: string,
    keyBytes: Buffer,
    spelling: Spelling,
    perMessage: boolean,
    targets: Q[],
    words: number[],
    keys: readonly string[] | null = null,
  ) {
    this.exchange = exchange;
    // One piece of memory for all three: whoever compares the key warms what is copied next.
    this.address = Buffer.concat([Buffer.from(exchangeName, 'utf8'), keyBytes]);
    this.exchangeBytes = this.address.subarray(0, this.address.length - keyBytes.length);
    this.keyBytes = this.address.subarray(this.exchangeBytes.length);
    this.only = targets.length === 1 ? targets[0]! : null;
    this.onlyWord = this.only === null ? 0 : words[0]!;
    this.key = key;
    this.keys = keys;
    this.spelling = spelling;
    this.perMessage = perMessage;
    this.targets = targets;
    this.words = words;
    this.durableTargets = [];
    for (let i = 0; i < targets.length; i++) if (targets[i]!.durable) this.durableTargets.push(i);
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
  return binding.assurance | (binding.keepRetain ? KEEP_RETAIN : 0) | ((binding.data & DATA_MAX) << DATA_SHIFT);
}

/** Two bindings to one queue: the higher assurance, the flags of both, the data of the first that has any. */
function widen(a: number, b: number): number {
  const assurance = Math.max(a & 3, b & 3) as Assurance;
  const data = a >>> DATA_SHIFT !== 0 ? a >>> DATA_SHIFT : b >>> DATA_SHIFT;
  return assurance | ((a | b) & KEEP_RETAIN) | (data << DATA_SHIFT);
}

/** Bindings changed while the cache is larger than this: it is dropped whole rather than searched. */
const SEARCH_MAX = 4096;
/** Targets and keys of the cached routes over several keys, together. */
const SEVERAL_TARGETS_MAX = 16_384;

export class Router<Q extends RouteTarget> {
  private readonly tables: RouterTables<Q>;
  private readonly cache = new Map<string, CompiledRoute<Q>>();
  /** Routes over several keys: few, and dropped whole at any change. */
  private readonly several = new Map<string, CompiledRoute<Q>>();
  private severalTargets = 0;
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
    const route = this.compile(
      exchange,
      exchangeName,
      key,
      Buffer.from(keyBytes.subarray(start, end)),
      spelling,
      null,
      undefined,
    );
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
    const route = this.compile(exchange, exchangeName, first, bytes, spelling, [...keys], undefined);
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

  /** A route for one message whose headers decide. It is not cached. */
  resolve(route: CompiledRoute<Q>, headers: Headers): CompiledRoute<Q> {
    const { exchange, key, keyBytes, spelling, keys } = route;
    return this.compile(exchange, exchange?.name ?? '', key, keyBytes, spelling, keys, headers);
  }

  /** The same address, leading nowhere: its exchange is gone. */
  resolveNowhere(route: CompiledRoute<Q>): CompiledRoute<Q> {
    const { exchange, key, keyBytes, spelling, keys } = route;
    return new CompiledRoute<Q>(exchange, exchange?.name ?? '', key, keyBytes, spelling, false, [], [], keys);
  }

  private compile(
    exchange: Exchange<Q> | null,
    exchangeName: string,
    key: string,
    keyBytes: Buffer,
    spelling: Spelling,
    keys: readonly string[] | null,
    headers: Headers | undefined,
  ): CompiledRoute<Q> {
    const found = new Map<Q, number>();
    let perMessage = false;
    const follow = (key: string): void => {
      if (exchange === null) {
        const queue = this.tables.queues.get(key);
        if (queue !== undefined) found.set(queue, 2);
        return;
      }
      const seen = new Set<Exchange<Q>>();
      const walk = (at: Exchange<Q>): void => {
        if (seen.has(at)) return;
        seen.add(at);
        if (at.type === 'headers' && headers === undefined) perMessage = true;
        let taken = false;
        at.match(key, spelling, headers, (binding) => {
          taken = true;
          if (binding.queue !== null) {
            const word = found.get(binding.queue);
            found.set(binding.queue, word === undefined ? bindingWord(binding) : widen(word, bindingWord(binding)));
          } else walk(binding.exchange!);
        });
        if (!taken && at.alternate !== '') {
          const alternate = this.tables.exchanges.get(at.alternate);
          if (alternate !== undefined) walk(alternate);
        }
      };
      walk(exchange);
    };
    if (keys === null) follow(key);
    else for (const one of keys) follow(one);
    const targets = perMessage ? [] : [...found.keys()];
    const words = perMessage ? [] : [...found.values()];
    return new CompiledRoute(exchange, exchangeName, key, keyBytes, spelling, perMessage, targets, words, keys);
  }

  /** A binding of `source` was added or removed: routes that it matters to become invalid. */
  bindingChanged(binding: Binding<Q>): void {
    this.clearSeveral();
    const source = binding.source;
    const simple = source.incoming.size === 0 && binding.queue !== null && source.alternate === '';
    if (!simple || source.type === 'headers' || source.type === 'fanout' || this.cache.size > SEARCH_MAX) {
      this.clear();
      return;
    }
    const exact = source.type === 'direct' || !binding.levels.some(isWild);
    for (const [cacheKey, route] of this.cache) {
      if (route.exchange !== source) {
        // An alternate exchange leads here from another one.
        if (route.exchange === null || route.exchange.alternate === '') continue;
      } else if (exact && source.type === 'direct') {
        if (route.key !== binding.key) continue;
      } else if (!matches(binding.levels, keyLevels(route.key, route.spelling))) continue;
      this.evict(cacheKey, route);
    }
  }

  /** A queue came or went: the default exchange leads to it under its name. */
  queueChanged(name: string): void {
    this.clearSeveral();
    const key = Buffer.from(name, 'utf8').latin1Slice();
    for (const spelling of [0, 1]) {
      const cacheKey = `${spelling}\0${key}`;
      const route = this.cache.get(cacheKey);
      if (route !== undefined) this.evict(cacheKey, route);
    }
  }

  /** An exchange came or went. */
  clear(): void {
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
