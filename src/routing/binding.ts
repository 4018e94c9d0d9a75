/** A binding leads on from an exchange: to a queue or to another exchange, under a key and with arguments. */
import type { BindOptions, ExchangeType } from '../api/topology.ts';
import type { DeduplicationWindow } from '../deduplication/window.ts';
import { type Assurance, EXACTLY_ONCE, type Spelling } from '../message/message.ts';
import type { Headers } from '../message/properties.ts';
import { dotted } from '../message/spelling.ts';
import { headersIdentity, onceEach } from '../message/values.ts';
import type { ExchangeKind, KeyedBinding } from './kinds/kind.ts';
import { filterLevels } from './levels.ts';

/** What routing needs to know of a queue. */
export interface RouteTarget {
  readonly id: number;
  readonly name: string;
  readonly durable: boolean;
  /** It is gone, though bindings may lead to it for a while yet. */
  readonly deleted?: boolean;
  /** What its owner's messages carry as their origin. */
  readonly origin: string;
  /** What it has taken before; null or left out: it takes everything. */
  readonly window?: DeduplicationWindow | null;
}

/** An exchange, as its bindings and those who follow them see it; `exchange.ts` is the one there is. */
export interface ExchangeRef<Q extends RouteTarget> {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly deleted: boolean;
  /** Where a message goes that nothing here takes: null for nowhere, '' for the default exchange. */
  readonly alternate: string | null;
  /** What it has let through before; null: it lets everything through. */
  readonly window: DeduplicationWindow | null;
  readonly kind: ExchangeKind<Binding<Q>>;
  /** By identity, in the order they were made. */
  readonly bindings: Map<string, Binding<Q>>;
  /** Bindings that lead to this exchange. */
  readonly incoming: Set<Binding<Q>>;
  add(binding: Binding<Q>): void;
  remove(binding: Binding<Q>): void;
}

export class Binding<Q extends RouteTarget> implements KeyedBinding {
  readonly source: ExchangeRef<Q>;
  /** Exactly one of the two is set. */
  readonly queue: Q | null;
  readonly exchange: ExchangeRef<Q> | null;
  /** As it was asked for. */
  readonly key: string;
  /** As it is compared with keys. */
  readonly dotted: string;
  readonly levels: readonly string[];
  readonly identity: string;
  spelling: Spelling;
  arguments: Headers;
  assurance: Assurance;
  hideReserved: boolean;
  keepRetain: boolean;
  notOwn: boolean;
  data: number;

  constructor(
    source: ExchangeRef<Q>,
    queue: Q | null,
    exchange: ExchangeRef<Q> | null,
    key: string,
    options: BindOptions,
  ) {
    this.source = source;
    this.queue = queue;
    this.exchange = exchange;
    this.key = key;
    this.dotted = dotted(key, options.spelling);
    this.levels = filterLevels(key, options.spelling);
    this.identity = bindingIdentity(queue, exchange, key, options);
    this.spelling = options.spelling;
    this.arguments = onceEach(options.arguments);
    this.assurance = EXACTLY_ONCE;
    this.hideReserved = false;
    this.keepRetain = false;
    this.notOwn = false;
    this.data = 0;
    this.update(options);
  }

  /** The same binding asked for again: its subscription data may differ. */
  update(options: BindOptions): void {
    this.assurance = options.assurance ?? EXACTLY_ONCE;
    this.hideReserved = options.hideReserved ?? false;
    this.keepRetain = options.keepRetain ?? false;
    this.notOwn = options.notOwn ?? false;
    this.data = options.data ?? 0;
  }

  get options(): BindOptions {
    return {
      spelling: this.spelling,
      arguments: this.arguments,
      assurance: this.assurance,
      hideReserved: this.hideReserved,
      keepRetain: this.keepRetain,
      notOwn: this.notOwn,
      data: this.data,
    };
  }

  /** Where it leads, as a name that is the same after a restart and that a queue and an exchange never share. */
  get destination(): string {
    return this.queue !== null ? `q${this.queue.name}` : `x${this.exchange!.name}`;
  }
}

/**
 * Two bindings are one if source, destination, key and arguments are the same: the arguments in any order, their values of
 * one type (as RabbitMQ has it: a 16-bit 5 is no 32-bit 5).
 */
export function bindingIdentity(
  queue: { readonly id: number } | null,
  exchange: { readonly name: string } | null,
  key: string,
  options: BindOptions,
): string {
  const destination = queue !== null ? `q${queue.id}` : `x${exchange!.name}`;
  return `${options.spelling}${destination.length}:${destination}${key.length}:${key}${headersIdentity(options.arguments)}`;
}
