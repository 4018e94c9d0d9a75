/**
 * The answers of `/metrics` and the paths under it. Each is made from a snapshot of its own: there is no registry that lives on,
 * and nothing is global. What has a series for each queue is made while it is read (`answer.ts`).
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Broker } from '../../broker/broker.ts';
import type { Share } from '../../clock/work.ts';
import { VERSION } from '../../version.ts';
import { streamed, whole } from './answer.ts';
import { type Family, writeFamily, writeHead, writeSample } from './exposition.ts';
import { families } from './families.ts';
import { LargestQueues, OWN_QUEUE_FAMILIES, queueLines } from './queue-series.ts';
import {
  ALARMS,
  CHANNEL_SUMS,
  type DescriptorFigures,
  GLOBAL,
  GROUPS,
  infoFamilies,
  prefixed,
  type RabbitmqFigures,
  type RabbitmqIdentity,
  SUMS,
  TOTALS,
} from './rabbitmq/broker-families.ts';
import { CLIENT_GROUPS, clientSums } from './rabbitmq/client-families.ts';
import { ALL_QUEUE_FAMILIES, CLUSTER_GROUPS, QUEUE_GROUPS, rabbitmqQueueLines } from './rabbitmq/queue-families.ts';
import { type LiveQueue, liveQueues } from './shown-queues.ts';
import type { BrokerStatistics, ConnectionStatistics, ProcessStatistics } from './statistics.ts';

/** Queues that are shown one by one where no other number is asked for. */
export const LARGEST_QUEUES = 100;
/** Of the budget of work: a step takes some 20 µs. */
const UNITS_A_STEP = 40;

/** Bytes of an answer, which several requests may share. */
export type Answer = Uint8Array<ArrayBuffer>;
export type Stream = ReadableStream<Answer>;

/** Where the numbers come from. */
export interface MetricsSources {
  readonly broker: Broker;
  /** What RabbitMQ's tools are told this broker is, and which version of RabbitMQ. */
  readonly rabbitmq: RabbitmqIdentity & { readonly version: string };
  connections(): ConnectionStatistics;
  protocols(): BrokerStatistics['protocols'];
  watermarks(): BrokerStatistics['watermarks'];
  descriptors(): DescriptorFigures;
}

export class Metrics {
  private readonly sources: MetricsSources;
  private readonly startedMs: number;
  private readonly share: Share;
  /** Answers under way, by what was asked: who asks meanwhile shares them. */
  private readonly making = new Map<string, Promise<Answer>>();
  private lastResidentBytes = 0;
  private lastLoop = performance.eventLoopUtilization();

  constructor(sources: MetricsSources) {
    this.sources = sources;
    this.share = sources.broker.turn.work.share();
    this.startedMs = sources.broker.clock.monotonicMs();
  }

  /** The families of the whole broker. */
  text(): Promise<Answer> {
    return this.shared('own', async () => this.write(families(await this.statistics())));
  }

  /** The same by RabbitMQ's names. */
  rabbitmqText(): Promise<Answer> {
    return this.shared('rabbitmq', async () => this.write(await this.rabbitmqFamilies('aggregated', true)));
  }

  /** A series for each of the queues in which most waits. */
  largestQueuesText(max: number): Promise<Answer> {
    return this.shared(`queues ${max}`, async () => {
      const largest = new LargestQueues(max);
      const queues = liveQueues(this.sources.broker);
      await this.inTurns(() => {
        const { done, value: queue } = queues.next();
        if (queue !== undefined) largest.add(queue);
        return done === true;
      });
      const shown = largest.largest as readonly LiveQueue[];
      for (const queue of shown) await new Promise<void>((done) => queue.findOldest(true, done));
      return whole(
        ownLines(() => shown, largest.left),
        this.share.work,
      );
    });
  }

  /** A series for every queue. */
  allQueues(): Stream {
    const { broker } = this.sources;
    return streamed(
      ownLines(() => liveQueues(broker), 0),
      this.share.work,
    );
  }

  /** By RabbitMQ's names: everything, and of queues, channels and connections each of them. */
  async perObject(): Promise<Stream> {
    const { broker } = this.sources;
    const shown = await this.rabbitmqFamilies('per-object', false);
    const clients = Object.values(CLIENT_GROUPS).map((lines) => lines(broker, 'rabbitmq_'));
    return streamed(
      chained([familyLines(shown), rabbitmqQueueLines(broker, 'rabbitmq_', ALL_QUEUE_FAMILIES), ...clients]),
      this.share.work,
    );
  }

  /**
   * By RabbitMQ's names: what is asked for and no more. A group that is not known is no error, and shows nothing.
   * @param vhosts only of these, where a group is of queues, clients, exchanges or vhosts; none: of all
   */
  async detailed(groups: readonly string[], vhosts: readonly string[]): Promise<Stream> {
    const { broker, rabbitmq } = this.sources;
    const within = vhosts.length === 0 ? undefined : new Set(vhosts);
    const asked = new Set(groups);
    const shown = infoFamilies(rabbitmq, rabbitmq.version, 'detailed');
    const known = Object.entries(GROUPS).filter(([name]) => asked.has(name));
    if (known.length > 0) {
      const figures = await this.rabbitmqFigures();
      for (const [, group] of known) shown.push(...prefixed('rabbitmq_detailed_', group(figures)));
    }
    const queues = new Set(groups.flatMap((name) => (Object.hasOwn(QUEUE_GROUPS, name) ? QUEUE_GROUPS[name]! : [])));
    const lines = [familyLines(shown), rabbitmqQueueLines(broker, 'rabbitmq_detailed_', queues, within)];
    for (const [name, make] of Object.entries(CLIENT_GROUPS)) {
      if (asked.has(name)) lines.push(make(broker, 'rabbitmq_detailed_', within));
    }
    for (const [name, make] of Object.entries(CLUSTER_GROUPS)) if (asked.has(name)) lines.push(make(broker, within));
    return streamed(chained(lines), this.share.work);
  }

  private shared(asked: string, make: () => Promise<Answer>): Promise<Answer> {
    let answer = this.making.get(asked);
    if (answer === undefined) {
      answer = make().finally(() => this.making.delete(asked));
      this.making.set(asked, answer);
    }
    return answer;
  }

  private write(shown: readonly Family[]): Promise<Answer> {
    return whole(familyLines(shown), this.share.work);
  }

  private async rabbitmqFamilies(endpoint: string, sums: boolean): Promise<Family[]> {
    const { rabbitmq } = this.sources;
    const figures = await this.rabbitmqFigures();
    const groups = [...(sums ? [ALARMS, SUMS, CHANNEL_SUMS] : []), ...Object.values(GROUPS), TOTALS, GLOBAL];
    const summed = sums ? await this.result(clientSums(this.sources.broker)) : [];
    return [
      ...infoFamilies(rabbitmq, rabbitmq.version, endpoint),
      ...groups.flatMap((group) => prefixed('rabbitmq_', group(figures))),
      ...prefixed('rabbitmq_', summed),
    ];
  }

  private async rabbitmqFigures(): Promise<RabbitmqFigures> {
    const { rabbitmq, descriptors } = this.sources;
    return { statistics: await this.statistics(), identity: rabbitmq, descriptors: descriptors() };
  }

  private async statistics(): Promise<BrokerStatistics> {
    const { broker, connections, protocols, watermarks } = this.sources;
    const vhosts = await this.result(broker.statisticsInParts());
    const consumersByProtocol = await this.result(broker.consumersByProtocol());
    const oldestReadyMs = await this.ages(vhosts);
    const counted = protocols();
    // Those too whose clients have not come yet.
    for (const [name] of counted) broker.traffic.of(name);
    return {
      version: VERSION,
      uptimeS: (broker.clock.monotonicMs() - this.startedMs) / 1000,
      sessions: broker.sessionCount,
      logins: broker.loginStatistics,
      backends: broker.backendStatistics,
      loginRefusals: broker.loginRefusals,
      loginsFailed: broker.loginsFailed,
      channelsOpened: broker.usage.channelsOpened,
      channelsGone: broker.usage.channelsGone,
      queueChurn: broker.queueChurn,
      traffic: broker.traffic.all,
      consumersByProtocol,
      oldestReadyMs,
      workWaits: broker.turn.work.waits,
      tracing: broker.tracer?.statistics,
      ...connections(),
      vhosts,
      protocols: counted,
      process: this.process(),
      watermarks: watermarks(),
      limitRefusals: broker.usage.refusals,
    };
  }

  /** For how long the oldest message of each vhost has waited: one read from the disk at most for each. */
  private async ages(vhosts: BrokerStatistics['vhosts']): Promise<Map<string, number>> {
    const ages = new Map<string, number>();
    for (const vhost of this.sources.broker.allVhosts) {
      const oldest = vhosts.find(({ name }) => name === vhost.name)?.oldest;
      if (oldest === undefined) continue;
      const epochMs = await new Promise<number | undefined>((done) => vhost.arrivedAtMs(oldest, true, done));
      if (epochMs !== undefined) ages.set(vhost.name, Math.max(0, vhost.clock.epochMs() - epochMs));
    }
    return ages;
  }

  /** Takes all parts, as many a turn as there is time for. */
  private async result<T>(parts: Generator<void, T>): Promise<T> {
    let result: T | undefined;
    await this.inTurns(() => {
      const { done, value } = parts.next();
      if (done === true) result = value;
      return done === true;
    });
    return result as T;
  }

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

function* familyLines(shown: readonly Family[]): Generator<string, void> {
  for (const family of shown) yield writeFamily(family);
}

function* ownLines(queues: () => Iterable<LiveQueue>, left: number): Generator<string, void> {
  yield* queueLines(OWN_QUEUE_FAMILIES, queues);
  const name = 'entrepot_queues_not_shown';
  yield writeHead({ name, type: 'gauge', help: 'Queues beyond the number that was asked for' });
  yield writeSample(name, '', left);
}

function* chained(all: readonly Iterable<string>[]): Generator<string, void> {
  for (const lines of all) yield* lines;
}
