/** Results of operations that may be done in parts: purging, and sending retained messages. */
import type { BindOptions } from '../../src/api/index.ts';
import type { Session } from '../../src/api/session.ts';
import type { Turn } from '../../src/clock/turn.ts';

/** How many messages are purged; -1 if it is not finished yet. With a turn it is finished, in as many turns as it takes. */
export function purged(session: Session, queue: string, turn?: Turn): number {
  let count = -1;
  session.purgeQueue(queue, ({ messages }) => {
    count = messages;
  });
  while (count < 0 && turn !== undefined) turn.end();
  return count;
}

/** How many retained messages are sent; -1 if it is not finished yet. */
export function replayed(session: Session, queue: string, filter: string, options: BindOptions): number {
  let count = -1;
  session.replayRetained(queue, 'amq.topic', filter, options, (all) => {
    count = all;
  });
  return count;
}
