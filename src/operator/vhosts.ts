/** Vhosts as an operator sees them. */
import type { Broker } from '../broker/broker.ts';
import type { Counters } from '../vhost/counters.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';

export class VhostView {
  private readonly vhost: Vhost;

  constructor(vhost: Vhost) {
    this.vhost = vhost;
  }

  get name(): string {
    return this.vhost.name;
  }

  /** It takes and confirms messages. */
  get running(): boolean {
    return this.vhost.failed === undefined;
  }

  get counters(): Readonly<Counters> {
    return this.vhost.counters;
  }

  get queues(): number {
    return this.vhost.topology.queues.size;
  }

  get exchanges(): number {
    return this.vhost.topology.exchanges.size;
  }
}

export class Vhosts {
  readonly list: Listing<Vhost, VhostView>;
  private readonly broker: Broker;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.list = new Listing(new VhostSource(broker), pace);
  }

  /** In their order. */
  get names(): Scope {
    return [...this.broker.vhostNames].sort(compareText);
  }

  find(name: string): VhostView | undefined {
    const vhost = this.broker.vhostsByName.get(name);
    return vhost === undefined ? undefined : new VhostView(vhost);
  }
}

class VhostSource implements Source<Vhost, VhostView> {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  count(scope: Scope): number {
    return scope.length;
  }

  *walk(scope: Scope): Generator<Vhost> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost !== undefined) yield vhost;
    }
  }

  view(vhost: Vhost): VhostView {
    return new VhostView(vhost);
  }

  compare(a: Vhost, b: Vhost): number {
    return compareText(a.name, b.name);
  }
}
