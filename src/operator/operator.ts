/**
 * The operator's door: what there is in a broker and what may be done about it, in no protocol's and no tool's words. Three faces use
 * it: RabbitMQ's HTTP API (`management/rabbitmq/`), this broker's own, and a program that holds the broker (`RunningBroker.operator`).
 *
 * Who may see or do what is the faces' to ask: they know who asks. What a *user* does to queues, exchanges and messages goes through
 * a session of his (`enter`), where his permissions decide as over any protocol; what is done here is done with an operator's rights.
 *
 * Lists are `Listing`s: in pages and pieces, made in slices. Single things are `find`: a view that is looked at and not kept.
 * Changes return promises that resolve when they are safe, and are rejected with a BrokerError.
 */
import type { Identity, Refusal } from '../api/identity.ts';
import type { Session, SessionClient } from '../api/session.ts';
import type { Users } from '../api/users.ts';
import type { Broker } from '../broker/broker.ts';
import { Pace } from './listing/pace.ts';
import { Queues } from './queues.ts';
import { NO_SURROUNDINGS, type Surroundings } from './surroundings.ts';
import { Vhosts } from './vhosts.ts';

export class Operator {
  readonly vhosts: Vhosts;
  readonly queues: Queues;
  readonly surroundings: Surroundings;
  private readonly broker: Broker;

  constructor(broker: Broker, surroundings: Surroundings = NO_SURROUNDINGS) {
    const pace = new Pace(broker.clock, broker.turn);
    this.broker = broker;
    this.surroundings = surroundings;
    this.vhosts = new Vhosts(broker, pace);
    this.queues = new Queues(broker, pace);
  }

  /** Who may log in, and what each may do. */
  get users(): Users {
    return this.broker.users;
  }

  /** Whether the user has permissions in a vhost, which exists. */
  mayEnter(identity: Identity, vhost: string): boolean {
    return this.broker.mayEnter(identity, vhost);
  }

  /** A session of this user, for what he asks to be done: see `BrokerServices.enter`. Close it. */
  enter(identity: Identity, vhost: string, client: SessionClient): Session | Refusal {
    return this.broker.enter(identity, vhost, client);
  }
}
