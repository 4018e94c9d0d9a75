/**
 * Many histories on several threads. A thread that dies of an uncaught error names the seed it was at and is replaced, so
 * that one bug hides no other.
 */
import { Worker } from 'node:worker_threads';
import type { SabotageName } from './sabotage.ts';
import { FaultCounts } from './world/disk.ts';
import type { HistoryReport } from './world/world.ts';

export interface RunOptions {
  readonly firstSeed: number;
  readonly histories: number;
  readonly threads: number;
  readonly sabotage?: SabotageName;
  /** Called after each history; false stops the run. */
  readonly onHistory?: (report: HistoryReport) => boolean;
}

export interface RunReport {
  readonly histories: number;
  readonly failed: readonly HistoryReport[];
  readonly faults: FaultCounts;
  readonly counts: Record<string, number>;
}

/** What a thread is given, and what it answers: a report for each seed, and `begun` before it. */
export interface ThreadData {
  readonly sabotage: SabotageName | undefined;
}
export type ThreadAnswer = { begun: number } | { report: HistoryReport };

/** Seeds given to a thread at once: enough that it never waits for the next. */
const AHEAD = 4;

export function runHistories(options: RunOptions): Promise<RunReport> {
  const { firstSeed, histories, threads } = options;
  const end = firstSeed + histories;
  const failed: HistoryReport[] = [];
  const faults = new FaultCounts();
  const counts: Record<string, number> = {};
  let next = firstSeed;
  let done = 0;
  let stopping = false;

  const take = (report: HistoryReport): void => {
    done++;
    faults.add(report.faults);
    for (const [name, n] of Object.entries(report.counts)) counts[name] = (counts[name] ?? 0) + n;
    if (report.failures.length > 0) failed.push(report);
    if (options.onHistory?.(report) === false) stopping = true;
  };

  /** One thread, until there are no more seeds for it or it dies. `again`: seeds that a dead one was given and never began. */
  const thread = (again: number[]): Promise<void> =>
    new Promise((resolve) => {
      const data: ThreadData = { sabotage: options.sabotage };
      const worker = new Worker(new URL('./thread.ts', import.meta.url), { workerData: data });
      const given: number[] = [];
      let current = -1;
      let ended = false;
      const give = (): void => {
        while (given.length < AHEAD && !stopping) {
          const seed = again.shift() ?? (next < end ? next++ : undefined);
          if (seed === undefined) break;
          given.push(seed);
          worker.postMessage(seed);
        }
        if (given.length === 0 || stopping) {
          ended = true;
          void worker.terminate().then(() => resolve());
        }
      };
      worker.on('message', (answer: ThreadAnswer) => {
        if (ended) return;
        if ('begun' in answer) current = answer.begun;
        else {
          given.shift();
          take(answer.report);
          give();
        }
      });
      worker.on('error', (error) => {
        if (ended) return;
        ended = true;
        const text = `uncaught: ${(error as Error).stack ?? error}`;
        given.shift();
        take({ seed: current, failures: [text], faults: new FaultCounts(), counts: {} });
        resolve(stopping ? undefined : thread(given));
      });
      give();
    });

  return Promise.all(Array.from({ length: threads }, () => thread([]))).then(() => ({
    histories: done,
    failed,
    faults,
    counts,
  }));
}
