/**
 * The limits of clients, beside those of a vhost's topology: how many connections and channels a user may have, how many
 * connections a vhost takes, and what one connection may ask for. Nothing but unsettled deliveries is bounded unless it is said;
 * the errors have RabbitMQ's words where it has such a limit (max-connections, max-channels).
 */
import type { Refusal } from '../api/identity.ts';
import { BrokerError } from '../message/errors.ts';

/** Of one user, over all its connections. 0: none at all. */
export interface UserLimits {
  readonly connections?: number | undefined;
  /** Of protocols that have channels. */
  readonly channels?: number | undefined;
}

/** Of one connection. */
export interface ConnectionLimits {
  /** Consumers at a time. */
  readonly consumers?: number | undefined;
  /** Messages and bytes of their bodies a second; who sends more is read more slowly. */
  readonly publishRate?: number | undefined;
  readonly publishBytes?: number | undefined;
  /** Deliveries that one consumer may hold that has set no limit itself. */
  readonly unsettled?: number | undefined;
}

export interface ClientLimits extends ConnectionLimits {
  /** Of each user that has none of its own in `users`. */
  readonly user?: UserLimits;
  readonly users?: Readonly<Record<string, UserLimits>>;
}

/** How often each limit has refused something. */
export interface LimitRefusals {
  vhostConnections: number;
  userConnections: number;
  userChannels: number;
  consumers: number;
}

/** Counts what users and vhosts have, and refuses what is too much. */
export class ClientUsage {
  /** In force for what comes from now on; what is there stays. */
  limits: ClientLimits;
  /** Channels since the start: opened, and gone. */
  channelsOpened = 0;
  channelsGone = 0;
  readonly refusals: LimitRefusals = { vhostConnections: 0, userConnections: 0, userChannels: 0, consumers: 0 };
  private readonly userConnections = new Map<string, number>();
  private readonly userChannels = new Map<string, number>();
  private readonly vhostConnections = new Map<string, number>();

  constructor(limits: ClientLimits = {}) {
    this.limits = limits;
  }

  /** Counts a connection of this user in this vhost; undefined: it may be. `disconnected` follows. */
  connected(user: string, vhost: string, vhostMax: number | undefined): Refusal | undefined {
    const inVhost = this.vhostConnections.get(vhost) ?? 0;
    if (vhostMax !== undefined && inVhost >= vhostMax) {
      this.refusals.vhostConnections++;
      const reason = `access to vhost '${vhost}' refused for user '${user}': connection limit (${vhostMax}) is reached`;
      return { refused: 'limit', reason };
    }
    const ofUser = this.userConnections.get(user) ?? 0;
    const { connections: max } = this.userLimits(user);
    if (max !== undefined && ofUser >= max) {
      this.refusals.userConnections++;
      const reason = `connection refused for user '${user}': user connection limit (${max}) is reached`;
      return { refused: 'limit', reason };
    }
    this.vhostConnections.set(vhost, inVhost + 1);
    this.userConnections.set(user, ofUser + 1);
    return undefined;
  }

  disconnected(user: string, vhost: string): void {
    take(this.userConnections, user, 1);
    take(this.vhostConnections, vhost, 1);
  }

  /** @throws BrokerError not-allowed: the user has as many as it may */
  channelOpened(user: string): void {
    const open = this.userChannels.get(user) ?? 0;
    const { channels: max } = this.userLimits(user);
    if (max !== undefined && open >= max) {
      this.refusals.userChannels++;
      throw new BrokerError(
        'not-allowed',
        `number of channels opened for user '${user}' has reached the maximum allowed user limit of (${max})`,
      );
    }
    this.userChannels.set(user, open + 1);
    this.channelsOpened++;
  }

  channelsClosed(user: string, count: number): void {
    if (count === 0) return;
    this.channelsGone += count;
    take(this.userChannels, user, count);
  }

  /** The connection has so many consumers. @throws BrokerError not-allowed: there may be no more */
  checkConsumers(count: number): void {
    const { consumers: max } = this.limits;
    if (max === undefined || count < max) return;
    this.refusals.consumers++;
    throw new BrokerError('not-allowed', `reached maximum (${max}) of consumers per connection`);
  }

  private userLimits(user: string): UserLimits {
    const { users, user: all = {} } = this.limits;
    return users !== undefined && Object.hasOwn(users, user) ? { ...all, ...set(users[user]!) } : all;
  }
}

/** What of the limits is said. */
function set(limits: UserLimits): UserLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

/** Names of users come from outside: who has nothing is forgotten. */
function take(counts: Map<string, number>, name: string, count: number): void {
  const left = (counts.get(name) ?? 0) - count;
  if (left > 0) counts.set(name, left);
  else counts.delete(name);
}
