/** What a connection has once its client is admitted, and not before: nothing that runs later has to ask whether. */
import type { Session } from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import type { MessageWriter } from '../deliver/delivery-writer.ts';
import type { Subscription } from '../deliver/subscription-consumer.ts';
import { Targets } from '../publish/publish-targets.ts';
import { Transactions } from '../publish/transactions.ts';
import { Queues } from '../topology/declared-queues.ts';
import { Temporaries } from '../topology/temporary-queues.ts';

export class Client {
  readonly session: Session;
  readonly sessionName: string;
  readonly sessionBytes: Buffer;
  /** ActiveMQ's: the first half of a durable subscription's name. */
  readonly clientId: string | undefined;
  readonly writer: MessageWriter;
  readonly queues: Queues;
  readonly targets: Targets;
  readonly transactions: Transactions;
  readonly temporaries = new Temporaries();
  /** By number, for tokens. */
  readonly subscriptions = new Map<number, Subscription>();
  /** By what the client calls them. */
  readonly subscriptionsByKey = new Map<string, Subscription>();
  nextSubscription = 1;
  /** What this connection's messages carry as their origin: its name from its first `no-local` subscription on, else ''. */
  origin = '';

  constructor(
    session: Session,
    sessionName: string,
    clientId: string | undefined,
    writer: MessageWriter,
    adapter: Adapter,
  ) {
    this.session = session;
    this.sessionName = sessionName;
    this.sessionBytes = Buffer.from(sessionName);
    this.clientId = clientId;
    this.writer = writer;
    this.queues = new Queues(session);
    this.targets = new Targets(session, this.queues);
    this.transactions = new Transactions(session, adapter.options);
  }
}
