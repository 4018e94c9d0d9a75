/**
 * Exchanges and their bindings. An exchange answers one question: where does this key (or these headers) lead?
 */
import type { BindOptions, ExchangeOptions, ExchangeType } from '../api.ts';
import { type Assurance, EXACTLY_ONCE, type Spelling } from '../message/message.ts';
import { type Headers, type Value, valuesEqual, valueToJson } from '../message/properties.ts';
import { filterLevels, hiddenByReserve, keyLevels } from './levels.ts';
import { LevelTrie } from './trie.ts';

/** What routing needs to know of a queue. */
export interface RouteTarget {
  readonly id: number;
  readonly name: string;
  readonly durable: boolean;
}

export const EXCHANGE_TYPES: readonly ExchangeType[] = ['direct', 'fanout', 'topic', 'headers'];

export class Binding<Q extends RouteTarget> {
  readonly source: Exchange<Q>;
  /** Exactly one of the two is set. */
  readonly queue: Q | null;
  readonly exchange: Exchange<Q> | null;
  readonly key: string;
  readonly levels: readonly string[];
  readonly identity: string;
  spelling: Spelling;
  arguments: Headers;
  assurance: Assurance;
  hideReserved: boolean;
  keepRetain: boolean;
  data: number;

  constructor(source: Exchange<Q>, queue: Q | null, exchange: Exchange<Q> | null, key: string, options: BindOptions) {
    this.source = source;
    this.queue = queue;
    this.exchange = exchange;
    this.key = key;
    this.levels = filterLevels(key, options.spelling);
    this.identity = bindingIdentity(queue, exchange, key, options);
    this.spelling = options.spelling;
    this.arguments = options.arguments;
    this.assurance = EXACTLY_ONCE;
    this.hideReserved = false;
    this.keepRetain = false;
    this.data = 0;
    this.update(options);
  }

  /** The same binding asked for again: its subscription data may differ. */
  update(options: BindOptions): void {
    this.assurance = options.assurance ?? EXACTLY_ONCE;
    this.hideReserved = options.hideReserved ?? false;
    this.keepRetain = options.keepRetain ?? false;
    this.data = options.data ?? 0;
  }

  get options(): BindOptions {
    return {
      spelling: this.spelling,
      arguments: this.arguments,
      assurance: this.assurance,
      hideReserved: this.hideReserved,
      keepRetain: this.keepRetain,
      data: this.data,
    };
  }
}

/** Two bindings are one if source, destination, key and arguments are the same. */
export function bindingIdentity(
  queue: RouteTarget | null,
  exchange: { readonly name: string } | null,
  key: string,
  options: BindOptions,
): string {
  const destination = queue !== null ? `q${queue.id}` : `x${exchange!.name}`;
  const args =
    options.arguments.length === 0
      ? ''
      : JSON.stringify(valueToJson({ type: 'map', value: sorted(options.arguments) }));
  return `${destination}\0${options.spelling}\0${key}\0${args}`;
}

function sorted(headers: Headers): Headers {
  return [...headers].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export class Exchange<Q extends RouteTarget> {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Headers;
  /** Where a message goes that nothing here takes; '' for nowhere. */
  readonly alternate: string;
  /** Bindings by identity, in the order they were made. */
  readonly bindings = new Map<string, Binding<Q>>();
  /** Bindings that lead to this exchange. */
  readonly incoming = new Set<Binding<Q>>();
  private readonly byKey = new Map<string, Binding<Q>[]>();
  private readonly trie = new LevelTrie<Binding<Q>>();

  constructor(name: string, type: ExchangeType, options: ExchangeOptions) {
    this.name = name;
    this.type = type;
    this.durable = options.durable;
    this.autoDelete = options.autoDelete;
    this.internal = options.internal;
    this.arguments = options.arguments;
    const alternate = options.arguments.find((a) => a.name === 'alternate-exchange')?.value;
    this.alternate = typeof alternate === 'string' ? alternate : '';
  }

  add(binding: Binding<Q>): void {
    this.bindings.set(binding.identity, binding);
    if (this.type === 'direct') {
      const same = this.byKey.get(binding.key);
      if (same === undefined) this.byKey.set(binding.key, [binding]);
      else same.push(binding);
    } else if (this.type === 'topic') {
      this.trie.add(binding.levels, binding);
    }
  }

  remove(binding: Binding<Q>): void {
    if (!this.bindings.delete(binding.identity)) return;
    if (this.type === 'direct') {
      const rest = (this.byKey.get(binding.key) ?? []).filter((b) => b !== binding);
      if (rest.length === 0) this.byKey.delete(binding.key);
      else this.byKey.set(binding.key, rest);
    } else if (this.type === 'topic') {
      this.trie.remove(binding.levels, binding);
    }
  }

  /** Visits the bindings that a message with this key goes through. A headers exchange needs the message's headers. */
  match(key: string, spelling: Spelling, headers: Headers | undefined, visit: (binding: Binding<Q>) => void): void {
    switch (this.type) {
      case 'direct': {
        const found = this.byKey.get(key);
        if (found !== undefined) for (const binding of found) visit(binding);
        return;
      }
      case 'fanout':
        for (const binding of this.bindings.values()) visit(binding);
        return;
      case 'topic': {
        const levels = keyLevels(key, spelling);
        this.trie.matchKey(levels, (binding) => {
          if (!binding.hideReserved || !hiddenByReserve(binding.levels, levels)) visit(binding);
        });
        return;
      }
      case 'headers':
        for (const binding of this.bindings.values()) {
          if (matchesHeaders(binding.arguments, headers ?? [])) visit(binding);
        }
    }
  }
}

/**
 * A headers binding: `x-match` all (default) or any, which leave out arguments that begin with `x-`, or all-with-x and
 * any-with-x, which look at them too. A void argument asks only that the header is there.
 */
export function matchesHeaders(wanted: Headers, headers: Headers): boolean {
  const how = wanted.find((a) => a.name === 'x-match')?.value ?? 'all';
  const any = how === 'any' || how === 'any-with-x';
  const withX = how === 'all-with-x' || how === 'any-with-x';
  const considered = wanted.filter((a) => a.name !== 'x-match' && (withX || !a.name.startsWith('x-')));
  const has = (name: string, value: Value): boolean =>
    headers.some((h) => h.name === name && (value === null || valuesEqual(h.value, value)));
  if (any) return considered.some((a) => has(a.name, a.value));
  return considered.every((a) => has(a.name, a.value));
}
