/** Runs one piece of work with the project's own generator: a thread that publishes, a thread that consumes. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ThreadJob, ThreadReport } from './thread.ts';
import type { Measured, Ports, Work } from './work.ts';

const TIMEOUT_MS = 120_000;

export async function runLoad(work: Work, ports: Ports): Promise<Measured> {
  const thread = (role: ThreadJob['role']): Worker =>
    new Worker(new URL('./thread.ts', import.meta.url), { workerData: { role, work, ports } satisfies ThreadJob });
  const workers: Worker[] = [];
  const abort = AbortSignal.timeout(TIMEOUT_MS);
  const failed = new Promise<never>((_, reject) => {
    abort.onabort = () => reject(new Error('the load did not end in time'));
  });
  failed.catch(() => {});
  const start = async (role: ThreadJob['role']): Promise<Worker> => {
    const worker = thread(role);
    workers.push(worker);
    await Promise.race([once(worker, 'message'), failed]);
    return worker;
  };
  const outcome = (worker: Worker): Promise<ThreadReport> =>
    Promise.race([once(worker, 'message').then(([report]) => report as ThreadReport), failed]);
  try {
    const consumer = work.publishOnly ? undefined : await start('consumer');
    const publisher = await start('publisher');
    const received = consumer === undefined ? undefined : outcome(consumer);
    received?.catch(() => {});
    const published = outcome(publisher);
    publisher.postMessage('go');
    const sent = await published;
    consumer?.postMessage('published');
    const got = received === undefined ? sent : await received;
    const expected = work.count * (work.fanout ? work.subscribers : 1);
    return {
      rate: (1000 * got.count) / (got.lastMs - sent.firstMs),
      complete: got.count / expected,
      duplicates: got.duplicates,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
