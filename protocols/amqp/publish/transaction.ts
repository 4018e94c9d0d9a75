/**
 * A channel in transaction mode: its publishes and acknowledgements wait in the broker's `Transaction` until the
 * commit. [§1.9 tx] Acknowledgements that are rolled back are unacknowledged again; mandatory publishes are kept until the
 * commit tells where they went, so that they can be returned.
 */
import type { BodyReader, Draft, Mark, Outcome, Route, Transaction } from '../../../src/api/index.ts';
import type { Channel } from '../channel/channel.ts';
import { AmqpError } from '../connection/errors.ts';
import type { Holder } from '../deliver/consumer.ts';

const OPERATION_COST_BYTES = 256;

interface Settlement {
  readonly tag: number;
  readonly holder: Holder;
  readonly slot: number;
}

/** What basic.return gives back. */
export interface Returned {
  readonly exchange: Buffer;
  readonly key: Buffer;
  readonly props: Buffer;
  readonly body: Buffer;
  /** Set when the body is not in `body`. Whoever gets it sends it or closes it. */
  readonly large: BodyReader | null;
}

export class TransactionState {
  private readonly channel: Channel;
  private transaction: Transaction;
  private settlements: Settlement[] = [];
  /** Where its messages go. */
  private readonly routes = new Set<Route>();
  private publishes = 0;
  private readonly mandatory = new Map<number, Returned>();
  private keptBytes = 0;

  constructor(channel: Channel) {
    this.channel = channel;
    this.transaction = channel.session.transaction();
  }

  /** Bytes of publishes that wait for the commit. */
  get bytes(): number {
    return this.transaction.bytes + this.keptBytes;
  }

  /** The same with what it costs to keep each of them, however small. */
  get heldBytes(): number {
    return this.bytes + this.transaction.operations * OPERATION_COST_BYTES;
  }

  publish(route: Route, draft: Draft, mandatory: boolean): void {
    this.bound();
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
    this.settlements.push({ tag, holder, slot });
    this.transaction.settle(holder.consumer, slot, outcome);
  }

  /**
   * Carries everything out; `returned` hears of mandatory messages that no queue took.
   * @throws BrokerError not-found if an exchange has been deleted since: then nothing of it is carried out
   */
  commit(returned: (message: Returned) => void): Mark {
    const { stats } = this.channel.connection;
    for (const route of this.routes) {
      if (!route.valid) this.channel.session.checkExchange(route.exchangeBytes.utf8Slice());
    }
    const mark = this.transaction.commit((index) => {
      const message = this.mandatory.get(index);
      if (message === undefined) stats.unroutable++;
      else {
        stats.unroutable++;
        stats.returned++;
        this.mandatory.delete(index);
        returned(message);
      }
    });
    this.begin();
    this.channel.shareCredit();
    return mark;
  }

  /** Forgets the publishes; what was acknowledged is held again. */
  rollback(): void {
    this.transaction.rollback();
    for (const { tag, holder, slot } of this.settlements) {
      if (!holder.gone) this.channel.unsettled.restore(tag, holder, slot);
    }
    this.begin();
  }

  private keep(route: Route, draft: Draft): Returned {
    return {
      exchange: route.exchangeBytes,
      key: route.keyBytes,
      props: Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd)),
      body: Buffer.from(draft.body.subarray(draft.bodyStart, draft.bodyEnd)),
      large: draft.large === null ? null : this.channel.session.readBody(draft.large),
    };
  }

  private begin(): void {
    for (const message of this.mandatory.values()) message.large?.close();
    this.transaction = this.channel.session.transaction();
    this.settlements = [];
    this.publishes = 0;
    this.mandatory.clear();
    this.routes.clear();
    this.keptBytes = 0;
  }

  private bound(): void {
    const { transactionOperationsMax, transactionSizeMax } = this.channel.connection.limits;
    if (this.transaction.operations >= transactionOperationsMax) {
      throw new AmqpError('PRECONDITION_FAILED', `transaction of more than ${transactionOperationsMax} operations`);
    }
    if (this.bytes > transactionSizeMax) {
      throw new AmqpError('PRECONDITION_FAILED', `transaction of more than ${transactionSizeMax} bytes`);
    }
  }
}
