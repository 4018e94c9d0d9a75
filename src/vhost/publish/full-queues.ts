/**
 * Publishes past queues that are full and say so to publishers (overflow reject-publish): such a message passes them by, goes
 * to all others, and its publisher hears that it was refused.
 */
import { MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import type { TurnClock } from '../../clock/turn-clock.ts';
import { type Draft, MessageView } from '../../message/message.ts';
import { viewDraft } from '../../message/storage.ts';
import type { Queue } from '../../queue/queue.ts';
import type { StoredBody } from '../../queue/store/stored-body.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Router } from '../../routing/router.ts';
import { type Decision, deathBy } from '../../settlement/decide.ts';
import type { Counters } from '../counters.ts';
import type { DroppedMessages } from '../dropped-messages.ts';

export interface FullQueuesParts {
  readonly router: Router<Queue>;
  readonly time: TurnClock;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  /** Publishes to all targets of the route. */
  publishTo(route: CompiledRoute<Queue>, draft: Draft): Mark;
  /** Carries out what was decided of a message that a queue did not take. */
  diedUnstored(queue: Queue, decision: Decision, view: MessageView): void;
}

export class FullQueues {
  private readonly parts: FullQueuesParts;

  constructor(parts: FullQueuesParts) {
    this.parts = parts;
  }

  /** @param full those of the route's targets that do not take it, one at least */
  publishPast(route: CompiledRoute<Queue>, draft: Draft, full: readonly Queue[]): Mark {
    const { router, time, counters } = this.parts;
    const body = draft.large as StoredBody | null;
    body?.hold(1); // what it becomes shares it
    this.parts.publishTo(router.without(route, full), draft);
    // It was routed, whatever became of it there.
    draft.routed = route.targets.length;
    for (const queue of full) {
      counters.refusedFull++;
      this.tell(route, draft, queue);
      if (queue.settings.overflow !== 'reject-publish-dlx') continue;
      const decision = deathBy(queue.settings, 0, 'maxlen');
      const view = new MessageView();
      viewDraft(draft, route, time.epochMs(), view);
      this.parts.diedUnstored(queue, decision, view);
    }
    body?.letGo(1);
    return MARK_REFUSED;
  }

  private tell(route: CompiledRoute<Queue>, draft: Draft, queue: Queue): void {
    const { dropped, time } = this.parts;
    if (!dropped.mayTell) return;
    const view = new MessageView();
    viewDraft(draft, route, time.epochMs(), view);
    dropped.tell('queue-full', queue.name, view);
  }
}
