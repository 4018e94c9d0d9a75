/**
 * The transactions that a connection has open: which deliveries each is to settle, and the bounds.
 *
 *     BEGIN ──▶ open ──COMMIT──▶ gone, everything done in one unit
 *                 └────ABORT, DISCONNECT, connection lost──▶ gone, nothing done; its deliveries are unsettled as before
 */
import {
  type Draft,
  type Mark,
  type Outcome,
  RELEASED,
  type Session,
  type Transaction,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import type { ResolvedOptions } from '../options.ts';
import type { PublishTarget } from './target-memo.ts';

/** What an operation takes beside its body. */
const OPERATION_COST_BYTES = 256;

interface EnlistedDelivery {
  readonly subscription: SubscriptionConsumer;
  readonly index: number;
}

export class OpenTransaction {
  readonly transaction: Transaction;
  readonly enlisted: EnlistedDelivery[] = [];
  /** Where its messages go. */
  readonly targets = new Set<PublishTarget>();
  private readonly options: ResolvedOptions;

  constructor(transaction: Transaction, options: ResolvedOptions) {
    this.transaction = transaction;
    this.options = options;
  }

  private checkRoom(): void {
    const { transactionOperationsMax, transactionSizeMax } = this.options;
    if (this.transaction.operations >= transactionOperationsMax) {
      throw new FrameError(
        'Transaction too large',
        `A transaction may hold at most ${transactionOperationsMax} frames.`,
      );
    }
    if (this.transaction.bytes >= transactionSizeMax) {
      throw new FrameError('Transaction too large', `A transaction may hold at most ${transactionSizeMax} bytes.`);
    }
  }

  /** @throws FrameError where it may hold no more */
  publish(target: PublishTarget, draft: Draft): void {
    this.checkRoom();
    this.transaction.publish(target.route, draft);
    this.targets.add(target);
  }

  /** Settles the unsettled delivery at `index` when it is committed. @throws FrameError where it may hold no more */
  settle(subscription: SubscriptionConsumer, index: number, outcome: Outcome): void {
    this.checkRoom();
    const { unsettled, consumer } = subscription;
    this.transaction.settle(consumer, unsettled.slot(index), outcome);
    unsettled.enlist(index);
    this.enlisted.push({ subscription, index });
  }
}

export class Transactions {
  private readonly open = new Map<string, OpenTransaction>();
  private readonly session: Session;
  private readonly options: ResolvedOptions;

  constructor(session: Session, options: ResolvedOptions) {
    this.session = session;
    this.options = options;
  }

  /** Bytes that the frames that wait for a COMMIT take, however small they are. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { transaction } of this.open.values()) {
      bytes += transaction.bytes + transaction.operations * OPERATION_COST_BYTES;
    }
    return bytes;
  }

  /** @throws FrameError where the name is open already, or too many are */
  begin(name: string): void {
    if (this.open.has(name)) {
      throw new FrameError('Bad transaction', `A transaction '${name}' is open on this connection already.`);
    }
    if (this.open.size >= this.options.transactionsMax) {
      const text = `A connection may have at most ${this.options.transactionsMax} transactions open.`;
      throw new FrameError('Too many transactions', text);
    }
    this.open.set(name, new OpenTransaction(this.session.transaction(), this.options));
  }

  /** @throws FrameError for a name that is not open */
  get(name: string): OpenTransaction {
    const found = this.open.get(name);
    if (found === undefined) {
      throw new FrameError('Bad transaction', `No transaction '${name}' is open on this connection.`);
    }
    return found;
  }

  /** The transaction of that name, which is over with this. `onUnroutable` is called for each of its SENDs that no queue took. */
  commit(name: string, onUnroutable: () => void): Mark {
    const { transaction, enlisted } = this.get(name);
    this.open.delete(name);
    const mark = transaction.commit(onUnroutable);
    for (const { subscription, index } of enlisted) subscription.unsettled.remove(index);
    return mark;
  }

  /** @throws FrameError as `get` */
  abort(name: string): void {
    this.undo(this.get(name));
    this.open.delete(name);
  }

  /** The connection is about to end: all are undone. */
  rollbackAll(): void {
    for (const transaction of this.open.values()) this.undo(transaction);
    this.open.clear();
  }

  private undo({ transaction, enlisted }: OpenTransaction): void {
    transaction.rollback();
    for (const { subscription, index } of enlisted) {
      const { unsettled, consumer } = subscription;
      unsettled.delist(index);
      if (consumer.active) continue;
      // It was unsubscribed meanwhile: what was unsettled went back then, and this one goes now.
      consumer.settle(unsettled.slot(index), RELEASED);
      unsettled.remove(index);
    }
  }
}
