/** The clients that are in: who may enter gets a session in a vhost, and leaves it; who came and went is counted and told. */
import type { Identity, Refusal } from '../api/identity.ts';
import { AccessPending } from '../api/pending.ts';
import type { Session, SessionClient } from '../api/session.ts';
import { type Clock, Timer } from '../clock/clock.ts';
import type { Traffic } from '../metrics/traffic.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { AdministrationFor } from './administration.ts';
import type { ClientUsage, VhostLimits } from './client-limits.ts';
import { type ClientLog, nameOf } from './client-log.ts';
import { type BrokerEvents, queueUse } from './events.ts';
import { Membership } from './limits/membership.ts';
import { Scope } from './limits/scope.ts';
import type { Logins } from './logins.ts';
import { DEFAULT_VHOST } from './options.ts';
import { type Judge, NO_QUESTIONS, NONE_RESERVED, type ReservedTopics } from './session/permissions.ts';
import { SessionTraces } from './session/traced.ts';
import { ClientSession } from './session.ts';

/** What clients of a vhost that is deleted have to leave; a transport that is ended takes two seconds of it at most. */
const LEAVING_MS = 3_000;

type ClientTransport = NonNullable<SessionClient['transport']>;

/** What it has of the broker. */
export interface ClientsContext {
  readonly clock: Clock;
  readonly clientLog: ClientLog;
  readonly events: BrokerEvents;
  /** Those that may be entered. */
  readonly vhosts: ReadonlyMap<string, Vhost>;
  readonly usage: ClientUsage;
  readonly traffic: Traffic;
  /** Null: nothing is traced. */
  readonly tracer: Tracer | null;
  readonly logins: Logins;
  readonly administration: AdministrationFor;
  /** @param routesToo what it may publish to is to be asked again as well */
  rightsChanged(session: ClientSession, routesToo: boolean): void;
  /** Topics that adapters alone publish to. */
  readonly reserved: ReservedTopics;
}

export class Clients {
  readonly sessions = new Set<ClientSession>();
  /** Clients over a network that have come in, and that have left, with the bytes of these; since the start. */
  readonly churn = { opened: 0, closed: 0, bytesIn: 0, bytesOut: 0 };
  private readonly context: ClientsContext;
  /** Vhosts that are being left, and who waits for the last of their clients. */
  private readonly leaving = new Map<string, () => void>();
  private stopping = false;

  constructor(context: ClientsContext) {
    this.context = context;
  }

  /** Nobody comes in any more. */
  stop(): void {
    this.stopping = true;
  }

  /** @param judge says what it may do @throws AccessPending: a back end has to be asked first whether it may come in */
  enter(identity: Identity, judge: Judge, vhost: string | undefined, client: SessionClient): Session | Refusal {
    const result = this.admitted(identity, judge, vhost ?? DEFAULT_VHOST, client);
    if ('refused' in result) this.context.logins.refused(client.transport?.protocol ?? '', result.refused);
    return result;
  }

  /** The same as soon as it is known whether that may be. */
  enterLater(
    identity: Identity,
    judge: Judge,
    vhost: string | undefined,
    client: SessionClient,
    done: (result: Session | Refusal) => void,
  ): void {
    let result: Session | Refusal;
    try {
      result = this.enter(identity, judge, vhost, client);
    } catch (error) {
      if (!(error instanceof AccessPending)) throw error;
      error.whenKnown(() => this.enterLater(identity, judge, vhost, client, done));
      return;
    }
    done(result);
  }

  private admitted(identity: Identity, judge: Judge, name: string, client: SessionClient): Session | Refusal {
    if (this.stopping) return { refused: 'unavailable', reason: 'the broker is shutting down' };
    const { clientLog, vhosts } = this.context;
    const vhost = vhosts.get(name);
    const { transport } = client;
    if (vhost === undefined) {
      const reason = `vhost '${name}' not found`;
      clientLog.refused(nameOf(transport), `${reason}, for user '${identity.user}'`);
      return { refused: 'vhost-not-found', reason };
    }
    const admitted = judge.mayEnter?.(identity, name) ?? true;
    if (typeof admitted !== 'boolean' && !admitted.failed) throw new AccessPending(admitted);
    if (admitted !== true) {
      const reason = `access to vhost '${name}' refused for user '${identity.user}'`;
      clientLog.refused(nameOf(transport), reason);
      return { refused: 'forbidden', reason };
    }
    const membership = this.membership(identity, vhost, client);
    if (!(membership instanceof Membership)) {
      clientLog.refused(nameOf(transport), membership.reason);
      return membership;
    }
    return this.session(identity, judge, vhost, membership, client);
  }

  private membership({ user }: Identity, vhost: Vhost, client: SessionClient): Membership | Refusal {
    const { usage } = this.context;
    const { transport } = client;
    // Without an address it is the broker itself, or a program that holds one: neither counts.
    if (transport?.remote === undefined) return usage.unbounded();
    const { listener } = transport;
    return usage.enter({
      user,
      vhost: vhost.name,
      vhostLimits: vhost.limits.now as VhostLimits,
      listener: listener instanceof Scope ? listener : undefined,
      protocol: () => transport.protocol ?? '',
      replaces: () => client.replaces?.(user, vhost.name) === true,
    });
  }

  private session(
    identity: Identity,
    judge: Judge,
    vhost: Vhost,
    membership: Membership,
    client: SessionClient,
  ): ClientSession {
    const { context } = this;
    const { transport } = client;
    const protocol = transport?.protocol ?? '';
    const traced = { protocol, vhost: vhost.name, user: identity.user };
    const session = new ClientSession(vhost, identity, judge, membership, client, {
      traffic: context.traffic.of(protocol),
      administration: context.administration,
      prover: context.logins,
      consumers: {
        tell: (kind, queue, consumers) => {
          if (!context.events.watched) return;
          context.events.tell({ kind, vhost: vhost.name, queue: queue.name, consumers, ...queueUse(queue.options) });
        },
      },
      rightsChanged: context.rightsChanged,
      reserved: judge === NO_QUESTIONS ? NONE_RESERVED : context.reserved,
      onClosed: (closed, inOrder) => {
        this.sessions.delete(closed);
        this.leaving.get(vhost.name)?.();
        if (transport?.remote !== undefined) this.left(closed, transport, inOrder);
      },
    });
    if (context.tracer !== null) {
      session.traces = new SessionTraces(context.tracer, vhost, traced, (mark, done) => session.whenSafe(mark, done));
    }
    this.sessions.add(session);
    if (transport?.remote !== undefined) this.came(session, transport, identity.user, vhost.name);
    return session;
  }

  private came(session: ClientSession, transport: ClientTransport, user: string, vhost: string): void {
    const { clientLog } = this.context;
    session.notices = {
      queueMade: (queue, policy) => clientLog.queueMade(transport, { user, vhost, queue }, policy),
      queueDeleted: (queue, messages) => clientLog.queueDeleted(transport, { user, vhost, queue }, messages),
    };
    this.churn.opened++;
    this.tell('connection-opened', transport, user, vhost);
    clientLog.connected(transport, user, vhost);
  }

  private left(session: ClientSession, transport: ClientTransport, inOrder: boolean): void {
    const { user, vhost, endReason } = session;
    this.churn.closed++;
    this.churn.bytesIn += transport.bytesIn ?? 0;
    this.churn.bytesOut += transport.bytesOut ?? 0;
    this.tell('connection-closed', transport, user, vhost);
    this.context.clientLog.disconnected(transport, user, vhost, inOrder, endReason);
  }

  private tell(
    kind: 'connection-opened' | 'connection-closed',
    { remote, protocol = '' }: ClientTransport,
    user: string,
    vhost: string,
  ): void {
    const { events } = this.context;
    if (!events.watched) return;
    const { address = '', port = 0 } = remote ?? {};
    events.tell({ kind, vhost, user, protocol, client: `${address}:${port}` });
  }

  /** Tells who is in a vhost to go, and waits for them: they may still write down what they leave behind. */
  async leave(vhost: string): Promise<void> {
    const { clock } = this.context;
    for (const session of this.inside(vhost)) session.end(`vhost '${vhost}' is deleted`);
    if (this.inside(vhost).length > 0) {
      await new Promise<void>((resolve) => {
        const late = new Timer(resolve);
        clock.schedule(late, LEAVING_MS);
        this.leaving.set(vhost, () => {
          if (this.inside(vhost).length > 0) return;
          clock.cancel(late);
          resolve();
        });
      });
      this.leaving.delete(vhost);
    }
    for (const session of this.inside(vhost)) session.close(true);
  }

  private inside(vhost: string): ClientSession[] {
    return [...this.sessions].filter((session) => session.vhost === vhost);
  }

  /** Consumers by the protocol of their clients. A part for each client. */
  *consumersByProtocol(): Generator<void, Map<string, number>> {
    const counts = new Map<string, number>();
    for (const session of this.sessions) {
      const { protocol } = session.traffic;
      counts.set(protocol, (counts.get(protocol) ?? 0) + session.consumers().length);
      yield;
    }
    return counts;
  }

  /** Its publishers may go on. */
  uncongested(vhost: string): void {
    for (const session of this.sessions)
      if (session.vhost === vhost && !session.congested) session.client.uncongested();
  }

  close(): void {
    for (const session of [...this.sessions]) session.close(true);
  }
}
