/** The machine under the broker: how much memory there is, how much of it and of the disk is taken. */
import { totalmem } from 'node:os';
import type { Broker } from '../broker/broker.ts';
import type { MachinePort, Marks } from '../broker/watermarks.ts';
import type { Config } from '../config/schema.ts';
import { collectGarbage } from '../management/idle-memory.ts';

/** What this process may use: of the machine, or of the cgroup that it is in, whichever is less. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}

/** The marks that the settings ask for, in bytes. */
export function marksOf({ memory, disk }: Pick<Config, 'memory' | 'disk'>): Marks {
  const { highWatermark } = memory;
  const memoryMax = highWatermark > 1 ? highWatermark : Math.floor(memoryBytes() * highWatermark);
  return {
    memoryMax: memoryMax === 0 ? undefined : memoryMax,
    diskFreeMin: disk.freeMin === 0 ? undefined : disk.freeMin,
  };
}

/**
 * What counts against the mark is resident memory, but no more than is in use: what the process has once had and let go of, its
 * allocator keeps for what comes next, and publishers that waited for that to go would wait for ever.
 */
export function machine(broker: Pick<Broker, 'freeBytes'>): MachinePort {
  const began = process.memoryUsage();
  const ownBytes = began.rss - began.heapTotal - began.external;
  const residentBytes = (): number => {
    const { rss, heapTotal, external } = process.memoryUsage();
    return Math.min(rss, ownBytes + heapTotal + external);
  };
  return { residentBytes, freeBytes: broker.freeBytes, collect: collectGarbage };
}
