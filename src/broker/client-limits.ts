/**
 * The limits of clients: of each connection, and of all clients of a vhost, a user or a listener together (`limits/scope.ts`). Nothing
 * but unsettled deliveries is bounded unless it is said; the errors have RabbitMQ's words where it has such a limit
 * (max-connections, max-channels).
 */
import type { Refusal } from '../api/identity.ts';
import type { Clock } from '../clock/clock.ts';
import type { TopologyLimits } from '../vhost/topology/limits.ts';
import { type ConnectionLimits, Membership, saidOf } from './limits/membership.ts';
import { LimitRefusals } from './limits/refusals.ts';
import { Scope, type ScopeLimits } from './limits/scope.ts';

export type { ConnectionLimits, ScopeLimits };
export interface VhostLimits extends ScopeLimits, TopologyLimits {}
export type UserLimits = ScopeLimits;

export interface ClientLimits extends ConnectionLimits {
  /** Of each user that has none of its own in `users`. */
  readonly user?: UserLimits;
  readonly users?: Readonly<Record<string, UserLimits>>;
}

/** Who comes in, and where. */
export interface Entrant {
  readonly user: string;
  readonly vhost: string;
  readonly vhostLimits: ScopeLimits;
  /** Where it came in, if that has limits. */
  readonly listener: Scope | undefined;
  protocol(): string;
  /** It ends another connection of this user in this vhost as soon as it is let in. */
  replaces(): boolean;
}

/** Counts what users and vhosts have, and refuses what is too much. */
export class ClientUsage {
  readonly refusals = new LimitRefusals();
  readonly channels = { opened: 0, gone: 0 };
  private readonly clock: Clock;
  private inForce: ClientLimits;
  private readonly users = new Map<string, Scope>();
  private readonly vhosts = new Map<string, Scope>();
  private pruneAt = 1_024;
  private readonly connectionLimits = (): ConnectionLimits => this.inForce;

  constructor(limits: ClientLimits, clock: Clock) {
    this.inForce = limits;
    this.clock = clock;
  }

  get limits(): ClientLimits {
    return this.inForce;
  }

  /** In force for what comes from now on; what is there stays. Rates change for everybody at once. */
  set limits(limits: ClientLimits) {
    this.inForce = limits;
    for (const scope of this.users.values()) scope.limits = this.userLimits(scope.name);
  }

  /** The same of a vhost. */
  setVhostLimits(vhost: string, limits: ScopeLimits): Scope {
    let scope = this.vhosts.get(vhost);
    if (scope === undefined) {
      scope = new Scope('vhost', vhost, limits, this.clock);
      this.vhosts.set(vhost, scope);
    } else if (scope.given !== limits) scope.limits = limits;
    return scope;
  }

  /** It is gone, and with it all that its clients had. */
  forgetVhost(vhost: string): void {
    this.vhosts.delete(vhost);
  }

  /** Channels since the start: opened, and gone. */
  get channelsOpened(): number {
    return this.channels.opened;
  }

  get channelsGone(): number {
    return this.channels.gone;
  }

  /** Counts a connection until its membership ends; a refusal: it may not be. */
  enter(entrant: Entrant): Membership | Refusal {
    const { user: name, listener } = entrant;
    const vhost = this.setVhostLimits(entrant.vhost, entrant.vhostLimits);
    const user = this.userScope(name);
    for (const scope of [vhost, user]) {
      const refuses = scope.refuses();
      // One that takes the place of another makes no more of them.
      if (refuses === undefined || (refuses === 'connections' && scope.limits.connections !== 0 && entrant.replaces()))
        continue;
      this.refusals.count(
        `${scope.kind}_${refuses === 'connections' ? 'connections' : 'connection_rate'}`,
        entrant.protocol(),
      );
      return { refused: refuses === 'connections' ? 'limit' : 'rate', reason: reasonOf(refuses, scope, name) };
    }
    vhost.connections++;
    user.connections++;
    const scopes = listener === undefined ? [vhost, user] : [vhost, user, listener];
    return new Membership(scopes, this.connectionLimits, this, entrant.protocol, () => {
      vhost.connections--;
      user.connections--;
      if (user.forgettable) this.users.delete(name);
    });
  }

  /** For who is no client, but a part of the broker or of its program: it counts nowhere. */
  unbounded(): Membership {
    return new Membership(
      [],
      this.connectionLimits,
      this,
      () => '',
      () => {},
    );
  }

  /** Names of users come from outside: who has nothing is forgotten. */
  private userScope(name: string): Scope {
    let scope = this.users.get(name);
    if (scope !== undefined) return scope;
    if (this.users.size >= this.pruneAt) {
      for (const [other, { forgettable }] of this.users) if (forgettable) this.users.delete(other);
      this.pruneAt = Math.max(1_024, this.users.size * 2);
    }
    scope = new Scope('user', name, this.userLimits(name), this.clock);
    this.users.set(name, scope);
    return scope;
  }

  private userLimits(user: string): UserLimits {
    const { users, user: all = {} } = this.inForce;
    return users !== undefined && Object.hasOwn(users, user) ? { ...all, ...saidOf(users[user]!) } : all;
  }
}

function reasonOf(refuses: 'connections' | 'connectionRate', { kind, name, limits }: Scope, user: string): string {
  const max = refuses === 'connections' ? limits.connections : limits.connectionRate;
  const what = refuses === 'connections' ? `connection limit (${max})` : `connection rate limit (${max} a second)`;
  return kind === 'user'
    ? `connection refused for user '${user}': user ${what} is reached`
    : `access to vhost '${name}' refused for user '${user}': ${what} is reached`;
}
