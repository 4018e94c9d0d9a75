/** Vhosts as an operator sees them, alone and together. */
import type { Broker } from '../broker/broker.ts';
import type { VhostDetails } from '../broker/vhost-registry.ts';
import { BrokerError } from '../message/errors.ts';
import type { DroppedMessage, DropReason } from '../vhost/dropped-messages.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Listing, type Scope, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';
import { type Measured, MeasuredRows } from './rates/measured.ts';
import { VHOST_COLUMNS, type VhostColumn, vhostRow } from './rates/rows.ts';
import type { Sampler } from './rates/sampler.ts';

/** Queues that are looked at at one go. */
const COUNTED_MAX = 1_000;

/** What there is in one or several vhosts. */
export interface VhostTotals {
  readonly queues: number;
  readonly exchanges: number;
  /** Messages that wait, and that consumers hold. */
  readonly ready: number;
  readonly unsettled: number;
  readonly consumers: number;
}

export class VhostView {
  readonly details: VhostDetails;
  private readonly vhost: Vhost;
  private readonly sampler: Sampler;

  constructor(vhost: Vhost, details: VhostDetails, sampler: Sampler) {
    this.vhost = vhost;
    this.details = details;
    this.sampler = sampler;
  }

  get name(): string {
    return this.vhost.name;
  }

  /** It takes and confirms messages. */
  get running(): boolean {
    return this.vhost.failed === undefined;
  }

  /** What goes through it, and how much waits: exactly for few queues, as of the last sample for many. */
  get measured(): Measured<VhostColumn> {
    const { vhost, sampler } = this;
    const row = new Float64Array(VHOST_COLUMNS.length);
    vhostRow(vhost, vhost.topology.queues.size > COUNTED_MAX ? sampler.totals(vhost) : count(vhost), row);
    return new MeasuredRows(VHOST_COLUMNS, row, [sampler.vhost(vhost)]);
  }
}

function count({ topology }: Vhost): Pick<VhostTotals, 'ready' | 'unsettled'> {
  let ready = 0;
  let unsettled = 0;
  for (const queue of topology.queues.values()) {
    ready += queue.count;
    unsettled += queue.unsettledCount;
  }
  return { ready, unsettled };
}

export class Vhosts {
  readonly list: Listing<Vhost, VhostView>;
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly sampler: Sampler;

  constructor(broker: Broker, pace: Pace, sampler: Sampler) {
    this.broker = broker;
    this.pace = pace;
    this.sampler = sampler;
    this.list = new Listing(new VhostSource(broker, sampler), pace);
  }

  /** In their order. */
  get names(): Scope {
    return [...this.broker.vhostNames].sort(compareText);
  }

  find(name: string): VhostView | undefined {
    const vhost = this.broker.vhostsByName.get(name);
    return vhost === undefined ? undefined : new VhostView(vhost, this.broker.vhostDetails(name), this.sampler);
  }

  /** The last messages of one that were dropped, the latest first. @throws BrokerError not-found */
  dropped(name: string, reason?: DropReason): readonly DroppedMessage[] {
    const vhost = this.broker.vhostsByName.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost.dropped.latest(reason);
  }

  /** Makes one, or takes what is said of it. @returns whether it was made @throws BrokerError invalid, not-allowed (too many) */
  put(name: string, details: VhostDetails): Promise<boolean> {
    return this.broker.putVhost(name, details);
  }

  /** With all that is in it. False: there was none. @throws BrokerError not-allowed (the configuration has it) */
  delete(name: string): Promise<boolean> {
    return this.broker.deleteVhost(name);
  }

  /** What there is in these together, as of now; counted in slices. */
  async totals(scope: Scope): Promise<VhostTotals> {
    const totals = { queues: 0, exchanges: 0, ready: 0, unsettled: 0, consumers: 0 };
    await this.pace.next();
    for (const { topology } of this.within(scope)) {
      // The default one is an exchange too.
      totals.exchanges += topology.exchanges.size + 1;
      for (const queue of topology.queues.values()) {
        totals.queues++;
        totals.ready += queue.count;
        totals.unsettled += queue.unsettledCount;
        totals.consumers += queue.consumers.length;
        if (this.pace.over()) await this.pace.next();
      }
    }
    return totals;
  }

  /** What goes through these together. @param totals as `totals` has just told them */
  measured(scope: Scope, totals: Pick<VhostTotals, 'ready' | 'unsettled'>): Measured<VhostColumn> {
    const sum = new Float64Array(VHOST_COLUMNS.length);
    const row = new Float64Array(VHOST_COLUMNS.length);
    const series = [];
    for (const vhost of this.within(scope)) {
      vhostRow(vhost, { ready: 0, unsettled: 0 }, row);
      for (let i = 0; i < row.length; i++) sum[i]! += row[i]!;
      series.push(this.sampler.vhost(vhost));
    }
    sum[VHOST_COLUMNS.indexOf('ready')] = totals.ready;
    sum[VHOST_COLUMNS.indexOf('unsettled')] = totals.unsettled;
    return new MeasuredRows(VHOST_COLUMNS, sum, series);
  }

  private *within(scope: Scope): Generator<Vhost> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost !== undefined) yield vhost;
    }
  }
}

class VhostSource implements Source<Vhost, VhostView> {
  private readonly broker: Broker;
  private readonly sampler: Sampler;

  constructor(broker: Broker, sampler: Sampler) {
    this.broker = broker;
    this.sampler = sampler;
  }

  *walk(scope: Scope): Generator<Vhost> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost !== undefined) yield vhost;
    }
  }

  view(vhost: Vhost): VhostView {
    return new VhostView(vhost, this.broker.vhostDetails(vhost.name), this.sampler);
  }

  compare(a: Vhost, b: Vhost): number {
    return compareText(a.name, b.name);
  }
}
