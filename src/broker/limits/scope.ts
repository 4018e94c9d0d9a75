/**
 * A scope of limits: a listener, a vhost or a user, and what its clients have of what is limited, all together. Those of a
 * listener are counted at the door, by socket; the others by who has come in.
 */
import type { Clock } from '../../clock/clock.ts';
import type { CopyHolder } from '../../queue/store/owned-copies.ts';
import { PublishRate } from './publish-rate.ts';
import { RateBucket } from './rate-bucket.ts';

export type ScopeKind = 'listener' | 'vhost' | 'user';

/** Of all clients of a scope together, unless it says otherwise. Undefined, or Infinity: any number. */
export interface ScopeLimits {
  /** At a time. 0: none at all. */
  readonly connections?: number | undefined;
  /** New ones a second. */
  readonly connectionRate?: number | undefined;
  /** Of protocols that have channels. */
  readonly channels?: number | undefined;
  readonly consumers?: number | undefined;
  /** Sessions that outlive their connections; not of a listener. */
  readonly sessions?: number | undefined;
  /** Messages, and bytes of their bodies, a second; who sends more is read more slowly. */
  readonly publishRate?: number | undefined;
  readonly publishBytes?: number | undefined;
  /** Of the body of one message. */
  readonly messageBytes?: number | undefined;
  /** Copies of messages that wait: of a vhost all, of the others what their clients have published. */
  readonly backlog?: number | undefined;
}

export class Scope implements CopyHolder {
  readonly kind: ScopeKind;
  readonly name: string;
  connections = 0;
  channels = 0;
  consumers = 0;
  copies = 0;
  readonly publishing: PublishRate;
  private readonly intake: RateBucket;
  private inForce: ScopeLimits;
  /** As they were given last. */
  given: ScopeLimits;

  constructor(kind: ScopeKind, name: string, limits: ScopeLimits, clock: Clock) {
    this.kind = kind;
    this.name = name;
    this.given = limits;
    this.inForce = finite(limits);
    this.intake = new RateBucket(clock);
    this.publishing = new PublishRate(clock, rateOf(this.inForce));
  }

  get limits(): ScopeLimits {
    return this.inForce;
  }

  /** In force for what comes from now on; what is there stays. */
  set limits(limits: ScopeLimits) {
    this.given = limits;
    this.inForce = finite(limits);
    this.publishing.change(rateOf(this.inForce));
  }

  /** Which limit leaves no room for one connection more; undefined: there is room, and it is used up as far as the rate goes. */
  refuses(): 'connections' | 'connectionRate' | undefined {
    const { connections, connectionRate } = this.inForce;
    if (connections !== undefined && this.connections >= connections) return 'connections';
    if (connectionRate !== undefined && !this.intake.take(connectionRate)) return 'connectionRate';
    return undefined;
  }

  /** Nobody is in it, and nothing of its past matters. */
  get forgettable(): boolean {
    const { connectionRate } = this.inForce;
    if (this.connections > 0 || this.copies > 0 || this.publishing.waiting) return false;
    return connectionRate === undefined || this.intake.isFull(connectionRate);
  }
}

/** Any number is said by leaving it out. */
function finite(limits: ScopeLimits): ScopeLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => Number.isFinite(value)));
}

function rateOf({ publishRate, publishBytes }: ScopeLimits) {
  return { messages: publishRate, bytes: publishBytes };
}

/** How a scope is shown in the text of an error. */
export function shownScope({ kind, name }: Scope): string {
  return kind === 'listener' ? `listener ${name}` : `${kind} '${name}'`;
}
