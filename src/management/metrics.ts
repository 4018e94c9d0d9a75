/**
 * `GET /metrics`, in Prometheus' text format. With `?family=queues` there is a series for each queue instead (at most
 * 10,000 of them), which a broker with a hundred thousand would not want to write at every scrape.
 *
 * Each answer is made from a snapshot of its own: there is no registry that lives on, and nothing is global.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Metric, Registry } from 'prom-client';
import type { Broker } from '../broker/broker.ts';
import type { Share } from '../clock/work.ts';
import { VERSION } from '../version.ts';
import {
  type BrokerStatistics,
  type ConnectionStatistics,
  type Family,
  families,
  type ProcessStatistics,
} from './families.ts';
import { QueueSeries } from './queue-series.ts';

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
const QUEUES_MAX = 10_000;
/** Of the budget of work: a step takes some 20 µs. */
const UNITS_A_STEP = 40;

/** Bytes of an answer, which several requests may share. */
type Answer = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** Where the numbers come from. */
export interface MetricsSources {
  readonly broker: Broker;
  connections(): ConnectionStatistics;
  protocols(): BrokerStatistics['protocols'];
  watermarks(): BrokerStatistics['watermarks'];
}

export class Metrics {
  private readonly sources: MetricsSources;
  private readonly startedMs: number;
  private readonly share: Share;
  private making: Promise<Answer> | undefined = undefined;
  private listing: Promise<Answer> | undefined = undefined;
  private lastResidentBytes = 0;
  private lastLoop = performance.eventLoopUtilization();

  constructor(sources: MetricsSources) {
    this.sources = sources;
    this.share = sources.broker.turn.work.share();
    this.startedMs = sources.broker.clock.monotonicMs();
  }

  /** The families of the whole broker, in UTF-8. Requests that come while an answer is being made share that one. */
  text(): Promise<Answer> {
    this.making ??= this.make().finally(() => {
      this.making = undefined;
    });
    return this.making;
  }

  /** A series for each queue, in UTF-8; requests share an answer here too. */
  queuesText(): Promise<Answer> {
    this.listing ??= this.list().finally(() => {
      this.listing = undefined;
    });
    return this.listing;
  }

  private async make(): Promise<Answer> {
    const { broker, connections, protocols, watermarks } = this.sources;
    const parts = broker.statisticsInParts();
    let vhosts: BrokerStatistics['vhosts'] = [];
    await this.inTurns(() => {
      const { done, value } = parts.next();
      if (done === true) vhosts = value;
      return done === true;
    });
    return write(
      families({
        version: VERSION,
        uptimeS: (broker.clock.monotonicMs() - this.startedMs) / 1000,
        sessions: broker.sessionCount,
        logins: broker.loginStatistics,
        workWaits: broker.turn.work.waits,
        ...connections(),
        vhosts,
        protocols: protocols(),
        process: this.process(),
        watermarks: watermarks(),
        limitRefusals: broker.usage.refusals,
      }),
    );
  }

  private async list(): Promise<Answer> {
    const series = new QueueSeries(this.sources.broker.queueStatistics(), QUEUES_MAX);
    await this.inTurns(() => series.step());
    return series.bytes();
  }

  /** Takes all steps, as many a turn as there is time for. */
  private inTurns(step: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.share.run(() => {
        this.share.work.spend(UNITS_A_STEP);
        return step();
      }, resolve);
    });
  }

  /** The system has it in a file: without a descriptor to read that with, the last value is given again. */
  private residentBytes(): number {
    try {
      this.lastResidentBytes = process.memoryUsage.rss();
    } catch {
      // The last value.
    }
    return this.lastResidentBytes;
  }

  private process(): ProcessStatistics {
    const { total_heap_size, used_heap_size, external_memory } = getHeapStatistics();
    const { user, system } = process.cpuUsage();
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.lastLoop);
    this.lastLoop = now;
    return {
      cpuSeconds: (user + system) / 1e6,
      residentBytes: this.residentBytes(),
      heapUsedBytes: used_heap_size,
      heapTotalBytes: total_heap_size,
      externalBytes: external_memory,
      loopUtilization: utilization,
    };
  }
}

async function write(shown: readonly Family[]): Promise<Answer> {
  const registry = new Registry();
  for (const family of shown) {
    // A registry asks a metric for nothing but this.
    registry.registerMetric({ name: family.name, get: async () => family } as unknown as Metric);
  }
  return encoder.encode(await registry.metrics());
}
