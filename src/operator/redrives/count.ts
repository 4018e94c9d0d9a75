/** A dry run of a redrive: how many messages it would move, and where to. */
import type { Queue } from '../../queue/queue.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { type ScanFrom, type Scanned, scan } from '../messages/scan.ts';
import type { RedrivePlan } from './plan.ts';
import { originOf, Wanted } from './wanted.ts';

export interface RedriveCount extends Scanned {
  readonly matching: number;
  /** By queue, where messages go to the queue that they died in: the first so many, in the order in which they were met. */
  readonly origins: readonly { readonly queue: string; readonly messages: number; readonly exists: boolean }[];
  readonly noOrigin: number;
  /** Of origins that are not listed. */
  readonly others: number;
}

const ORIGINS_MAX = 100;

export async function countFor(
  vhost: Vhost,
  queue: Queue,
  plan: RedrivePlan,
  from: ScanFrom,
  pace: Pace,
): Promise<RedriveCount> {
  const wanted = new Wanted(plan, vhost);
  const byQueue = new Map<string, number>();
  let matching = 0;
  let noOrigin = 0;
  let others = 0;
  const scanned = await scan(vhost, queue, { from, states: ['ready'], filter: wanted.filter }, pace, (entry, view) => {
    if (!wanted.includes(entry, view)) return true;
    matching++;
    if (plan.to === 'origin') {
      const origin = originOf(view);
      if (origin === undefined) noOrigin++;
      else if (!byQueue.has(origin) && byQueue.size >= ORIGINS_MAX) others++;
      else byQueue.set(origin, (byQueue.get(origin) ?? 0) + 1);
    }
    return matching < plan.limit;
  });
  const origins = [...byQueue].map(([name, messages]) => ({
    queue: name,
    messages,
    exists: vhost.topology.queues.has(name),
  }));
  return { ...scanned, matching, origins, noOrigin, others };
}
