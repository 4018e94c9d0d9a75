/** Full targets: queues that take no more and say so to publishers. */
import type { Draft } from '../../message/message.ts';
import type { Queue } from '../queue.ts';

/** The targets that do not take it; null if there are none, nearly always. */
export function fullTargets(targets: readonly Queue[], draft: Draft): Queue[] | null {
  let full: Queue[] | null = null;
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i]!;
    if (!target.rejects) continue;
    if (!target.refuses(draft.large === null ? draft.bodyEnd - draft.bodyStart : draft.large.length)) continue;
    full ??= [];
    full.push(target);
  }
  return full;
}
