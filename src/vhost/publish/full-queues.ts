/**
 * Queues that are full and say so to publishers (overflow reject-publish): such a message passes them by, goes to all others,
 * and its publisher hears that it was refused.
 */
import { MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import { type Draft, MessageView } from '../../message/message.ts';
import { viewDraft } from '../../message/storage.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import { deathBy } from '../../settlement/decide.ts';
import { deadLetterUnstored } from '../dead-letters/dead-letters.ts';
import type { Vhost } from '../vhost.ts';

export function publishPastFull(vhost: Vhost, route: CompiledRoute<Queue>, draft: Draft, full: readonly Queue[]): Mark {
  const body = draft.large as StoredBody | null;
  body?.hold(1); // what it becomes shares it
  vhost.publishTo(vhost.router.without(route, full), draft);
  // It was routed, whatever became of it there.
  draft.routed = route.targets.length;
  for (const queue of full) {
    vhost.counters.refusedFull++;
    if (queue.settings.overflow !== 'reject-publish-dlx') continue;
    const decision = deathBy(queue.settings, 0, 'maxlen');
    const view = new MessageView();
    viewDraft(draft, route, vhost.nowMs(), view);
    deadLetterUnstored(vhost, queue, decision, view);
  }
  body?.letGo(1);
  return MARK_REFUSED;
}
