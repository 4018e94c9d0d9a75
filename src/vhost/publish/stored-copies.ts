/**
 * The copies of a stored message that goes to very many queues. It is stored once, with the list of all of them, so a crash leaves it
 * in each; in memory they get it in parts, for thousands take longer than a turn may last. Its publisher waits meanwhile, as for any
 * long operation of its own. What another publishes to one of them in between may come first there: they were under way together.
 *
 * A checkpoint says what a queue holds, and the message's record may lie before it: so a queue that is written down gets its copy
 * first (`giveTo`).
 */
import type { Turn } from '../../clock/turn.ts';
import { type Assurance, AT_MOST_ONCE, type Draft } from '../../message/message.ts';
import { entryFlags, FLAG_RETAINED, type QueueEntryFlags } from '../../queue/entry-flags.ts';
import type { Queue } from '../../queue/queue.ts';
import type { MessageStore, UnplacedMessages } from '../../queue/store/message-store.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import { KEEP_RETAIN, lowerAssurance } from '../../routing/target-flags.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';

/** Fewer get theirs in one go. */
export const IN_PARTS_MIN = 512;

export interface StoredCopiesParts {
  readonly store: MessageStore;
  readonly turn: Turn;
  readonly subscriberFlow: SubscriberFlowControl;
}

export class StoredCopies implements UnplacedMessages {
  private readonly parts: StoredCopiesParts;
  private readonly route: CompiledRoute<Queue>;
  private readonly assurance: Assurance;
  private readonly retain: boolean;
  private readonly seq: number;
  private readonly base: QueueEntryFlags;
  private next = 0;
  private ahead: Queue | null = null;
  /** Those that have got theirs before it was their turn; null for none. */
  private given: Set<Queue> | null = null;
  private indexes: Map<object, number> | null = null;

  /** @param retain of the message as it came @param base flags of all entries */
  constructor(
    parts: StoredCopiesParts,
    route: CompiledRoute<Queue>,
    draft: Draft,
    retain: boolean,
    seq: number,
    base: QueueEntryFlags,
  ) {
    this.parts = parts;
    this.route = route;
    this.assurance = draft.assurance;
    this.retain = retain;
    this.seq = seq;
    this.base = base;
  }

  /** Gives the first queues theirs; all of those to whom the draft matters are among them. True if all have got one. */
  begin(draft: Draft): boolean {
    const { targets } = this.route;
    const special = draft.ttlMs >= 0 || draft.grouped;
    for (let i = 0; i < targets.length; i++) {
      const target = targets[i]!;
      if (target.plain && !special) continue;
      const flags = this.flagsFor(i);
      if (flags < 0) continue;
      this.push(target, target.prepare(this.seq, flags, draft));
      this.given ??= new Set();
      this.given.add(target);
    }
    if (this.step()) return true;
    this.parts.store.unplaced.add(this);
    return false;
  }

  /** Gives some queues theirs; true when all have got one. */
  step(): boolean {
    const { given, route } = this;
    const { store, subscriberFlow, turn } = this.parts;
    const { targets } = route;
    turn.crowd = true;
    while (this.next < targets.length) {
      const at = this.next++;
      const target = targets[at]!;
      if (given === null || !given.has(target)) this.give(at, target);
      turn.work.spend(1);
      if (turn.work.over) break;
    }
    turn.crowd = false;
    if (this.next < targets.length) return false;
    store.unplaced.delete(this);
    if (this.ahead !== null) subscriberFlow.behind(this.ahead, targets);
    return true;
  }

  private give(at: number, target: Queue): void {
    const flags = this.flagsFor(at);
    if (flags < 0) return;
    if (target.deleted) this.parts.store.release(this.seq, flags);
    else this.push(target, flags);
  }

  /** -1: it has got the message past itself. */
  private flagsFor(at: number): number {
    const asked = this.route.targetFlags[at]!;
    const assurance = lowerAssurance(this.assurance, asked);
    if (assurance === AT_MOST_ONCE && this.route.targets[at]!.directMode) return -1;
    return entryFlags(asked, assurance, this.base | (this.retain && (asked & KEEP_RETAIN) !== 0 ? FLAG_RETAINED : 0));
  }

  private push(target: Queue, flags: QueueEntryFlags): void {
    target.push(this.seq, flags, this.route);
    if (target.ahead) this.ahead = target;
  }

  /** The queue gets its copy now, if it has not got it yet. */
  giveTo(queue: object): void {
    if (this.indexes === null) {
      this.indexes = new Map();
      for (const [i, target] of this.route.targets.entries()) this.indexes.set(target, i);
    }
    const at = this.indexes.get(queue);
    if (at === undefined || at < this.next || this.given?.has(this.route.targets[at]!) === true) return;
    const target = this.route.targets[at]!;
    this.give(at, target);
    this.given ??= new Set();
    this.given.add(target);
  }

  forEach(visit: (seq: number) => void): void {
    visit(this.seq);
  }
}
