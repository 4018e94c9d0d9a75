/** Options of `createBroker`, and the running broker that it returns. */

import type { Endpoint } from '../api/endpoint.ts';
import type { Authenticator } from '../api/identity.ts';
import type { Policy, PolicyInfo, PolicyKind } from '../api/policies.ts';
import type { Protocol } from '../api/protocol.ts';
import type { Users } from '../api/users.ts';
import type { Broker } from '../broker/broker.ts';
import type { Clock } from '../clock/clock.ts';
import type { ListenAddress } from '../config/listen.ts';
import type { ConfigInput } from '../config/schema.ts';
import type { UsersInput } from '../config/users.ts';
import type { VhostsInput } from '../config/vhosts.ts';
import type { Logger } from '../logger.ts';
import type { Health } from '../management/health.ts';
import type { Operator } from '../operator/operator.ts';

/** How a program asks for a broker. What is left out has the default that `entrepot config print` shows. */
export interface BrokerOptions extends Omit<ConfigInput, 'data' | 'listen' | 'log' | 'users' | 'vhosts'> {
  /** Names, or names with what is set for each: durability, limits, policies. Default: `/` alone. */
  readonly vhosts?: VhostsInput;
  /** Who may log in, beside those that were `put` at `RunningBroker.users`. Default: nobody. */
  readonly users?: UsersInput;
  /** The directory of the log, made if it is not there. Null, the default: memory only, gone at `close`. */
  readonly data?: string | null;
  /** As `amqp://127.0.0.1:0`, or in parts; one or several. Default: nothing listens. */
  readonly listen?: string | ListenAddress | readonly (string | ListenAddress)[];
  /** Adapters besides the built-in ones; `listen` knows them by their `name`. */
  readonly protocols?: readonly Protocol[];
  /** Says who a client is and what it may do. Default: the broker's own `users`; while there is none, `guest` and clients without a
   * name, from this machine only. */
  readonly authenticator?: Authenticator;
  /** Default: none. A pino logger fits. */
  readonly logger?: Logger;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** The options that may be changed while the broker runs; what is left out has its default again. */
export type LimitsInput = Pick<BrokerOptions, 'memory' | 'disk' | 'limits'> & {
  /** Of these only `limits` is looked at; a vhost that is not named has none any more. */
  readonly vhosts?: VhostsInput;
  /** Of these only `rateMax` and `perAddressMax`. */
  readonly connections?: BrokerOptions['connections'];
  /**
   * Of these only their limits, and only of those that are listened on and had some when they were opened: they take on others, or none.
   * Left out: they keep what they have.
   */
  readonly listen?: BrokerOptions['listen'];
};

/** One thing that is listened on. */
export interface ListenerInfo {
  /** As in `amqp://` or `amqps://`; several that share the port are joined with `+`. */
  readonly name: string;
  /** As it was asked for. */
  readonly host: string;
  /** The actual one, where 0 was asked for. */
  readonly port: number;
  /** Every address that is bound. */
  readonly addresses: readonly Endpoint[];
  /** What its clients are promised; undefined: what the vhost promises. */
  readonly durability?: ListenAddress['durability'];
}

export interface RunningBroker {
  readonly broker: Broker;
  readonly listeners: readonly ListenerInfo[];
  /** The port of the first listener that serves this protocol. Throws if none does. */
  port(protocol: string): number;
  /** What there is in it, and what may be done about it. */
  readonly operator: Operator;
  /** Clients that are connected now. */
  readonly connections: number;
  readonly health: Health;
  /**
   * Sets the watermarks and limits, in force at once for what comes from now on; what is there stays. Throws a BrokerError,
   * and then nothing has changed: invalid.
   */
  setLimits(limits: LimitsInput): void;
  /**
   * Sets a policy of a vhost, or replaces the one of its name and kind: in force for everything at once, safe on the disk
   * when the promise is resolved. Rejects with a BrokerError: not-found, invalid, not-allowed (the configuration sets it).
   */
  setPolicy(vhost: string, policy: Policy): Promise<void>;
  /** False if there was none. Rejects with a BrokerError: not-found (vhost), not-allowed. */
  clearPolicy(vhost: string, name: string, kind?: PolicyKind): Promise<boolean>;
  /** Highest priority first. Throws a BrokerError: not-found. */
  policies(vhost: string): PolicyInfo[];
  /** Reads the TLS certificates anew, for handshakes to come. What is wrong is logged, and what was in force stays so. */
  reloadCertificates(): void;
  /** Who may log in, and what each may do. */
  readonly users: Users;
  /** Stops accepting, tells the clients, waits for them (1.2 s at most), syncs and closes the log. Again: the same promise. */
  close(reason?: string): Promise<void>;
}
