/** Options of the Redis adapter, and the bounds on everything that a client sends. */

export interface RedisOptions {
  /** Bytes of one command, which is gathered before it is carried out. Default 16 MiB. */
  readonly commandSizeMax?: number;
  /** Arguments of one command. Default 4096. */
  readonly argumentsMax?: number;
  /** Channels and patterns of one connection, together. Default 1024. */
  readonly subscriptionsMax?: number;
  /** Bytes of one pattern. Default 256. */
  readonly patternSizeMax?: number;
  /** Lists that one BLPOP or BRPOP waits for. Default 64. */
  readonly blockingListsMax?: number;
  /** Replies that wait for the log; past that, commands wait unread. Default 16384. */
  readonly repliesPendingMax?: number;
  /** Bytes that a subscriber may have unsent before messages are dropped, counted. Default 8 MiB. */
  readonly unsentBytesMax?: number;
  /** Until a client is let in: with AUTH, HELLO, or by what needs no name. Default 10 s. */
  readonly handshakeTimeoutMs?: number;
}

export type ResolvedOptions = Required<RedisOptions>;

export function resolveOptions(options: RedisOptions): ResolvedOptions {
  return {
    commandSizeMax: 16 * 1024 * 1024,
    argumentsMax: 4096,
    subscriptionsMax: 1024,
    patternSizeMax: 256,
    blockingListsMax: 64,
    repliesPendingMax: 16_384,
    unsentBytesMax: 8 * 1024 * 1024,
    handshakeTimeoutMs: 10_000,
    ...options,
  };
}
