/**
 * The collector of an idle process: gives memory back that a burst has left with the JavaScript heap.
 *
 * The engine grows its young generation under load (from about 1 to 48 MiB) and only shrinks it in a full collection;
 * but a broker with nothing to do allocates nothing, so none comes, and what a burst took would be held for good. So,
 * every 5 s: if the event loop was idle for 98 % of that time, and the heap has grown by 16 MiB since it was last
 * looked after, it is collected once (some 20 ms for a heap of this size).
 *
 * It refuses to touch a heap with more than 256 MiB in use, where the pause would be felt, and is for a process of the
 * broker's own: what an embedder does with its heap is the embedder's business.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, Timer } from '../clock/clock.ts';
import type { Logger } from '../logger.ts';

const CHECK_MS = 5_000;
const IDLE_UTILIZATION_MAX = 0.02;
const GROWN_BYTES = 16 * 1024 * 1024;
const USED_MAX_BYTES = 256 * 1024 * 1024;

export interface HeapView {
  /** What the heap has taken from the system. */
  readonly heapTotal: number;
  readonly heapUsed: number;
}

/** What is measured and done; a test brings its own. */
export interface HeapPort {
  heap(): HeapView;
  /** Part of the time since the last call that the event loop was busy, 0 to 1. */
  utilization(): number;
  /** Collects everything, and returns when it is done. */
  collect(): void;
}

export class IdleMemory {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly port: HeapPort;
  private readonly timer = new Timer(() => this.check());
  private keptBytes = 0;

  constructor(clock: Clock, logger: Logger, port: HeapPort = new ProcessHeap()) {
    this.clock = clock;
    this.logger = logger;
    this.port = port;
  }

  start(): void {
    this.port.utilization();
    this.clock.schedule(this.timer, CHECK_MS);
  }

  stop(): void {
    this.clock.cancel(this.timer);
  }

  private check(): void {
    this.clock.schedule(this.timer, CHECK_MS);
    const idle = this.port.utilization() <= IDLE_UTILIZATION_MAX;
    const before = this.port.heap();
    if (!idle || before.heapTotal < this.keptBytes + GROWN_BYTES || before.heapUsed > USED_MAX_BYTES) return;
    this.port.collect();
    this.keptBytes = this.port.heap().heapTotal;
    this.logger.debug({ beforeBytes: before.heapTotal, afterBytes: this.keptBytes }, 'gave memory back');
  }
}

class ProcessHeap implements HeapPort {
  private last = performance.eventLoopUtilization();

  heap(): HeapView {
    // Not `process.memoryUsage`: that reads a file, and throws when no descriptor is left to read it with.
    const { total_heap_size, used_heap_size } = getHeapStatistics();
    return { heapTotal: total_heap_size, heapUsed: used_heap_size };
  }

  utilization(): number {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.last);
    this.last = now;
    return utilization;
  }

  collect(): void {
    collectGarbage();
  }
}

/** Collects the whole heap, and gives back what is free of it: some 20 ms for a small one. */
export function collectGarbage(): void {
  // There is no other way to ask: a same-thread inspector session, which has a command for it, blocks the process.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
