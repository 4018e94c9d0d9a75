/**
 * What one client has of what is limited: in its own right, and as a part of its vhost, its user and its listener. Ends with its
 * session, and gives back whatever it then still has.
 */
import { LimitError } from '../../message/errors.ts';
import type { CopyHolder } from '../../queue/store/owned-copies.ts';
import type { PublishBound } from '../../vhost/publish/publish-bound.ts';
import { BacklogBound, type Bound } from './backlog-bound.ts';
import type { PublishRate } from './publish-rate.ts';
import type { LimitRefusals } from './refusals.ts';
import { type Scope, type ScopeLimits, shownScope } from './scope.ts';

/** Of one connection. */
export interface ConnectionLimits {
  /** Consumers at a time. */
  readonly consumers?: number | undefined;
  /** Exclusive queues at a time. */
  readonly queues?: number | undefined;
  /** Messages and bytes of their bodies a second; who sends more is read more slowly. */
  readonly publishRate?: number | undefined;
  readonly publishBytes?: number | undefined;
  /** Of the body of one message. */
  readonly messageBytes?: number | undefined;
  /** Copies of what it has published that wait. */
  readonly backlog?: number | undefined;
  /** Deliveries that one consumer may hold that has set no limit itself. */
  readonly unsettled?: number | undefined;
  /** Deliveries that all its consumers, and what it has fetched one by one, may hold together. */
  readonly connectionUnsettled?: number | undefined;
}

/** Of all clients, since the start. */
interface Totals {
  readonly refusals: LimitRefusals;
  readonly channels: { opened: number; gone: number };
}

export class Membership {
  readonly scopes: readonly Scope[];
  consumers = 0;
  private readonly own: CopyHolder = { copies: 0 };
  private channels = 0;
  private ended = false;
  private readonly inForce: () => ConnectionLimits;
  private readonly totals: Totals;
  private readonly protocol: () => string;
  private readonly onEnd: () => void;

  /** @param onEnd the scopes are to count one connection less */
  constructor(
    scopes: readonly Scope[],
    inForce: () => ConnectionLimits,
    totals: Totals,
    protocol: () => string,
    onEnd: () => void,
  ) {
    this.scopes = scopes;
    this.inForce = inForce;
    this.totals = totals;
    this.protocol = protocol;
    this.onEnd = onEnd;
  }

  /** Of this connection, as they are now. */
  get limits(): ConnectionLimits {
    return this.inForce();
  }

  /** Channels that are open. */
  get channelCount(): number {
    return this.channels;
  }

  /** @throws LimitError not-allowed: there may be no more */
  channelOpened(): void {
    for (const scope of this.scopes) {
      const max = scope.limits.channels;
      if (max === undefined || scope.channels < max) continue;
      const text =
        scope.kind === 'user'
          ? `opened for user '${scope.name}' has reached the maximum allowed user limit of (${max})`
          : `opened in ${shownScope(scope)} has reached the maximum allowed limit of (${max})`;
      throw this.refusal('not-allowed', `${scope.kind}_channels`, `number of channels ${text}`);
    }
    this.channels++;
    this.totals.channels.opened++;
    for (const scope of this.scopes) scope.channels++;
  }

  channelClosed(): void {
    this.channels--;
    this.totals.channels.gone++;
    for (const scope of this.scopes) scope.channels--;
  }

  /** @throws LimitError not-allowed: there may be no more */
  checkConsumer(): void {
    const { consumers: own } = this.limits;
    if (own !== undefined && this.consumers >= own) {
      throw this.refusal('not-allowed', 'consumers', `reached maximum (${own}) of consumers per connection`);
    }
    for (const scope of this.scopes) {
      const max = scope.limits.consumers;
      if (max === undefined || scope.consumers < max) continue;
      const text = `reached maximum (${max}) of consumers of ${shownScope(scope)}`;
      throw this.refusal('not-allowed', `${scope.kind}_consumers`, text);
    }
  }

  consumerCame(): void {
    this.consumers++;
    for (const scope of this.scopes) scope.consumers++;
  }

  consumerLeft(): void {
    if (this.ended) return;
    this.consumers--;
    for (const scope of this.scopes) scope.consumers--;
  }

  /** @param count exclusive queues that it has. @throws LimitError precondition-failed: there may be no more */
  checkOwnQueues(name: string, count: number): void {
    const { queues: max } = this.limits;
    if (max === undefined || count < max) return;
    const text = `cannot declare queue '${name}': limit of exclusive queues of a connection (${max}) is reached`;
    throw this.refusal('precondition-failed', 'connection_queues', text);
  }

  /** Whether there is a limit on sessions that outlive their connections, so that those there are have to be counted. */
  get boundsSessions(): boolean {
    return this.scopes.some(({ limits }) => limits.sessions !== undefined);
  }

  /** @param count those there are, by scope. @throws LimitError not-allowed: there may be no more */
  checkSessions(count: { readonly vhost: number; readonly user: number }): void {
    for (const scope of this.scopes) {
      const max = scope.limits.sessions;
      if (scope.kind === 'listener' || max === undefined || count[scope.kind] < max) continue;
      const text = `session limit (${max}) of ${shownScope(scope)} is reached`;
      throw this.refusal('not-allowed', `${scope.kind}_sessions`, text);
    }
  }

  /** What it may have waiting, where all that waits is `all`; null: any number. */
  backlogBound(all: Readonly<CopyHolder>): PublishBound | null {
    const bounds: Bound[] = [];
    const owner: CopyHolder[] = [];
    for (const scope of this.scopes) {
      const { backlog: max } = scope.limits;
      if (max === undefined) continue;
      if (scope.kind !== 'vhost') owner.push(scope);
      bounds.push({ holder: scope.kind === 'vhost' ? all : scope, max, limit: `${scope.kind}_backlog` });
    }
    const { backlog: max } = this.limits;
    if (max !== undefined && this.scopes.length > 0) {
      owner.push(this.own);
      bounds.push({ holder: this.own, max, limit: 'connection_backlog' });
    }
    if (bounds.length === 0) return null;
    return new BacklogBound(bounds, owner.length === 0 ? null : owner, (limit) =>
      this.totals.refusals.count(limit, this.protocol()),
    );
  }

  /** What the body of a message of its may have at most; Infinity: any number of bytes. */
  get messageBytesMax(): number {
    let max = this.limits.messageBytes ?? Number.POSITIVE_INFINITY;
    for (const { limits } of this.scopes) max = Math.min(max, limits.messageBytes ?? max);
    return max;
  }

  /** A message of so many bytes is more than that. */
  tooLarge(bytes: number, max: number): LimitError {
    return this.refusal(
      'precondition-failed',
      'message_size',
      `message size ${bytes} is larger than configured max size ${max}`,
    );
  }

  /** It holds as many deliveries as it may, and asks for one more. */
  holdsTooMany(max: number): LimitError {
    const text = `this connection holds as many deliveries unsettled as it may (${max})`;
    return this.refusal('precondition-failed', 'connection_unsettled', text);
  }

  /** Rates that it shares with others, as far as there are any. */
  get sharedRates(): PublishRate[] {
    return this.scopes.map(({ publishing }) => publishing).filter(({ limited }) => limited);
  }

  /** Does something that a limit of the vhost's topology may refuse, which is then counted for its protocol too. */
  counting<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      if (error instanceof LimitError && !error.counted) this.totals.refusals.count(error.limit, this.protocol());
      throw error;
    }
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.totals.channels.gone += this.channels;
    for (const scope of this.scopes) {
      scope.channels -= this.channels;
      scope.consumers -= this.consumers;
    }
    this.onEnd();
  }

  private refusal(code: LimitError['code'], limit: string, message: string): LimitError {
    this.totals.refusals.count(limit, this.protocol());
    return new LimitError(code, limit, message, true);
  }
}

/** What of the limits of a scope is said. */
export function saidOf(limits: ScopeLimits): ScopeLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
