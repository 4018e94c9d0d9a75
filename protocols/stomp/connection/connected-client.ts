/**
 * The client of a connection once the broker has admitted it, and everything it has from then on: what the handlers of frames
 * are given. Nothing in it has to be asked for whether it is there.
 */
import { type Session, textOf } from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import type { Version } from '../codec/version.ts';
import { DeliveryWriter } from '../deliver/delivery-writer.ts';
import type { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import { Subscriptions, type SubscriptionsClient } from '../deliver/subscriptions.ts';
import { Receipts, type ReceiptsHost } from '../publish/receipts.ts';
import { TargetMemo } from '../publish/target-memo.ts';
import { Transactions } from '../publish/transactions.ts';
import { DeclaredQueues } from '../topology/declared-queues.ts';
import { TemporaryQueues } from '../topology/temporary-queues.ts';
import type { FrameOutput } from './frame-output.ts';

/** What a client tells its connection. */
export interface ClientHost {
  /** The broker ended the subscription; `reason` in words. */
  subscriptionCancelled(subscription: SubscriptionConsumer, reason: string): void;
  /** The broker could not make it safe. `receiptId` as it came, escaped; undefined if none was asked for. */
  notStored(receiptId: string | undefined): void;
  /** Some receipts were given; so many are owed still. */
  receiptsGiven(owed: number): void;
  /** Everything that was asked for before DISCONNECT has been answered. Called between frames. */
  disconnected(): void;
  /** A frame could not be obeyed. `receiptId` as it came; undefined if none was asked for. */
  failed(error: unknown, receiptId: string | undefined): void;
}

/** What CONNECT has settled. */
export interface Negotiated {
  readonly version: Version;
  /** ActiveMQ's: the first half of a durable subscription's name. */
  readonly clientId: string | undefined;
  /** The client's `heart-beat`, well-formed; undefined if it said none. */
  readonly heartbeatHeader: string | undefined;
}

export class ConnectedClient implements SubscriptionsClient, ReceiptsHost {
  readonly adapter: Adapter;
  readonly session: Session;
  readonly version: Version;
  readonly clientId: string | undefined;
  /** No other connection had it; what every token of this one begins with. */
  readonly sessionName: string;
  readonly sessionBytes: Buffer;
  readonly output: FrameOutput;
  readonly writer: DeliveryWriter;
  readonly receipts: Receipts;
  readonly queues: DeclaredQueues;
  readonly targets: TargetMemo;
  readonly transactions: Transactions;
  readonly subscriptions: Subscriptions;
  readonly temporaryQueues: TemporaryQueues;
  /** What this connection's messages carry as their origin: its name from its first `no-local` subscription on, else ''. */
  origin = '';
  private readonly host: ClientHost;

  constructor(adapter: Adapter, session: Session, negotiated: Negotiated, output: FrameOutput, host: ClientHost) {
    const { version } = negotiated;
    this.adapter = adapter;
    this.session = session;
    this.version = version;
    this.clientId = negotiated.clientId;
    this.sessionName = adapter.nextSessionName();
    this.sessionBytes = Buffer.from(this.sessionName);
    this.output = output;
    this.host = host;
    this.writer = new DeliveryWriter(output.output, session, version, adapter.tailMemo(version), adapter.stats);
    this.receipts = new Receipts(session, output, adapter.stats, this);
    this.queues = new DeclaredQueues(session);
    this.transactions = new Transactions(session, adapter.options);
    this.subscriptions = new Subscriptions(this);
    this.temporaryQueues = new TemporaryQueues(session, this.subscriptions, adapter.options.subscriptionsMax);
    this.targets = new TargetMemo(session, this.queues, this.temporaryQueues);
  }

  get consumerTimeoutMs(): number {
    return this.adapter.options.consumerTimeoutMs;
  }

  subscriptionCancelled(subscription: SubscriptionConsumer, reason: string): void {
    this.host.subscriptionCancelled(subscription, reason);
  }

  /** Carries out what is left of a frame that took more than one turn. @param receipt the id that it asked for, as it came */
  resume(receipt: Buffer | undefined, rest: () => void): void {
    try {
      rest();
    } catch (error) {
      this.host.failed(error, receipt && textOf(receipt));
    }
  }

  notStored(receiptId: string | undefined): void {
    this.host.notStored(receiptId);
  }

  subscribed(number: number): void {
    this.subscriptions.receiptWritten(number);
  }

  receiptsGiven(owed: number): void {
    this.host.receiptsGiven(owed);
  }

  disconnected(): void {
    this.host.disconnected();
  }
}
