/** Every number of the broker that is shown, as of one moment. What is read, and from where: `metrics.ts`. */
import type { BackendStatistics } from '../../auth/backends/backend.ts';
import type { LimitRefusals } from '../../broker/limits/refusals.ts';
import type { LoginRefusals, LoginStatistics } from '../../broker/logins.ts';
import type { WatermarkStatistics } from '../../broker/watermarks.ts';
import type { ProtocolTraffic } from '../../metrics/traffic.ts';
import type { TracingStatistics } from '../../tracing/exporter.ts';
import type { VhostStatistics } from '../../vhost/statistics.ts';

export interface MemoryStatistics {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly evicted: number;
}

export interface ConnectionStatistics {
  /** Sockets of clients, those among them that have not said yet what they are to carry, and what there may be. */
  readonly connections: number;
  readonly waitingSockets: number;
  readonly connectionsMax: number;
  /** Sockets of the HTTP ports; those dropped to make room, or because they did not read their answers. */
  readonly httpSockets: number;
  readonly httpSocketsDropped: number;
  /** Memory that connections hold, its bounds, and how many were closed because of them. */
  readonly unfinished: MemoryStatistics;
  readonly unsent: MemoryStatistics;
  /** Memory of stored messages that is written to sockets from where it lies, its bound, and bodies copied because of that. */
  readonly pinned: { readonly bytes: number; readonly bytesMax: number; readonly copied: number };
  /** Connections since the start: taken, turned away because there were too many, closed because their protocol was unknown. */
  readonly admitted: number;
  readonly refused: number;
  /** Of those: because they came too fast one after the other, or too many from one address. */
  readonly refusedRate: number;
  readonly refusedAddress: number;
  readonly unrecognised: number;
  readonly tls: TlsStatistics;
}

export interface TlsStatistics {
  /** Handshakes since the start: come to their end, failed, given up for others; and those under way. */
  readonly handshakes: { readonly done: number; readonly failed: number; readonly displaced: number };
  readonly handshaking: number;
  /** Certificates in force, by file. */
  readonly certificates: readonly { readonly path: string; readonly expiresMs: number }[];
}

/** Every number that is shown, as of one moment. */
export interface BrokerStatistics extends ConnectionStatistics {
  readonly version: string;
  readonly uptimeS: number;
  readonly sessions: number;
  readonly logins: LoginStatistics;
  /** Of the back ends that clients are looked up in, by name; none: the broker's own users are all there is. */
  readonly backends: readonly (readonly [name: string, statistics: BackendStatistics])[];
  /** Why somebody was kept out, by protocol. */
  readonly loginRefusals: LoginRefusals;
  /** Logins that were refused, by protocol. */
  readonly loginsFailed: ReadonlyMap<string, number>;
  /** Channels since the start: opened, and gone. */
  readonly channelsOpened: number;
  readonly channelsGone: number;
  /** Queues since the start, over all vhosts that there were. */
  readonly queueChurn: { readonly declared: number; readonly created: number; readonly deleted: number };
  /** What went in and out, by protocol. */
  readonly traffic: readonly ProtocolTraffic[];
  /** Consumers by their protocol. */
  readonly consumersByProtocol: ReadonlyMap<string, number>;
  /** For how long the oldest message that waits has, by vhost. */
  readonly oldestReadyMs: ReadonlyMap<string, number>;
  /** How often a client's input, or a long operation of its, was put off to a later turn. */
  readonly workWaits: number;
  /** Of spans; undefined: nothing is traced. */
  readonly tracing?: TracingStatistics | undefined;
  readonly vhosts: readonly VhostStatistics[];
  /** What each adapter counts, by its name. */
  readonly protocols: readonly (readonly [protocol: string, counts: Readonly<Record<string, unknown>>])[];
  readonly process: ProcessStatistics;
  /** How often limits of listeners, vhosts, users and connections have refused something. */
  readonly limitRefusals: Pick<LimitRefusals, 'total' | typeof Symbol.iterator>;
  /** The marks of memory and disk that hold publishers back. */
  readonly watermarks: WatermarkStatistics;
}

export interface ProcessStatistics {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  /** Part of the time since the last look that the event loop was busy, 0 to 1. */
  readonly loopUtilization: number;
}
