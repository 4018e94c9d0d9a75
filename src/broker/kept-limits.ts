/**
 * Limits of vhosts and users that operators set while the broker runs, kept in its state beside those of the configuration. What the
 * configuration says counts, and is changed only there; a negative limit is none, as in RabbitMQ.
 */
import { BrokerError } from '../message/errors.ts';
import type { ClientLimits, UserLimits, VhostLimits } from './client-limits.ts';
import type { BrokerState } from './state.ts';

export const VHOST_LIMITS = ['connections', 'queues'] as const;
export const USER_LIMITS = ['connections', 'channels'] as const;
export type VhostLimitName = (typeof VHOST_LIMITS)[number];
export type UserLimitName = (typeof USER_LIMITS)[number];
export type SetLimits<N extends string> = Readonly<Partial<Record<N, number>>>;

class LimitsOf<N extends string> {
  readonly kind: string;
  private readonly prefix: string;
  private readonly state: BrokerState;
  configured: (name: string) => Readonly<Record<string, unknown>> = () => ({});

  constructor(kind: string, state: BrokerState) {
    this.kind = kind;
    this.prefix = `${kind}-limits:`;
    this.state = state;
  }

  names(): string[] {
    return this.state
      .keys(this.prefix)
      .map((key) => key.slice(this.prefix.length))
      .sort();
  }

  of(name: string): SetLimits<N> {
    const kept = this.state.get(this.prefix + name);
    return (kept === undefined ? {} : JSON.parse(kept.toString())) as SetLimits<N>;
  }

  /** Those that count, as the core has them: none where there is no bound. */
  inForce(name: string): Record<string, number> {
    return Object.fromEntries(Object.entries(this.of(name)).filter(([, value]) => (value as number) >= 0)) as Record<
      string,
      number
    >;
  }

  /** Within a commit unit. @param value undefined: it is not set any more */
  set(name: string, limit: N, value: number | undefined): void {
    const { [limit]: _, ...rest } = this.of(name) as Record<string, number>;
    const left = value === undefined ? rest : { ...rest, [limit]: value };
    if (Object.keys(left).length === 0) this.state.delete(this.prefix + name);
    else this.state.put(this.prefix + name, Buffer.from(JSON.stringify(left)));
  }

  forget(name: string): void {
    this.state.delete(this.prefix + name);
  }

  /** @throws BrokerError invalid, not-allowed */
  check(name: string, limit: N, value: number | undefined): void {
    if (value !== undefined && !Number.isInteger(value)) {
      throw new BrokerError('invalid', 'a limit is a whole number, and a negative one is none');
    }
    if (this.configured(name)[limit] === undefined) return;
    throw new BrokerError(
      'not-allowed',
      `the limit of ${limit} of ${this.kind} '${name}' is set by the configuration, and can only be changed there`,
    );
  }
}

export class KeptLimits {
  readonly vhosts: LimitsOf<VhostLimitName>;
  readonly users: LimitsOf<UserLimitName>;
  private clients: ClientLimits = {};
  private ofVhosts: Readonly<Record<string, VhostLimits>> = {};
  private readonly state: BrokerState;
  private readonly changed: () => void;

  /** @param changed what is in force is another thing now */
  constructor(state: BrokerState, changed: () => void) {
    this.state = state;
    this.changed = changed;
    this.vhosts = new LimitsOf('vhost', state);
    this.users = new LimitsOf('user', state);
    this.vhosts.configured = (name) => (this.ofVhosts[name] ?? {}) as Record<string, unknown>;
    this.users.configured = (name) =>
      ({ ...this.clients.user, ...this.clients.users?.[name] }) as Record<string, unknown>;
    state.onTakenBack(changed);
  }

  /** What the configuration says. */
  configure(clients: ClientLimits, vhosts: Readonly<Record<string, VhostLimits>>): void {
    this.clients = clients;
    this.ofVhosts = vhosts;
  }

  /** Of clients, in force. */
  get ofClients(): ClientLimits {
    const names = this.users.names();
    if (names.length === 0) return this.clients;
    const users: Record<string, UserLimits> = { ...this.clients.users };
    for (const name of names) users[name] = { ...this.users.inForce(name), ...said(this.clients.users?.[name]) };
    return { ...this.clients, users };
  }

  /** Of a vhost, in force. */
  ofVhost(name: string): VhostLimits {
    return { ...this.vhosts.inForce(name), ...said(this.ofVhosts[name]) };
  }

  /** Safe when the promise is resolved. @param value undefined: not any more @throws BrokerError invalid, not-allowed, unavailable */
  setOfVhost(name: string, limit: VhostLimitName, value: number | undefined): Promise<void> {
    return this.set(this.vhosts, name, limit, value);
  }

  setOfUser(name: string, limit: UserLimitName, value: number | undefined): Promise<void> {
    return this.set(this.users, name, limit, value);
  }

  /** Within a commit unit that deletes the user: another of its name has none of them. */
  forgetUser(name: string): void {
    this.users.forget(name);
    this.changed();
  }

  private async set<N extends string>(
    limits: LimitsOf<N>,
    name: string,
    limit: N,
    value: number | undefined,
  ): Promise<void> {
    limits.check(name, limit, value);
    await this.state.opened();
    this.state.unit(() => limits.set(name, limit, value));
    this.changed();
    await this.state.safe();
  }
}

/** What of the limits is said. */
function said(limits: object = {}): Record<string, number> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
