/**
 * Whose the durable subscriptions are, so that they can be judged while their clients are away: a record in the broker's log for each,
 * beside its queue.
 *
 *     stomp/durable/<queue>       JSON, see `DurableOwner`
 *
 * A queue may go without a word to us; its record goes when others are made, or when all of them are looked at.
 */
import type { AdapterState, Session } from '../../../src/api/index.ts';

export interface DurableOwner {
  /** Who subscribed last. */
  readonly user: string;
  /** The queue was made for the subscription. */
  readonly made: boolean;
}

const PREFIX = 'stomp/durable/';
/** Other records that are looked at for each that is made: more than one, so that those of queues that are gone get fewer. */
const LOOKED_AT = 2;

/** Queues that have a record, of each vhost in which one was made, and which of them is looked at next. */
const known = new WeakMap<AdapterState, { readonly queues: string[]; next: number }>();

export function ownerOf(state: AdapterState, queue: string): DurableOwner | undefined {
  const value = state.get(PREFIX + queue);
  if (value === undefined) return undefined;
  try {
    const { user, made } = JSON.parse(value.toString('utf8')) as Partial<DurableOwner>;
    return typeof user === 'string' ? { user, made: made === true } : undefined;
  } catch {
    return undefined;
  }
}

/** The queues of all durable subscriptions. It walks the whole state. */
export function ownedQueues(state: AdapterState): string[] {
  return state.keys(PREFIX).map((key) => key.slice(PREFIX.length));
}

/** The session's user has the subscription from now on. */
export function own(session: Session, queue: string, made: boolean): void {
  const { state, user } = session;
  const before = ownerOf(state, queue);
  if (before?.user === user && before.made === made) return;
  if (before === undefined) sweep(session, queue);
  state.put(PREFIX + queue, Buffer.from(JSON.stringify({ user, ...(made && { made }) }), 'utf8'));
}

/** There is no such subscription any more. */
export function disown(state: AdapterState, queue: string): void {
  state.delete(PREFIX + queue);
}

/** Forgets a few of those whose queues are gone, before there is one more. */
function sweep(session: Session, queue: string): void {
  const { state } = session;
  let all = known.get(state);
  if (all === undefined) {
    all = { queues: ownedQueues(state), next: 0 };
    known.set(state, all);
  }
  const { queues } = all;
  for (let i = 0; i < LOOKED_AT && queues.length > 0; i++) {
    const at = all.next % queues.length;
    const one = queues[at]!;
    if (session.queueExists(one) && ownerOf(state, one) !== undefined) {
      all.next = at + 1;
      continue;
    }
    disown(state, one);
    queues[at] = queues.at(-1)!;
    queues.pop();
  }
  queues.push(queue);
}
