/**
 * The broker at a glance: what flows by protocol, what waits, what fails, what the machine has left, and how that went for the last hour.
 *
 *     the broker, its protocols   a series for an hour each: 11 columns and 4, two rings of 121 rows, 23 KB and 10 KB
 *     vhosts                      the series that the sampler has of them anyway: ten minutes
 *
 * Rates are the sampler's: over the last interval between its looks.
 */
import type { Broker } from '../../broker/broker.ts';
import type { ProtocolTraffic } from '../../metrics/traffic.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Scope } from '../listing/listing.ts';
import type { Overall } from '../overall.ts';
import { FAILURE_COLUMNS, failureRow, VHOST_COLUMNS, type VhostColumn } from '../rates/rows.ts';
import type { Sampler } from '../rates/sampler.ts';
import { EVERY_SAMPLE, type LongSeries, risesOf, type Sample, type Span } from '../rates/series.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Alarm, machineAlarms, upkeepAlarms, vhostAlarms } from './alarms.ts';
import { FAILURE_KINDS, FAILURES, type FailureKind } from './failures.ts';

/** Of a protocol: numbers that rise. */
const CARRIED_COLUMNS = ['received', 'delivered', 'bytesIn', 'bytesOut'] as const;
/** Of the whole broker. The first and the kinds of failures rise; the others are levels. */
const BROKER_COLUMNS = [
  'published',
  'delivered',
  'loginsFailed',
  ...FAILURE_KINDS,
  'ready',
  'unsettled',
  'residentBytes',
  'diskUsedBytes',
] as const;
type BrokerColumn = (typeof BROKER_COLUMNS)[number];

/** Queues that are looked at at one go; of more there are the numbers of the last look. */
const COUNTED_MAX = 1_000;
const DELIVERIES: readonly VhostColumn[] = ['delivered', 'deliveredSettled', 'got', 'gotSettled'];

export interface Carrying {
  readonly protocol: string;
  readonly connections: number;
  /** A second. */
  readonly in: { readonly messages: number; readonly bytes: number };
  readonly out: { readonly messages: number; readonly bytes: number };
}

export interface Failing {
  readonly kind: FailureKind;
  readonly reason: string;
  readonly text: string;
  /** Since the start. */
  readonly total: number;
  /** A second. */
  readonly rate: number;
}

export interface Glance {
  readonly atMs: number;
  /** When rates were last made. */
  readonly sampledAtMs: number;
  readonly vhosts: number;
  readonly queues: number;
  readonly exchanges: number;
  readonly consumers: number;
  readonly connections: number;
  /** Messages a second. */
  readonly flow: { readonly in: number; readonly out: number; readonly accepted: number };
  readonly waiting: {
    readonly ready: number;
    readonly unsettled: number;
    readonly delayed: number;
    readonly retrying: number;
    readonly undelivered: number;
  };
  readonly failing: readonly Failing[];
  readonly alarms: readonly Alarm[];
  /** Of the whole broker; undefined: who asks sees some vhosts alone. */
  readonly broker?: {
    readonly protocols: readonly Carrying[];
    readonly disk: {
      readonly usedBytes: number;
      readonly freeBytes: number | undefined;
      readonly freeMinBytes: number;
      /** Of the last interval, milliseconds; undefined: nothing was synced. */
      readonly syncMs: number | undefined;
    };
    readonly memory: { readonly residentBytes: number; readonly maxBytes: number };
  };
}

/** The oldest first; as many numbers as there are times. */
export interface Past {
  readonly timesMs: readonly number[];
  readonly in: readonly number[];
  readonly out: readonly number[];
  readonly ready: readonly number[];
  readonly unsettled: readonly number[];
  readonly broker?: {
    readonly protocols: readonly {
      readonly protocol: string;
      readonly in: readonly number[];
      readonly out: readonly number[];
      readonly bytesIn: readonly number[];
      readonly bytesOut: readonly number[];
    }[];
    readonly failing: Readonly<Record<FailureKind, readonly number[]>>;
    readonly residentBytes: readonly number[];
    readonly diskUsedBytes: readonly number[];
  };
}

export class Overview {
  private readonly broker: Broker;
  private readonly sampler: Sampler;
  private readonly overall: Overall;
  private readonly surroundings: Surroundings;
  private readonly series: LongSeries;
  private readonly protocols = new Map<string, LongSeries>();
  private readonly failures = new Float64Array(FAILURE_COLUMNS.length);
  private sampledAtMs = 0;

  constructor(broker: Broker, sampler: Sampler, overall: Overall, surroundings: Surroundings) {
    this.broker = broker;
    this.sampler = sampler;
    this.overall = overall;
    this.surroundings = surroundings;
    this.series = sampler.alwaysLonger(BROKER_COLUMNS.length, (row) => this.read(row));
  }

  /** @param scope vhosts; undefined: all of the broker @param connections of who sees some vhosts alone */
  glance(scope: Scope | undefined, connections: number): Glance {
    const { clock } = this.broker;
    const vhosts = this.within(scope);
    const totals = { queues: 0, exchanges: 0, consumers: 0, ready: 0, unsettled: 0 };
    const waiting = { delayed: 0, retrying: 0, undelivered: 0 };
    const flow = { in: 0, out: 0, accepted: 0 };
    for (const vhost of vhosts) {
      totals.queues += vhost.topology.queues.size;
      totals.exchanges += vhost.topology.exchanges.size + 1;
      const counted = this.countOf(vhost);
      totals.consumers += counted.consumers;
      totals.ready += counted.ready;
      totals.unsettled += counted.unsettled;
      waiting.delayed += vhost.delays.size;
      waiting.retrying += vhost.retries.size;
      waiting.undelivered += vhost.deadLetters.pending.size;
      const series = this.sampler.vhost(vhost);
      const rate = (column: VhostColumn): number => Math.max(0, series.rate(VHOST_COLUMNS.indexOf(column)));
      flow.in += rate('published');
      flow.out += DELIVERIES.reduce((sum, column) => sum + rate(column), 0);
      flow.accepted += rate('acknowledged');
    }
    const { ready, unsettled, ...there } = totals;
    return {
      atMs: clock.epochMs(),
      sampledAtMs: this.sampledAtMs,
      vhosts: vhosts.length,
      ...there,
      connections,
      flow,
      waiting: { ready, unsettled, ...waiting },
      failing: [...this.failing(vhosts), ...(scope === undefined ? this.loginsFailing() : [])],
      alarms: [
        ...machineAlarms(this.surroundings, this.broker),
        ...vhosts.flatMap(vhostAlarms),
        ...(scope === undefined ? upkeepAlarms(this.surroundings, this.sampler, clock.epochMs()) : []),
      ],
      ...(scope === undefined && { broker: this.ofBroker() }),
    };
  }

  /** How it went. @param scope vhosts, of which there are ten minutes; undefined: all of the broker */
  past(scope: Scope | undefined, span: Span): Past {
    if (scope !== undefined) return this.pastOf(this.within(scope));
    const of = this.series.of(span);
    const samples = (column: BrokerColumn): Sample[] => of.samples(BROKER_COLUMNS.indexOf(column), EVERY_SAMPLE);
    const level = (column: BrokerColumn): number[] => oldestFirst(samples(column).slice(0, -1));
    const rise = (column: BrokerColumn): number[] => oldestFirst(risesOf(samples(column)));
    const timesMs = samples('ready')
      .slice(0, -1)
      .map(({ atMs }) => atMs)
      .reverse();
    // A protocol that nobody spoke yet has fewer samples: before them nothing came.
    const filled = (values: number[]): number[] => [
      ...Array<number>(Math.max(0, timesMs.length - values.length)).fill(0),
      ...values,
    ];
    const protocols = [...this.protocols].map(([protocol, series]) => {
      const column = (at: number): number[] => filled(oldestFirst(risesOf(series.of(span).samples(at, EVERY_SAMPLE))));
      return { protocol, in: column(0), out: column(1), bytesIn: column(2), bytesOut: column(3) };
    });
    return {
      timesMs,
      in: rise('published'),
      out: rise('delivered'),
      ready: level('ready'),
      unsettled: level('unsettled'),
      broker: {
        protocols,
        failing: Object.fromEntries(FAILURE_KINDS.map((kind) => [kind, rise(kind)])) as Record<FailureKind, number[]>,
        residentBytes: level('residentBytes'),
        diskUsedBytes: level('diskUsedBytes'),
      },
    };
  }

  private pastOf(vhosts: readonly Vhost[]): Past {
    const sums = new Map<VhostColumn, Sample[]>();
    const summed = (column: VhostColumn, rise: boolean): Sample[] => {
      let sum = sums.get(column);
      if (sum !== undefined) return sum;
      sum = [];
      for (const vhost of vhosts) {
        const all = this.sampler.vhost(vhost).samples(VHOST_COLUMNS.indexOf(column), EVERY_SAMPLE);
        // They are sampled one after the other, at the same times but for milliseconds.
        (rise ? risesOf(all) : all.slice(0, -1)).forEach(({ atMs, value }, i) => {
          sum![i] = { atMs: sum![i]?.atMs ?? atMs, value: (sum![i]?.value ?? 0) + value };
        });
      }
      sums.set(column, sum);
      return sum;
    };
    const ready = summed('ready', false);
    const out = DELIVERIES.map((column) => summed(column, true));
    return {
      timesMs: ready.map(({ atMs }) => atMs).reverse(),
      in: oldestFirst(summed('published', true)),
      out: ready.map((_, i) => out.reduce((sum, samples) => sum + (samples[i]?.value ?? 0), 0)).reverse(),
      ready: oldestFirst(ready),
      unsettled: oldestFirst(summed('unsettled', false)),
    };
  }

  private ofBroker(): NonNullable<Glance['broker']> {
    const { measured } = this.overall;
    const { memoryMaxBytes, diskFreeBytes, diskFreeMinBytes } = this.surroundings.machine();
    const syncs = measured.rate('syncs');
    return {
      protocols: [...this.protocols].map(([protocol, series]) => ({
        protocol,
        connections: this.sampler.carriedBy(protocol).connections,
        in: { messages: series.rate(0), bytes: series.rate(2) },
        out: { messages: series.rate(1), bytes: series.rate(3) },
      })),
      disk: {
        usedBytes: measured.value('diskUsedBytes'),
        freeBytes: diskFreeBytes,
        freeMinBytes: diskFreeMinBytes,
        syncMs: syncs <= 0 ? undefined : measured.rate('syncMs') / syncs,
      },
      memory: { residentBytes: measured.value('residentBytes'), maxBytes: memoryMaxBytes },
    };
  }

  private failing(vhosts: readonly Vhost[]): Failing[] {
    const totals = new Float64Array(FAILURE_COLUMNS.length);
    const rates = new Float64Array(FAILURE_COLUMNS.length);
    for (const vhost of vhosts) {
      failureRow(vhost, this.failures);
      const series = this.sampler.failures(vhost);
      for (let i = 0; i < totals.length; i++) {
        totals[i]! += this.failures[i]!;
        rates[i]! += Math.max(0, series.rate(i));
      }
    }
    return FAILURE_COLUMNS.map((column, i) => ({ ...FAILURES[column], total: totals[i]!, rate: rates[i]! })).filter(
      ({ total }) => total > 0,
    );
  }

  private loginsFailing(): Failing[] {
    let total = 0;
    for (const failed of this.broker.loginsFailed.values()) total += failed;
    if (total === 0) return [];
    const rate = Math.max(0, this.series.rate(BROKER_COLUMNS.indexOf('loginsFailed')));
    return [{ kind: 'refused', reason: 'login', text: 'Logins that were refused', total, rate }];
  }

  /** Exactly for few queues, as of the last look for many. */
  private countOf(vhost: Vhost): { ready: number; unsettled: number; consumers: number } {
    const { queues } = vhost.topology;
    if (queues.size > COUNTED_MAX) return this.sampler.totals(vhost);
    const totals = { ready: 0, unsettled: 0, consumers: 0 };
    for (const queue of queues.values()) {
      totals.ready += queue.count;
      totals.unsettled += queue.unsettledCount;
      totals.consumers += queue.consumers.length;
    }
    return totals;
  }

  private within(scope: Scope | undefined): Vhost[] {
    const { vhostsByName } = this.broker;
    if (scope === undefined) return [...vhostsByName.values()];
    return scope.map((name) => vhostsByName.get(name)).filter((vhost) => vhost !== undefined);
  }

  /** A row of the broker. Protocols that have been spoken since the last one get their series. */
  private read(row: Float64Array): void {
    this.sampledAtMs = this.broker.clock.epochMs();
    for (const traffic of this.broker.traffic.all) {
      if (traffic.protocol === '' || this.protocols.has(traffic.protocol)) continue;
      const read = (of: Float64Array): void => this.readProtocol(traffic, of);
      this.protocols.set(traffic.protocol, this.sampler.alwaysLonger(CARRIED_COLUMNS.length, read));
    }
    row.fill(0);
    const add = (column: BrokerColumn, value: number): void => {
      row[BROKER_COLUMNS.indexOf(column)]! += value;
    };
    for (const vhost of this.broker.allVhosts) {
      const { counters } = vhost;
      const { ready, unsettled } = this.sampler.totals(vhost);
      add('published', counters.published);
      add('delivered', counters.delivered);
      add('ready', ready);
      add('unsettled', unsettled);
      failureRow(vhost, this.failures);
      FAILURE_COLUMNS.forEach((column, i) => {
        // Of what is handed out again the others are the reasons.
        if (FAILURES[column].kind !== 'redelivered' || column === 'redelivered') {
          add(FAILURES[column].kind, this.failures[i]!);
        }
      });
    }
    for (const failed of this.broker.loginsFailed.values()) add('loginsFailed', failed);
    const { measured } = this.overall;
    add('residentBytes', measured.value('residentBytes'));
    add('diskUsedBytes', measured.value('diskUsedBytes'));
  }

  private readProtocol({ protocol, received, deliveries }: ProtocolTraffic, row: Float64Array): void {
    const { bytesIn, bytesOut } = this.sampler.carriedBy(protocol);
    row[0] = received;
    row[1] = 0;
    for (const { consumedSettled, consumedUnsettled, gotSettled, gotUnsettled } of Object.values(deliveries)) {
      row[1]! += consumedSettled + consumedUnsettled + gotSettled + gotUnsettled;
    }
    row[2] = bytesIn;
    row[3] = bytesOut;
  }
}

const oldestFirst = (samples: readonly Sample[]): number[] => samples.map(({ value }) => value).reverse();
