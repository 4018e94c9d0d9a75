/** Exchanges and bindings as an operator sees them. The default exchange is among them, and so is what leads from it to each queue. */
import type { BindOptions, ExchangeType } from '../api/topology.ts';
import type { Broker } from '../broker/broker.ts';
import type { Headers } from '../message/properties.ts';
import { headersIdentity } from '../message/values.ts';
import type { Queue } from '../queue/queue.ts';
import type { Binding } from '../routing/binding.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';
import { type Measured, MeasuredRows } from './rates/measured.ts';
import { EXCHANGE_COLUMNS, type ExchangeColumn } from './rates/rows.ts';
import type { Sampler } from './rates/sampler.ts';

const NONE: Headers = [];

export interface ExchangeView {
  readonly vhost: string;
  /** '' is the default one. */
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Headers;
  /** It is always there. */
  readonly predeclared: boolean;
  /** The policy that applies to it. */
  readonly policy: string | undefined;
  /** Messages published to it, and copies of them that queues took; since it was made. */
  readonly publishedIn: number;
  readonly publishedOut: number;
  /** How fast these go. @param ask as of a queue (`QueueView.measured`) */
  measured(ask: 'nothing' | 'rates' | 'history'): Measured<ExchangeColumn>;
}

export interface BindingView {
  readonly vhost: string;
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  /** As it was made; null for what is there by itself. */
  readonly made: { readonly key: string; readonly options: BindOptions } | null;
  readonly arguments: Headers;
}

interface Kept {
  readonly vhost: Vhost;
  /** Null: the default one, which is no object of its vhost's. */
  readonly exchange: Exchange<Queue> | null;
}

export class Exchanges {
  readonly list: Listing<Kept, ExchangeView>;
  /** All bindings; of one queue, exchange or pair: `bindingsOf`. */
  readonly bindings: Listing<BindingView, BindingView>;
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly sampler: Sampler;

  constructor(broker: Broker, pace: Pace, sampler: Sampler) {
    this.broker = broker;
    this.pace = pace;
    this.sampler = sampler;
    this.list = new Listing(new ExchangeSource(broker, sampler), pace);
    this.bindings = new Listing(new BindingSource(broker, allBindings), pace);
  }

  find(vhost: string, name: string): ExchangeView | undefined {
    const found = this.broker.vhostsByName.get(vhost);
    if (found === undefined) return undefined;
    const exchange = name === '' ? null : found.topology.exchanges.get(name);
    return exchange === undefined ? undefined : exchangeView({ vhost: found, exchange }, this.sampler);
  }

  /** Those with these ends; what is left out may be any. */
  bindingsOf(ends: BindingEnds): Listing<BindingView, BindingView> {
    return new Listing(new BindingSource(this.broker, (vhost) => bindingsWith(vhost, ends)), this.pace);
  }
}

export interface BindingEnds {
  readonly source?: string;
  readonly queue?: string;
  readonly exchange?: string;
}

function exchangeView({ vhost, exchange }: Kept, sampler: Sampler): ExchangeView {
  if (exchange === null) return defaultExchange(vhost, sampler);
  const { name, type, durable, autoDelete, internal, publishedIn, publishedOut } = exchange;
  return {
    ...{ vhost: vhost.name, name, type, durable, autoDelete, internal, publishedIn, publishedOut },
    arguments: exchange.arguments,
    predeclared: name.startsWith('amq.'),
    policy: vhost.topology.policies.forExchange(name).policy,
    measured: (ask) => measured(exchange, sampler, ask),
  };
}

function defaultExchange(vhost: Vhost, sampler: Sampler): ExchangeView {
  const { toDefault } = vhost.publisher;
  return {
    ...{ vhost: vhost.name, name: '', type: 'direct', durable: true, autoDelete: false, internal: false },
    ...toDefault,
    ...{ arguments: NONE, predeclared: true, policy: undefined },
    measured: (ask) => measured(toDefault, sampler, ask),
  };
}

function measured(
  counts: Pick<Exchange<Queue>, 'publishedIn' | 'publishedOut'>,
  sampler: Sampler,
  ask: 'nothing' | 'rates' | 'history',
): Measured<ExchangeColumn> {
  const series = ask === 'nothing' ? sampler.known(counts) : sampler.exchange(counts, ask === 'history');
  const row = Float64Array.of(counts.publishedIn, counts.publishedOut);
  return new MeasuredRows(EXCHANGE_COLUMNS, row, series === undefined ? [] : [series]);
}

class ExchangeSource implements Source<Kept, ExchangeView> {
  private readonly broker: Broker;
  private readonly sampler: Sampler;

  constructor(broker: Broker, sampler: Sampler) {
    this.broker = broker;
    this.sampler = sampler;
  }

  *walk(scope: Scope): Generator<Kept> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost === undefined) continue;
      yield { vhost, exchange: null };
      for (const exchange of vhost.topology.exchanges.values()) yield { vhost, exchange };
    }
  }

  view(kept: Kept): ExchangeView {
    return exchangeView(kept, this.sampler);
  }

  compare(a: Kept, b: Kept): number {
    return compareText(a.vhost.name, b.vhost.name) || compareText(a.exchange?.name ?? '', b.exchange?.name ?? '');
  }
}

class BindingSource implements Source<BindingView, BindingView> {
  private readonly broker: Broker;
  private readonly of: (vhost: Vhost) => Iterable<BindingView>;

  constructor(broker: Broker, of: (vhost: Vhost) => Iterable<BindingView>) {
    this.broker = broker;
    this.of = of;
  }

  *walk(scope: Scope): Generator<BindingView> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost !== undefined) yield* this.of(vhost);
    }
  }

  view(binding: BindingView): BindingView {
    return binding;
  }

  compare(a: BindingView, b: BindingView): number {
    return (
      compareText(a.vhost, b.vhost) ||
      compareText(a.source, b.source) ||
      compareText(a.destinationType, b.destinationType) ||
      compareText(a.destination, b.destination) ||
      compareText(a.key, b.key) ||
      compareText(argumentsText(a), argumentsText(b))
    );
  }
}

/** Two bindings between the same ends and under one key differ in these. */
function argumentsText({ arguments: given }: BindingView): string {
  return given.length === 0 ? '' : headersIdentity(given);
}

function* allBindings(vhost: Vhost): Generator<BindingView> {
  for (const queue of vhost.topology.queues.values()) yield implicit(vhost, queue.name);
  for (const exchange of vhost.topology.exchanges.values()) {
    for (const binding of exchange.bindings.values()) if (!isGone(binding)) yield bindingView(vhost, binding);
  }
}

function* bindingsWith(vhost: Vhost, { source, queue, exchange }: BindingEnds): Generator<BindingView> {
  const { topology } = vhost;
  if (queue !== undefined) {
    if ((source ?? '') === '') yield implicit(vhost, queue);
    const found = topology.queues.get(queue);
    if (found === undefined || source === '') return;
    for (const binding of topology.bindings.leadingTo(found)) {
      if (!isGone(binding) && (source ?? binding.source.name) === binding.source.name) {
        yield bindingView(vhost, binding);
      }
    }
    return;
  }
  if (exchange !== undefined) {
    for (const binding of topology.exchanges.get(exchange)?.incoming ?? []) {
      if (!isGone(binding) && (source ?? binding.source.name) === binding.source.name) {
        yield bindingView(vhost, binding);
      }
    }
    return;
  }
  if (source === '') for (const { name } of topology.queues.values()) yield implicit(vhost, name);
  else if (source !== undefined) {
    for (const binding of topology.exchanges.get(source)?.bindings.values() ?? []) {
      if (!isGone(binding)) yield bindingView(vhost, binding);
    }
  }
}

/** One of its ends is, and it will be. */
function isGone({ source, queue, exchange }: Binding<Queue>): boolean {
  return source.deleted || queue?.deleted === true || exchange?.deleted === true;
}

/** From the default exchange to the queue of that name. */
function implicit(vhost: Vhost, queue: string): BindingView {
  const { name } = vhost;
  return {
    vhost: name,
    source: '',
    destination: queue,
    destinationType: 'queue',
    key: queue,
    made: null,
    arguments: NONE,
  };
}

function bindingView(vhost: Vhost, binding: Binding<Queue>): BindingView {
  const { source, queue, exchange, dotted } = binding;
  return {
    vhost: vhost.name,
    source: source.name,
    destination: queue === null ? exchange!.name : queue.name,
    destinationType: queue === null ? 'exchange' : 'queue',
    key: dotted,
    made: binding,
    arguments: binding.arguments,
  };
}
