/** Options of a broker: where its data lie, who may come in, its vhosts and how safe they are. */
import type { Authenticator } from '../api/identity.ts';
import type { Policy } from '../api/policies.ts';
import type { Compatibility } from '../api/session.ts';
import type { BackendPlan } from '../auth/backends/plan.ts';
import type { CertificateUserFrom } from '../auth/certificate-user.ts';
import type { LoginSettings } from '../auth/internal-authenticator.ts';
import type { Clock } from '../clock/clock.ts';
import type { FileSystem } from '../log/files/files.ts';
import type { Logger } from '../logger.ts';
import type { Dialect } from '../message/dialect.ts';
import type { Tracer } from '../tracing/tracer.ts';
import type { Durability, LogLayout, TransientLayout } from '../vhost/options.ts';
import type { ClientLimits, VhostLimits } from './client-limits.ts';
import type { ConfiguredUser } from './users.ts';

export const DEFAULT_VHOST = '/';

export interface VhostSettings {
  readonly name: string;
  /** Default: the broker's. */
  readonly durability?: Durability;
  /** Default: the broker's. */
  readonly compat?: Compatibility;
  /** Default: none. */
  readonly limits?: VhostLimits;
  /** They are there as long as they are given here. */
  readonly policies?: readonly Policy[];
}

export interface StartOptions {
  /** Made if it is not there, and locked while the broker runs. Null: memory only. */
  readonly dataDirectory: string | null;
  /** The property dialects of the adapters in use. */
  readonly dialects: readonly Dialect[];
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Default: the broker's own users. */
  readonly authenticator?: Authenticator;
  /** They are there as long as they are given here, beside those that the data directory holds. */
  readonly users?: readonly ConfiguredUser[];
  /** Who may come in beside them. */
  readonly login?: LoginSettings;
  /** Who is asked about clients with a password, in order. Default: the broker's own users alone. */
  readonly backends?: readonly BackendPlan[];
  /** What of a client's certificate is its user's name. Default: the common name. */
  readonly userFrom?: CertificateUserFrom;
  /** Default: `/` alone. */
  readonly vhosts?: readonly VhostSettings[];
  /** The file system to use; default: the operating system's, or one in memory where there is no data directory. */
  readonly files?: FileSystem;
  /** When a confirm is given. Default: after the sync. */
  readonly durability?: Durability;
  /** Whose habits clients have. Default: `rabbitmq-3`. */
  readonly compat?: Compatibility;
  /** How the logs are laid out; the defaults need no tuning. */
  readonly log?: LogLayout;
  /** Of users and connections. Default: none. */
  readonly clientLimits?: ClientLimits;
  /** Makes what traces. Default: nothing is traced. */
  readonly tracer?: (clock: Clock) => Tracer;
  /** A retained message is shown only as long as whoever published it may publish there. Default: whatever he may by now. */
  readonly checkRetainSource?: boolean;
  /** What transient messages may take up, in memory and on the disk, in each vhost. */
  readonly transient?: TransientLayout;
}
