/**
 * A channel in transaction mode: its publishes and acknowledgements wait in the broker's `Transaction` until the
 * commit. [§1.9 tx] Acknowledgements that are rolled back are unacknowledged again; mandatory publishes are kept until the
 * commit tells where they went, so that they can be returned.
 */
import type { Draft, Mark, Outcome, Route, Session, TagWindow, Transaction } from '../../../src/api/index.ts';
import { AmqpError } from '../connection/errors.ts';
import type { ReturnedMessage } from '../deliver/delivery-writer.ts';
import type { DeferredSettlements, Holder } from '../deliver/unsettled.ts';
import type { AmqpLimits } from '../options.ts';
import type { AmqpStats } from '../stats.ts';

const OPERATION_COST_BYTES = 256;

/** The connection as a transaction sees it. */
export interface TransactionHost {
  readonly session: Session;
  readonly limits: AmqpLimits;
  readonly stats: AmqpStats;
}

/** The channel as a transaction sees it. */
export interface TransactionOwner {
  /** Acknowledgements that are rolled back are put back here. */
  readonly tags: TagWindow<Holder>;
  readonly counts: { published: number; returned: number; dropped: number };
  /** Credit has come back to a limit that several consumers share. */
  shareCredit(): void;
}

/** Where mandatory messages go that no queue took. */
export interface ReturnSink {
  returned(message: ReturnedMessage): void;
}

export class TransactionState implements DeferredSettlements {
  private readonly owner: TransactionOwner;
  private readonly host: TransactionHost;
  private transaction: Transaction;
  // Settlements, a list for each part of them.
  private tags: number[] = [];
  private holders: Holder[] = [];
  private slots: number[] = [];
  /** Where its messages go. */
  private readonly routes = new Set<Route>();
  private publishes = 0;
  private readonly mandatory = new Map<number, ReturnedMessage>();
  private keptBytes = 0;

  constructor(owner: TransactionOwner, host: TransactionHost) {
    this.owner = owner;
    this.host = host;
    this.transaction = host.session.transaction();
  }

  /** Bytes of publishes that wait for the commit. */
  get bytes(): number {
    return this.transaction.bytes + this.keptBytes;
  }

  get publishCount(): number {
    return this.publishes;
  }

  get settlementCount(): number {
    return this.tags.length;
  }

  /** The same with what it costs to keep each of them, however small. */
  get heldBytes(): number {
    return this.bytes + this.transaction.operations * OPERATION_COST_BYTES;
  }

  /** @throws AmqpError PRECONDITION_FAILED for a transaction that has become too large (`AmqpOptions`) */
  publish(route: Route, draft: Draft, mandatory: boolean): void {
    this.checkSize();
    if (mandatory) {
      const kept = this.keep(route, draft);
      this.keptBytes += kept.body.length + kept.props.length;
      this.mandatory.set(this.publishes, kept);
    }
    this.transaction.publish(route, draft);
    this.routes.add(route);
    this.publishes++;
  }

  settle(tag: number, holder: Holder, slot: number, outcome: Outcome): void {
    if (holder.gone || holder.consumer === undefined) return;
    this.tags.push(tag);
    this.holders.push(holder);
    this.slots.push(slot);
    this.transaction.settle(holder.consumer, slot, outcome);
  }

  /** Does what can be done before the commit, which follows when `done` is called. */
  prepare(done: () => void): void {
    this.transaction.prepare(done);
  }

  /**
   * Carries everything out; `sink` gets the mandatory messages that no queue took. MARK_REFUSED if the broker could not.
   * @throws BrokerError not-found if an exchange has been deleted since: then nothing of it is carried out
   */
  commit(sink: ReturnSink): Mark {
    const { session, stats } = this.host;
    for (const route of this.routes) {
      if (!route.valid) session.checkExchange(route.exchangeBytes.utf8Slice());
    }
    const { counts } = this.owner;
    counts.published += this.publishes;
    const mark = this.transaction.commit((index) => {
      stats.unroutable++;
      const message = this.mandatory.get(index);
      if (message === undefined) {
        counts.dropped++;
        return;
      }
      stats.returned++;
      counts.returned++;
      this.mandatory.delete(index);
      sink.returned(message);
    });
    this.begin();
    this.owner.shareCredit();
    return mark;
  }

  /** Forgets the publishes; what was acknowledged is held again. */
  rollback(): void {
    this.transaction.rollback();
    const { tags, holders, slots } = this;
    for (let i = 0; i < tags.length; i++) {
      if (!holders[i]!.gone) this.owner.tags.restore(tags[i]!, holders[i]!, slots[i]!);
    }
    this.begin();
  }

  private keep(route: Route, draft: Draft): ReturnedMessage {
    return {
      exchange: route.exchangeBytes,
      key: route.keyBytes,
      props: Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd)),
      body: Buffer.from(draft.body.subarray(draft.bodyStart, draft.bodyEnd)),
      large: draft.large === null ? null : this.host.session.readBody(draft.large),
    };
  }

  private begin(): void {
    for (const message of this.mandatory.values()) message.large?.close();
    this.transaction = this.host.session.transaction();
    this.tags = [];
    this.holders = [];
    this.slots = [];
    this.publishes = 0;
    this.mandatory.clear();
    this.routes.clear();
    this.keptBytes = 0;
  }

  private checkSize(): void {
    const { transactionOperationsMax, transactionSizeMax } = this.host.limits;
    if (this.transaction.operations >= transactionOperationsMax) {
      throw new AmqpError('PRECONDITION_FAILED', `transaction of more than ${transactionOperationsMax} operations`);
    }
    if (this.bytes > transactionSizeMax) {
      throw new AmqpError('PRECONDITION_FAILED', `transaction of more than ${transactionSizeMax} bytes`);
    }
  }
}
