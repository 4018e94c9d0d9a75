/**
 * `GET /metrics`, in Prometheus' text format. With `?family=queues` there is a series for each queue instead (at most
 * 10,000 of them), which a broker with a hundred thousand would not want to write at every scrape.
 *
 * Each answer is made from a snapshot of its own: there is no registry that lives on, and nothing is global.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { type Metric, Registry } from 'prom-client';
import type { Broker } from '../broker.ts';
import { VERSION } from '../version.ts';
import {
  type Family,
  type Figures,
  families,
  type ProcessFigures,
  queueFamilies,
  type SocketFigures,
} from './families.ts';

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
const QUEUES_MAX = 10_000;

/** Who knows what the broker does not. */
export interface MetricsSources {
  readonly broker: Broker;
  connections(): SocketFigures;
  protocols(): Figures['protocols'];
}

export class Metrics {
  private readonly sources: MetricsSources;
  private readonly startedMs: number;
  private lastResidentBytes = 0;
  private lastLoop = performance.eventLoopUtilization();

  constructor(sources: MetricsSources) {
    this.sources = sources;
    this.startedMs = sources.broker.clock.monotonicMs();
  }

  text(): Promise<string> {
    const { broker, connections, protocols } = this.sources;
    return write(
      families({
        version: VERSION,
        uptimeS: (broker.clock.monotonicMs() - this.startedMs) / 1000,
        sessions: broker.sessionCount,
        ...connections(),
        vhosts: broker.figures(),
        protocols: protocols(),
        process: this.process(),
      }),
    );
  }

  queuesText(): Promise<string> {
    return write(queueFamilies(this.sources.broker.queueFigures(), QUEUES_MAX));
  }

  /** The system tells it in a file: without a descriptor to read that with it is what it was. */
  private residentBytes(): number {
    try {
      this.lastResidentBytes = process.memoryUsage.rss();
    } catch {
      // As it was.
    }
    return this.lastResidentBytes;
  }

  private process(): ProcessFigures {
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

function write(shown: readonly Family[]): Promise<string> {
  const registry = new Registry();
  for (const family of shown) {
    // A registry asks a metric for nothing but this.
    registry.registerMetric({ name: family.name, get: async () => family } as unknown as Metric);
  }
  return registry.metrics();
}
