/** Bindings as an operator sees them. What leads from the default exchange to each queue is among them. */
import type { BindOptions } from '../api/topology.ts';
import type { Broker } from '../broker/broker.ts';
import type { Headers } from '../message/properties.ts';
import { headersIdentity } from '../message/values.ts';
import type { Queue } from '../queue/queue.ts';
import type { Binding } from '../routing/binding.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Listing, type Pieces, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';
import type { QueueIndex } from './queue-index.ts';

const NONE: Headers = [];
/** Exchanges are looked at together that have so many bindings between them, or one that has more. */
const TOGETHER = 1_000;

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

/** What is left out may be any. */
export interface BindingEnds {
  readonly source?: string;
  readonly queue?: string;
  readonly exchange?: string;
}

export class Bindings {
  readonly list: Listing<BindingView, BindingView>;
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly index: QueueIndex;

  constructor(broker: Broker, pace: Pace, index: QueueIndex) {
    this.broker = broker;
    this.pace = pace;
    this.index = index;
    this.list = this.of({});
  }

  /** Those with these ends. */
  of(ends: BindingEnds): Listing<BindingView, BindingView> {
    return new Listing(new BindingSource(this.broker, this.pace, this.index, ends), this.pace);
  }
}

class BindingSource implements Source<BindingView, BindingView> {
  readonly parts: Source<BindingView, BindingView>['parts'];
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly queueIndex: QueueIndex;
  private readonly ends: BindingEnds;

  constructor(broker: Broker, pace: Pace, index: QueueIndex, ends: BindingEnds) {
    this.broker = broker;
    this.pace = pace;
    this.queueIndex = index;
    this.ends = ends;
    // To one queue or exchange there are not so many.
    const toAny = ends.queue === undefined && ends.exchange === undefined;
    this.parts = toAny ? (scope) => this.fromEach(scope) : undefined;
  }

  *walk(scope: Scope): Generator<BindingView> {
    for (const vhost of this.within(scope)) yield* bindingsWith(vhost, this.ends);
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
      compareText(argumentsText(a.arguments), argumentsText(b.arguments))
    );
  }

  /** The default exchange's, which are the queues by name, then the others', exchange by exchange. */
  private *fromEach(scope: Scope): Generator<Pieces<BindingView>> {
    const { ends, pace } = this;
    for (const vhost of this.within(scope)) {
      const one = [vhost.name];
      if ((ends.source ?? '') === '') {
        const implicitOnes = new Listing(new ImplicitSource(vhost, this.queueIndex), pace);
        yield (order) => implicitOnes.pieces(one, order);
      }
      for (const exchanges of together(exchangesOf(vhost, ends.source))) {
        const explicitOnes = new Listing(new ExplicitSource(vhost, exchanges), pace);
        yield (order) => explicitOnes.pieces(one, order);
      }
    }
  }

  private *within(scope: Scope): Generator<Vhost> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost !== undefined) yield vhost;
    }
  }
}

/** Those of the default exchange: one a queue, of the queue's name. */
class ImplicitSource implements Source<Queue, BindingView> {
  readonly index: QueueIndex;
  private readonly vhost: Vhost;

  constructor(vhost: Vhost, index: QueueIndex) {
    this.vhost = vhost;
    this.index = index;
  }

  walk(): Iterator<Queue> {
    return this.vhost.topology.queues.values();
  }

  view(queue: Queue): BindingView {
    return implicit(this.vhost, queue.name);
  }

  compare(a: Queue, b: Queue): number {
    return compareText(a.name, b.name);
  }
}

/** Those of some exchanges of a vhost. */
class ExplicitSource implements Source<Binding<Queue>, BindingView> {
  private readonly vhost: Vhost;
  private readonly exchanges: readonly Exchange<Queue>[];

  constructor(vhost: Vhost, exchanges: readonly Exchange<Queue>[]) {
    this.vhost = vhost;
    this.exchanges = exchanges;
  }

  *walk(): Generator<Binding<Queue>> {
    for (const exchange of this.exchanges) {
      for (const binding of exchange.bindings.values()) if (!isGone(binding)) yield binding;
    }
  }

  view(binding: Binding<Queue>): BindingView {
    return explicit(this.vhost, binding);
  }

  compare(a: Binding<Queue>, b: Binding<Queue>): number {
    return (
      compareText(a.source.name, b.source.name) ||
      Number(a.exchange === null) - Number(b.exchange === null) ||
      compareText(destinationOf(a), destinationOf(b)) ||
      compareText(a.dotted, b.dotted) ||
      compareText(argumentsText(a.arguments), argumentsText(b.arguments))
    );
  }
}

/** By name; of one that is not there: none. */
function exchangesOf({ topology }: Vhost, name: string | undefined): Exchange<Queue>[] {
  if (name === undefined) return [...topology.exchanges.values()].sort((a, b) => compareText(a.name, b.name));
  const found = topology.exchanges.get(name);
  return found === undefined ? [] : [found];
}

function* together(exchanges: readonly Exchange<Queue>[]): Generator<readonly Exchange<Queue>[]> {
  let some: Exchange<Queue>[] = [];
  let bindings = 0;
  for (const exchange of exchanges) {
    if (exchange.bindings.size === 0) continue;
    if (some.length > 0 && bindings + exchange.bindings.size > TOGETHER) {
      yield some;
      some = [];
      bindings = 0;
    }
    some.push(exchange);
    bindings += exchange.bindings.size;
  }
  if (some.length > 0) yield some;
}

/** Two bindings between the same ends and under one key differ in these. */
function argumentsText(given: Headers): string {
  return given.length === 0 ? '' : headersIdentity(given);
}

function* bindingsWith(vhost: Vhost, { source, queue, exchange }: BindingEnds): Generator<BindingView> {
  const { topology } = vhost;
  if (queue !== undefined) {
    if ((source ?? '') === '') yield implicit(vhost, queue);
    const found = topology.queues.get(queue);
    if (found === undefined || source === '') return;
    for (const binding of topology.bindings.leadingTo(found)) {
      if (!isGone(binding) && (source ?? binding.source.name) === binding.source.name) yield explicit(vhost, binding);
    }
    return;
  }
  if (exchange !== undefined) {
    for (const binding of topology.exchanges.get(exchange)?.incoming ?? []) {
      if (!isGone(binding) && (source ?? binding.source.name) === binding.source.name) yield explicit(vhost, binding);
    }
    return;
  }
  if ((source ?? '') === '') for (const { name } of topology.queues.values()) yield implicit(vhost, name);
  for (const { bindings } of exchangesOf(vhost, source)) {
    for (const binding of bindings.values()) if (!isGone(binding)) yield explicit(vhost, binding);
  }
}

/** One of its ends is, and it will be. */
function isGone({ source, queue, exchange }: Binding<Queue>): boolean {
  return source.deleted || queue?.deleted === true || exchange?.deleted === true;
}

/** From the default exchange to the queue of that name. */
function implicit({ name }: Vhost, queue: string): BindingView {
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

function explicit({ name }: Vhost, binding: Binding<Queue>): BindingView {
  return {
    vhost: name,
    source: binding.source.name,
    destination: destinationOf(binding),
    destinationType: binding.queue === null ? 'exchange' : 'queue',
    key: binding.dotted,
    made: binding,
    arguments: binding.arguments,
  };
}

function destinationOf({ queue, exchange }: Binding<Queue>): string {
  return queue === null ? exchange!.name : queue.name;
}
