/** The whole broker and its process in numbers, with how fast each goes: what came and went, what is used of the machine. */
import type { Broker } from '../broker/broker.ts';
import { type Measured, MeasuredRows } from './rates/measured.ts';
import type { Sampler } from './rates/sampler.ts';
import type { Series } from './rates/series.ts';
import type { Surroundings } from './surroundings.ts';

/** All but the last four only rise. */
export const OVERALL_COLUMNS = [
  'connectionsOpened',
  'connectionsClosed',
  'channelsOpened',
  'channelsClosed',
  'queuesDeclared',
  'queuesCreated',
  'queuesDeleted',
  /** Of the logs: bytes that were appended, syncs, and the milliseconds that these took. */
  'appendedBytes',
  'syncs',
  'syncMs',
  'residentBytes',
  'sockets',
  'diskFreeBytes',
  /** Of the logs, and of what does not fit into memory. */
  'diskUsedBytes',
] as const;
export type OverallColumn = (typeof OVERALL_COLUMNS)[number];

export class Overall {
  private readonly broker: Broker;
  private readonly surroundings: Surroundings;
  private readonly series: Series;
  private lastResidentBytes = 0;

  constructor(broker: Broker, sampler: Sampler, surroundings: Surroundings) {
    this.broker = broker;
    this.surroundings = surroundings;
    this.series = sampler.always(OVERALL_COLUMNS.length, (row) => this.read(row));
  }

  get measured(): Measured<OverallColumn> {
    const row = new Float64Array(OVERALL_COLUMNS.length);
    this.read(row);
    return new MeasuredRows(OVERALL_COLUMNS, row, [this.series]);
  }

  private read(row: Float64Array): void {
    const { churn, usage, queueChurn } = this.broker;
    row[0] = churn.opened;
    row[1] = churn.closed;
    row[2] = usage.channelsOpened;
    row[3] = usage.channelsGone;
    row[4] = queueChurn.declared;
    row[5] = queueChurn.created;
    row[6] = queueChurn.deleted;
    row.fill(0, 7, 10);
    row[13] = 0;
    for (const { log, transient } of this.broker.allVhosts) {
      const { appendedBytes, flushes, diskBytes } = log.statistics;
      row[7]! += appendedBytes;
      row[8]! += flushes.count;
      row[9]! += flushes.sum;
      row[13]! += diskBytes + transient.spillBytes;
    }
    const { sockets, diskFreeBytes = 0 } = this.surroundings.machine();
    row[10] = this.residentBytes();
    row[11] = sockets;
    row[12] = diskFreeBytes;
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
}
