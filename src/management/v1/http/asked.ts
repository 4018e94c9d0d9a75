/** A request as an operation sees it: who asks, the parts of the path, and the query and the body, checked. */
import type { Action, Identity } from '../../../api/identity.ts';
import type { Session } from '../../../api/session.ts';
import type { Operator } from '../../../operator/operator.ts';
import { whenKnown } from '../../../operator/when-known.ts';
import { RequestSessions } from '../../http/sessions.ts';
import { hasTag, type Tag } from '../../http/tags.ts';
import { Problem } from './problem.ts';

export class Asked<Q, B> {
  readonly operator: Operator;
  private readonly access: Tag | 'anyone';
  readonly identity: Identity;
  readonly query: Q;
  readonly body: B;
  /** The client has gone. */
  readonly signal: AbortSignal;
  private readonly params: Readonly<Record<string, string>>;
  private readonly sessions: RequestSessions;

  constructor(
    operator: Operator,
    identity: Identity,
    params: Readonly<Record<string, string>>,
    given: { readonly query: Q; readonly body: B; readonly signal: AbortSignal; readonly access: Tag | 'anyone' },
  ) {
    this.operator = operator;
    this.access = given.access;
    this.identity = identity;
    this.sessions = new RequestSessions(operator, identity);
    this.params = params;
    this.query = given.query;
    this.body = given.body;
    this.signal = given.signal;
  }

  param(name: string): string {
    return this.params[name] ?? '';
  }

  /** Whether he would be let do this now: for what goes on for long. */
  get stillMay(): boolean {
    return this.access === 'anyone' || hasTag(this.operator.tagsOf(this.identity), this.access);
  }

  /** Whether he may see what there is of a message in this queue, or in one that is gone: he may read it, or he administers the broker. */
  maySeeIn(vhost: string, queue: string | undefined): boolean {
    const { identity, operator } = this;
    if (identity.tags?.includes('administrator') === true) return true;
    if (queue === undefined) return false;
    return operator.permits(identity, { vhost, action: 'read', resource: 'queue', name: queue });
  }

  /** The same of what is in no queue: he may read what its exchange brings. @param exchange undefined: nobody knows @param keys as they are bound */
  maySeeRouted(vhost: string, exchange: string | undefined, keys: readonly string[]): boolean {
    const { identity, operator } = this;
    if (identity.tags?.includes('administrator') === true) return true;
    if (exchange === undefined) return false;
    if (exchange === '') return keys.every((queue) => this.maySeeIn(vhost, queue));
    const read = { vhost, action: 'read', name: exchange } as const;
    return (
      operator.permits(identity, { ...read, resource: 'exchange' }) &&
      keys.every((routingKey) => operator.permits(identity, { ...read, resource: 'topic', routingKey }))
    );
  }

  /** The path's vhost, where he has something to do. @throws Problem 404, 403 */
  get vhost(): string {
    return this.vhostNamed(this.param('vhost'));
  }

  /** @throws Problem 404, 403 */
  vhostNamed(name: string): string {
    if (this.operator.vhosts.find(name) === undefined) throw new Problem(404, 'not-found', `vhost '${name}' not found`);
    if (!this.operator.mayEnter(this.identity, name)) {
      throw new Problem(403, 'access-refused', `access to vhost '${name}' refused for user '${this.identity.user}'`);
    }
    return name;
  }

  /** The path's queue, which he may read. @throws Problem 404, 403; BrokerError access-refused */
  async readableQueue(): Promise<{ vhost: string; queue: string }> {
    return this.permittedQueue('read');
  }

  /**
   * The path's queue, with which he may do that. One that is exclusive to a client is for that client's user and for administrators.
   * @throws Problem 404, 403, 423; BrokerError access-refused
   */
  async permittedQueue(action: Action): Promise<{ vhost: string; queue: string }> {
    const { identity, operator, vhost } = this;
    const queue = this.param('queue');
    const found = operator.queues.find(vhost, queue);
    if (found === undefined) throw new Problem(404, 'not-found', `no queue '${queue}' in vhost '${vhost}'`);
    await operator.demand(identity, vhost, action, 'queue', queue);
    const { owner } = found;
    if (owner !== undefined && owner.user !== identity.user && identity.tags?.includes('administrator') !== true) {
      throw new Problem(
        423,
        'resource-locked',
        `queue '${queue}' in vhost '${vhost}' is exclusive to another user's client`,
      );
    }
    return { vhost, queue };
  }

  /** A session of his in a vhost until the request has been answered: his permissions decide. @throws Problem 403, 404, 503 */
  async enter(vhost: string): Promise<Session> {
    const session = await whenKnown(() => this.sessions.enter(vhost));
    if ('refused' in session) {
      if (session.refused === 'vhost-not-found') throw new Problem(404, 'not-found', session.reason);
      if (session.refused === 'unavailable') throw new Problem(503, 'unavailable', session.reason);
      throw new Problem(403, 'access-refused', `access to vhost '${vhost}' refused`);
    }
    return session;
  }

  /** The request has been answered. */
  close(): void {
    this.sessions.close();
  }
}
