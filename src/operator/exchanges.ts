/** Exchanges as an operator sees them. The default exchange is among them. */
import type { ExchangeOptions, ExchangeType } from '../api/topology.ts';
import type { Broker } from '../broker/broker.ts';
import type { Headers } from '../message/properties.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import { makeKind } from '../routing/kinds/exchange-types.ts';
import { checkExchange } from '../vhost/topology/compare.ts';
import { PREDECLARED } from '../vhost/topology/predeclared.ts';
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

interface Kept {
  readonly vhost: Vhost;
  /** Null: the default one, which is no object of its vhost's. */
  readonly exchange: Exchange<Queue> | null;
}

export class Exchanges {
  readonly list: Listing<Kept, ExchangeView>;
  private readonly broker: Broker;
  private readonly sampler: Sampler;

  constructor(broker: Broker, pace: Pace, sampler: Sampler) {
    this.broker = broker;
    this.sampler = sampler;
    this.list = new Listing(new ExchangeSource(broker, sampler), pace);
  }

  find(vhost: string, name: string): ExchangeView | undefined {
    const found = this.broker.vhostsByName.get(vhost);
    if (found === undefined) return undefined;
    const exchange = name === '' ? null : found.topology.exchanges.get(name);
    return exchange === undefined ? undefined : exchangeView({ vhost: found, exchange }, this.sampler);
  }

  /** Every vhost has it. */
  isPredeclared(name: string): boolean {
    return name === '' || PREDECLARED.some((exchange) => exchange.name === name);
  }

  /** Whether one that is not there could be declared, as far as what it says goes. @throws BrokerError as its declaration does */
  check(vhost: string, name: string, type: string, options: ExchangeOptions): void {
    checkExchange(name, type, options, vhost);
    makeKind(type, options.arguments);
  }
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
