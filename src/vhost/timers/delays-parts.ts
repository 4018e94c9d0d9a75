/** What delayed messages are given by their vhost. */
import type { Clock } from '../../clock/clock.ts';
import type { Turn } from '../../clock/turn.ts';
import type { Log } from '../../log/log.ts';
import type { TransientStore } from '../../log/transient/transient-store.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { Router } from '../../routing/router.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { Counters } from '../counters.ts';
import type { DroppedMessages } from '../dropped-messages.ts';
import type { PublishFlowControl } from '../flow/publish-flow-control.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import type { Journal } from '../journal/journal.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Passports } from '../passports/passports.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { Retainers } from '../publish/retainers.ts';
import type { UnreadableMessages } from '../unreadable.ts';

export interface DelaysParts {
  readonly vhost: string;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly log: Log;
  readonly transient: TransientStore;
  readonly store: MessageStore;
  readonly journal: Journal;
  readonly units: CommitUnits;
  readonly exchanges: ReadonlyMap<string, Exchange<Queue>>;
  readonly router: Router<Queue>;
  readonly publisher: Publisher;
  readonly counters: Counters;
  readonly dropped: DroppedMessages;
  readonly passports: Pick<Passports, 'kept' | 'cancelled'>;
  readonly lifecycle: Lifecycle;
  readonly publishFlow: PublishFlowControl;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly unreadable: UnreadableMessages;
  readonly retainers: Retainers;
}
