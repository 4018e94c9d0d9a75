/**
 * The sampler: every SAMPLE_MS it looks at what moves, in slices, so that an operator can be told how fast.
 *
 *     the broker   a few numbers, with their history, from the start on; some of them, and those of its protocols, for an hour
 *     vhosts       each has a series, with its history, from the start on
 *     queues,      one gets a series when something moves in it, or when it is asked for; SERIES_MAX of them at most, and one in which
 *     channels     nothing moved and that nobody asked for in IDLE_MS is let go of
 *     exchanges    when asked for, within the same bound
 *     connections  two numbers and their rates each
 *     histories    HISTORIES_MAX of them, for those that somebody has asked the history of, the one asked longest ago making room
 *
 * A broker with 100,000 queues that all move keeps SERIES_MAX series, some 350 bytes each: 3.5 MB; and HISTORIES_MAX longer ones, 12 KB
 * each: 3 MB. What has none has a rate of 0, and is counted (`without`).
 */
import type { ChannelCounts } from '../../api/channel-counts.ts';
import type { Broker } from '../../broker/broker.ts';
import type { ClientSession } from '../../broker/session.ts';
import { Timer } from '../../clock/clock.ts';
import { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { HeldSince } from './held-since.ts';
import {
  CHANNEL_COLUMNS,
  channelRow,
  EXCHANGE_COLUMNS,
  FAILURE_COLUMNS,
  failureRow,
  QUEUE_COLUMNS,
  queueRow,
  VHOST_COLUMNS,
  type VhostTotals,
  vhostRow,
} from './rows.ts';
import { LongSeries, ROWS_FOR_HISTORY, ROWS_FOR_RATES, SAMPLE_MS, Series } from './series.ts';

export const SERIES_MAX = 10_000;
export const HISTORIES_MAX = 256;
export const IDLE_MS = 60_000;

interface SampledVhost {
  readonly vhost: Vhost;
  readonly totals: VhostTotals;
  readonly series: Series;
  readonly failures: Series;
}

/** What the sockets of a protocol's clients carry: connections as of the last look, and bytes, which rise. */
export interface Carried {
  connections: number;
  bytesIn: number;
  bytesOut: number;
}

export class Sampler {
  /** Queues and channels in which something moved and that there was no room for, when it last looked. */
  without = 0;
  /** When it began to look last, in milliseconds of the clock. */
  lookedAtMs = 0;
  /** For how long consumers hold what they hold. */
  readonly heldSince = new HeldSince();
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly vhosts = new Map<Vhost, SampledVhost>();
  /** Of the broker. */
  private readonly lasting: Series[] = [];
  private readonly lastingLonger: LongSeries[] = [];
  /** By protocol. */
  private readonly carried = new Map<string, Carried>();
  private looks = 0;
  /** Of queues, exchanges and channels. */
  private readonly series = new Map<object, Series>();
  /** Those with a history, the one asked longest ago first. */
  private readonly histories = new Set<Series>();
  private readonly timer = new Timer(() => void this.tick());
  private stopped = false;
  private ticking: Promise<void> | undefined = undefined;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.pace = pace;
  }

  start(): void {
    this.sampleLasting();
    this.broker.clock.schedule(this.timer, SAMPLE_MS);
  }

  stop(): void {
    this.stopped = true;
    this.broker.clock.cancel(this.timer);
    this.series.clear();
    this.histories.clear();
  }

  /** Forgets what it has looked at; what lasts goes on without its past. */
  forget(): void {
    this.series.clear();
    this.histories.clear();
    for (const { series, failures } of this.vhosts.values()) {
      series.forget();
      failures.forget();
    }
    for (const series of this.lasting) series.forget();
    for (const series of this.lastingLonger) series.forget();
  }

  get seriesCount(): number {
    return this.series.size;
  }

  /** A series that is there for as long as the sampler, with its history. @param read writes a row of `width` numbers */
  always(width: number, read: (row: Float64Array) => void): Series {
    const series = new Series(width, read);
    series.keep(ROWS_FOR_HISTORY);
    this.lasting.push(series);
    return series;
  }

  /** The same, which goes back for an hour. */
  alwaysLonger(width: number, read: (row: Float64Array) => void): LongSeries {
    const series = new LongSeries(width, read);
    this.lastingLonger.push(series);
    return series;
  }

  vhost(vhost: Vhost): Series {
    return this.sampled(vhost).series;
  }

  /** The rates alone: `FAILURE_COLUMNS`. */
  failures(vhost: Vhost): Series {
    return this.sampled(vhost).failures;
  }

  /** Of a protocol's clients, as of the last look. */
  carriedBy(protocol: string): Carried {
    let carried = this.carried.get(protocol);
    if (carried === undefined) {
      carried = { connections: 0, bytesIn: 0, bytesOut: 0 };
      this.carried.set(protocol, carried);
    }
    return carried;
  }

  private sampled(vhost: Vhost): SampledVhost {
    let sampled = this.vhosts.get(vhost);
    if (sampled === undefined) {
      const totals = { ready: 0, unsettled: 0, consumers: 0 };
      const series = new Series(VHOST_COLUMNS.length, (row) => vhostRow(vhost, totals, row));
      series.keep(ROWS_FOR_HISTORY);
      const failures = new Series(FAILURE_COLUMNS.length, (row) => failureRow(vhost, row));
      sampled = { vhost, totals, series, failures };
      this.vhosts.set(vhost, sampled);
    }
    return sampled;
  }

  /** As of the last look. */
  totals(vhost: Vhost): VhostTotals {
    return this.sampled(vhost).totals;
  }

  /** Undefined: there is no room for one. */
  queue(queue: Queue, history: boolean): Series | undefined {
    return this.asked(queue, history, () => new Series(QUEUE_COLUMNS.length, (row) => queueRow(queue, row)));
  }

  exchange(exchange: Pick<Exchange<Queue>, 'publishedIn' | 'publishedOut'>, history: boolean): Series | undefined {
    const make = (): Series =>
      new Series(EXCHANGE_COLUMNS.length, (row) => {
        row[0] = exchange.publishedIn;
        row[1] = exchange.publishedOut;
      });
    return this.asked(exchange, history, make);
  }

  channel(counts: ChannelCounts, history: boolean): Series | undefined {
    return this.asked(counts, history, () => channelSeries(counts));
  }

  /** Queues that are measured at the moment, in which something moves: SERIES_MAX at most, however many queues there are. */
  *measuredQueues(): Generator<readonly [Queue, Series]> {
    for (const [of, series] of this.series) if (of instanceof Queue && !of.deleted) yield [of, series];
  }

  /** What there is of it already: for lists, which would otherwise ask for everything. */
  known(of: object): Series | undefined {
    return this.series.get(of);
  }

  private asked(of: object, history: boolean, make: () => Series): Series | undefined {
    const series = this.series.get(of) ?? this.add(of, make);
    if (series === undefined) return undefined;
    series.askedAtMs = this.broker.clock.monotonicMs();
    if (history) this.keepHistory(series);
    return series;
  }

  private add(of: object, make: () => Series): Series | undefined {
    if (this.stopped || this.series.size >= SERIES_MAX) return undefined;
    const { clock } = this.broker;
    const series = make();
    series.sample(clock.monotonicMs(), clock.epochMs());
    this.series.set(of, series);
    return series;
  }

  private keepHistory(series: Series): void {
    this.histories.delete(series);
    this.histories.add(series);
    series.keep(ROWS_FOR_HISTORY);
    if (this.histories.size <= HISTORIES_MAX) return;
    const [oldest] = this.histories;
    oldest!.keep(ROWS_FOR_RATES);
    this.histories.delete(oldest!);
  }

  /** Looks at everything once, in slices. The last look has ended before the next. */
  tick(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    this.broker.clock.schedule(this.timer, SAMPLE_MS);
    this.ticking ??= this.look().finally(() => {
      this.ticking = undefined;
    });
    return this.ticking;
  }

  private async look(): Promise<void> {
    await this.pace.next(true);
    this.lookedAtMs = this.broker.clock.monotonicMs();
    this.sampleLasting();
    await this.sampleKnown();
    this.without = 0;
    for (const { vhost } of this.vhosts.values()) {
      if (this.broker.vhostsByName.get(vhost.name) !== vhost) this.vhosts.delete(vhost);
    }
    this.heldSince.begin();
    for (const vhost of this.broker.vhostsByName.values()) await this.sampleVhost(vhost);
    this.heldSince.end();
    await this.sampleConnections();
  }

  private sampleLasting(): void {
    const { clock } = this.broker;
    for (const series of this.lasting) series.sample(clock.monotonicMs(), clock.epochMs());
    const number = this.looks++;
    for (const series of this.lastingLonger) series.sample(number, clock.monotonicMs(), clock.epochMs());
  }

  private async sampleKnown(): Promise<void> {
    const { clock } = this.broker;
    const nowMs = clock.monotonicMs();
    for (const [of, series] of this.series) {
      series.sample(clock.monotonicMs(), clock.epochMs());
      const usedAtMs = Math.max(series.askedAtMs, series.changedAtMs);
      if (nowMs - usedAtMs > IDLE_MS || (of as { deleted?: boolean }).deleted === true) {
        this.series.delete(of);
        this.histories.delete(series);
      }
      if (this.pace.over()) await this.pace.next(true);
    }
  }

  private async sampleVhost(vhost: Vhost): Promise<void> {
    let ready = 0;
    let unsettled = 0;
    let consumers = 0;
    for (const queue of vhost.topology.queues.values()) {
      ready += queue.count;
      unsettled += queue.unsettledCount;
      if (queue.unsettledCount > 0) this.heldSince.note(queue, this.lookedAtMs);
      consumers += queue.consumers.length;
      const { traffic } = queue;
      if (traffic?.moved() === true && !this.series.has(queue)) {
        const series = this.add(queue, () => new Series(QUEUE_COLUMNS.length, (row) => queueRow(queue, row)));
        if (series === undefined) this.without++;
      }
      if (this.pace.over()) await this.pace.next(true);
    }
    const { series, totals, failures } = this.sampled(vhost);
    Object.assign(totals, { ready, unsettled, consumers });
    const { clock } = this.broker;
    series.sample(clock.monotonicMs(), clock.epochMs());
    failures.sample(clock.monotonicMs(), clock.epochMs());
  }

  private async sampleConnections(): Promise<void> {
    const connections = new Map<string, number>();
    for (const session of this.broker.openSessions) {
      const { protocol } = session.traffic;
      if (sampleConnection(session, this.carriedBy(protocol))) {
        connections.set(protocol, (connections.get(protocol) ?? 0) + 1);
      }
      for (const counts of session.client.channelCounts?.() ?? []) this.sampleChannel(counts);
      if (this.pace.over()) await this.pace.next(true);
    }
    for (const [protocol, carried] of this.carried) carried.connections = connections.get(protocol) ?? 0;
  }

  private sampleChannel(counts: ChannelCounts): void {
    if (!counts.moved() || this.series.has(counts)) return;
    if (this.add(counts, () => channelSeries(counts)) === undefined) this.without++;
  }
}

function channelSeries(counts: ChannelCounts): Series {
  return new Series(CHANNEL_COLUMNS.length, (row) => channelRow(counts, row));
}

/** @returns whether it came over a network */
function sampleConnection(session: ClientSession, carried: Carried): boolean {
  const { bytesIn = 0, bytesOut = 0, remote } = session.client.transport ?? {};
  if (remote === undefined) return false;
  const before = session.sampled;
  carried.bytesIn += bytesIn - (before?.bytesIn ?? 0);
  carried.bytesOut += bytesOut - (before?.bytesOut ?? 0);
  if (before === null) {
    session.sampled = { bytesIn, bytesOut, inPerSecond: 0, outPerSecond: 0 };
    return true;
  }
  before.inPerSecond = ((bytesIn - before.bytesIn) * 1000) / SAMPLE_MS;
  before.outPerSecond = ((bytesOut - before.bytesOut) * 1000) / SAMPLE_MS;
  before.bytesIn = bytesIn;
  before.bytesOut = bytesOut;
  return true;
}
