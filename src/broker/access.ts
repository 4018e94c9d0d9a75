/** What an identity may do, asked for who has no session. */
import type { ExplainTopic } from '../api/address-meaning.ts';
import type { AccessRequest, Action, Authenticator, Identity, PendingAnswer } from '../api/identity.ts';
import type { Explanation } from '../auth/permissions/ruled-access.ts';
import { BrokerError } from '../message/errors.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { AccessSource } from './access-source.ts';
import { mayAdminister } from './administration.ts';
import { Permissions, type ReservedTopics } from './session/permissions.ts';
import type { BrokerUsers } from './users.ts';

/** What was found out about a permission. */
export interface AccessAnswer {
  readonly request: AccessRequest;
  readonly allowed: boolean;
  /** Undefined: somebody else keeps the rules. */
  readonly because: Explanation | undefined;
}

export class Access {
  private readonly authenticator: Authenticator;
  private readonly users: BrokerUsers;
  /** What this identity may do is for the broker's own users to say. */
  private readonly isOwn: (identity: Identity) => boolean;
  private readonly hasVhost: (name: string) => boolean;
  private readonly reserved: ReservedTopics;
  private readonly explainTopic: ExplainTopic;

  constructor(
    authenticator: Authenticator,
    users: BrokerUsers,
    isOwn: (identity: Identity) => boolean,
    hasVhost: (name: string) => boolean,
    reserved: ReservedTopics,
    explainTopic: ExplainTopic,
  ) {
    this.explainTopic = explainTopic;
    this.reserved = reserved;
    this.authenticator = authenticator;
    this.users = users;
    this.isOwn = isOwn;
    this.hasVhost = hasVhost;
  }

  /** Whether this identity has anything to do in the vhost, which exists; a back end may have to be asked first. */
  entrance(identity: Identity, vhost: string): boolean | PendingAnswer {
    return this.authenticator.mayEnter?.(identity, vhost) ?? true;
  }

  /** Asks for something that is done for this identity. @throws BrokerError access-refused; AccessPending */
  demand(identity: Identity, vhost: string, action: Action, resource: 'exchange' | 'queue', name: string): void {
    new Permissions(this.authenticator, identity, vhost).demand(action, resource, name);
  }

  /**
   * Whether this identity may publish there, as it would be asked if its client did.
   * @param exchange undefined: the default one, or one that is gone
   * @param key dotted
   * @throws AccessPending
   */
  mayPublish(
    identity: Identity,
    vhost: string,
    name: string,
    exchange: Exchange<Queue> | undefined,
    key: string,
  ): boolean {
    return this.publishes(this.permissionsOf(identity, vhost, undefined), name, exchange, key);
  }

  /** The same of what it has published once: true as long as a back end has not said otherwise. */
  mayStillPublish(
    identity: Identity,
    vhost: string,
    name: string,
    exchange: Exchange<Queue> | undefined,
    key: string,
    clientId: string,
  ): boolean {
    const permissions = this.permissionsOf(identity, vhost, clientId === '' ? undefined : clientId);
    return permissions.ofBegun(() => this.publishes(permissions, name, exchange, key));
  }

  private permissionsOf(identity: Identity, vhost: string, clientId: string | undefined): Permissions {
    return new Permissions(this.authenticator, identity, vhost, clientId, () => {}, this.reserved);
  }

  private publishes(
    permissions: Permissions,
    name: string,
    exchange: Exchange<Queue> | undefined,
    key: string,
  ): boolean {
    if (!permissions.mayStay || exchange?.internal === true) return false;
    try {
      permissions.demandPublishing(name);
      if (exchange !== undefined) permissions.demandTopic('write', exchange, key);
      return true;
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'access-refused') return false;
      throw error;
    }
  }

  /** Whether it may do that; no, as long as a back end has not said so. */
  permits(identity: Identity, request: AccessRequest): boolean {
    return this.authenticator.permits(identity, request) === true;
  }

  /** Whether it may be shown what is retained under this key; no, as long as a back end has not said so. @param key dotted */
  mayReadRetained(identity: Identity, vhost: string, exchange: string, key: string): boolean {
    const rules = this.authenticator.topicRules?.(identity, vhost);
    if (rules !== undefined) return rules.receives(exchange, key);
    const read = { vhost, action: 'read', name: exchange } as const;
    return (
      this.permits(identity, { ...read, resource: 'exchange' }) &&
      this.permits(identity, { ...read, resource: 'topic', routingKey: key })
    );
  }

  /** The tags that it has now; undefined: it would not be let in any more. */
  tagsOf(identity: Identity, nowMs: number): readonly string[] | undefined {
    if (identity.expiresAtMs !== undefined && identity.expiresAtMs <= nowMs) return undefined;
    const { authenticator } = this;
    return authenticator.tagsOf === undefined ? (identity.tags ?? []) : authenticator.tagsOf(identity);
  }

  /** Whether it, which has begun something, still may: yes, as long as a back end has not said otherwise. */
  stillPermits(identity: Identity, request: AccessRequest): boolean {
    return this.authenticator.permits(identity, request) !== false;
  }

  /** Whether a user may do that, and why, as far as the broker keeps the rules itself. */
  explain(user: string, request: AccessRequest): AccessAnswer {
    if (this.judgesItself(user)) {
      const because = this.users.explain(user, request);
      return { request, allowed: because.allowed, because };
    }
    const identity = this.authenticator.recall?.(user) ?? { user };
    return { request, allowed: this.permits(identity, request), because: undefined };
  }

  /** What this user may do is what the broker keeps: there are no others to ask, or it is one of its own in spite of them. */
  private judgesItself(user: string): boolean {
    const { authenticator, users } = this;
    if (authenticator === users.authenticator) return true;
    const identity = authenticator.recall?.(user);
    return identity !== undefined && this.isOwn(identity);
  }

  /** The rules of who may do what, for who explains them. */
  get source(): AccessSource {
    const { users, authenticator, hasVhost } = this;
    const own = (user: string): boolean => this.judgesItself(user);
    const { roleAccess } = users;
    return {
      hasVhost,
      knows: (user, vhost) =>
        authenticator !== users.authenticator ||
        users.get(user) !== undefined ||
        roleAccess.judges(user) ||
        users.authenticator.permissionsOf(user, vhost) !== undefined,
      judges: (user) => own(user) && roleAccess.judges(user),
      decide: (use, key, asker) => roleAccess.decide(use, key, asker),
      explain: (user, request) => this.explain(user, request),
      mayEnter: (user, vhost) => authenticator.mayEnter?.(authenticator.recall?.(user) ?? { user }, vhost) === true,
      reserves: this.reserved,
      explainTopic: this.explainTopic,
      administers: (user, key, clientId) => own(user) && mayAdminister(users, user, key, clientId),
    };
  }
}
