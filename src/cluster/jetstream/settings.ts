/** What an engine on JetStream is told, and what follows for its connections. */

export interface JetStreamSettings {
  readonly servers: readonly string[];
  /** Copies of a stream. 3, unless told otherwise. */
  readonly replicas?: number;
  /** How long a lease lives that nobody renews. */
  readonly leaseMs?: number;
  /** Before the names of streams and buckets: several clusters may share one engine. */
  readonly prefix?: string;
}

/** An election of the engine takes 4 to 9 seconds: a leader that is well shall outlive one. */
export const LEASE_MS = 15_000;
export const REPLICAS = 3;
export const PREFIX = 'entrepot';
/** How long an append, or anything else that is asked, waits for its answer. */
export const ANSWER_MS = 1_500;

/** Of a connection that writes. What it could not send is not sent later: it ends with its server, and another one is made. */
export const writerOptions = (servers: readonly string[]): object => ({
  servers,
  name: 'entrepot writer',
  reconnect: false,
  timeout: 1_000,
  pingInterval: 1_000,
  maxPingOut: 2,
  ignoreClusterUpdates: true,
  noAsyncTraces: true,
});

/** Of one that reads and asks: it stays, whatever happens to the servers. */
export const readerOptions = (servers: readonly string[]): object => ({
  servers,
  name: 'entrepot reader',
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
  pingInterval: 2_000,
  timeout: 1_000,
});
