/**
 * Unsettled deliveries of one channel, and settling them: one delivery, all up to a tag, or all there are.
 * Many are settled in parts, so that nobody else waits for them.
 */
import {
  ACCEPTED,
  type Consumer,
  type DeferralTime,
  type Outcome,
  RELEASED,
  type Share,
  TagWindow,
} from '../../../src/api/index.ts';
import { unknownTag } from '../connection/errors.ts';

/** Who holds unsettled deliveries: a consumer, or a basic.get. */
export interface Holder {
  /** Undefined until it is attached to its queue. */
  readonly consumer: Consumer | undefined;
  /** The queue is gone, and what was held with it: there is nothing to settle. */
  readonly gone: boolean;
}

/** Stands where a delivery was that has been taken back: what its client says of it changes nothing, and is told to the consumer. */
class TakenBack implements Holder {
  readonly gone = true;
  readonly consumer: Consumer | undefined;

  constructor({ consumer }: Holder) {
    this.consumer = consumer;
  }
}

/** Where acknowledgements wait for a commit. */
export interface DeferredSettlements {
  settle(tag: number, holder: Holder, slot: number, outcome: Outcome): void;
}

export interface UnsettledOwner {
  readonly counts: { acknowledged: number };
  /** Credit has come back to a limit that several consumers share. */
  shareCredit(): void;
}

export class Unsettled {
  readonly tags = new TagWindow<Holder>();
  /** Set while the channel is in transaction mode. */
  deferred: DeferredSettlements | null = null;
  private readonly owner: UnsettledOwner;
  private readonly share: Share;

  constructor(owner: UnsettledOwner, share: Share) {
    this.owner = owner;
    this.share = share;
  }

  /**
   * Ends the delivery `tag`, and with `multiple` all before it. 0 with `multiple`: all there are. [§1.8.3.13.1]
   * @throws AmqpError PRECONDITION_FAILED for a tag that is not held
   */
  settle(tag: number, multiple: boolean, outcome: Outcome): void {
    const { tags } = this;
    if (!multiple) {
      if (!tags.take(tag)) throw unknownTag(tag);
      this.settleTaken(tag, outcome);
    } else {
      // As RabbitMQ has it: even with `multiple` the tag itself must be one that is held.
      if (tag !== 0 && !tags.has(tag)) throw unknownTag(tag);
      this.settleUntil(tag === 0 ? tags.lastTag : tag, (next) => this.settleTaken(next, outcome));
      return;
    }
    this.owner.shareCredit();
  }

  /** Everything that is held goes back to its queue, to be delivered again; `done` once all of it has. [§1.8.3.16] */
  recover(done: () => void): void {
    const { tags } = this;
    this.settleUntil(tags.lastTag, () => settleHeld(tags.holder!, tags.slot, RELEASED), done);
  }

  /** Ends everything that is held so, whether a transaction is under way or not; `done` once all of it has ended. */
  giveBack(outcome: Outcome, done: () => void): void {
    const { tags } = this;
    const settle = (): void => {
      const { gone, consumer } = tags.holder!;
      if (!gone) consumer?.settle(tags.slot, outcome);
    };
    this.settleUntil(tags.lastTag, settle, done);
  }

  /** The delivery may be held for as long again. False: it is not held, or has been taken back. */
  renew(tag: number): boolean {
    const { tags } = this;
    return tags.find(tag) && !tags.holder!.gone && tags.holder!.consumer?.renew(tags.slot) === true;
  }

  /** Parks the delivery. False: it is not held, has been taken back, or there are too many. */
  defer(tag: number, token: string, at: DeferralTime): boolean {
    const { tags } = this;
    if (!tags.find(tag) || tags.holder!.gone) return false;
    const { holder, slot } = tags;
    if (holder!.consumer?.defer(slot, token, at) !== true) return false;
    tags.take(tag);
    this.owner.shareCredit();
    return true;
  }

  /**
   * These deliveries are taken back: their tags can be settled still, which changes nothing. Returns the slots of those that have not been
   * settled in a transaction under way.
   */
  letGo(holder: Holder, slots: readonly number[]): number[] {
    return this.tags.replace(holder, new TakenBack(holder), new Set(slots));
  }

  /** Takes out all there are up to this tag: in parts, if they are many. */
  private settleUntil(until: number, settle: (tag: number) => void, done: () => void = () => {}): void {
    const { tags, share } = this;
    share.run(
      () => {
        for (let next = tags.first(); next !== 0 && next <= until; next = tags.first()) {
          tags.take(next);
          settle(next);
          share.work.spend(1);
          if (share.work.over) return false;
        }
        return true;
      },
      () => {
        this.owner.shareCredit();
        done();
      },
    );
  }

  /** Settles what `tags.take` has found. */
  private settleTaken(tag: number, outcome: Outcome): void {
    const { tags } = this;
    const holder = tags.holder!;
    if (outcome === ACCEPTED) this.owner.counts.acknowledged++;
    if (holder.gone) settleHeld(holder, tags.slot, outcome);
    else if (this.deferred !== null) this.deferred.settle(tag, holder, tags.slot, outcome);
    else settleHeld(holder, tags.slot, outcome);
  }
}

function settleHeld(holder: Holder, slot: number, outcome: Outcome): void {
  if (holder instanceof TakenBack) holder.consumer?.answered(1);
  if (holder.gone) return;
  holder.consumer?.settle(slot, outcome);
}
