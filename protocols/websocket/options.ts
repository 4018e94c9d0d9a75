/** Options of WebSocket: which adapters, on which paths, within which bounds. */
import type { Connections, Protocol } from '../../src/api/index.ts';

/** Bytes of a message; larger than what adapters take by default, so that theirs is the limit a client meets. */
export const MESSAGE_SIZE_MAX = 130 * 1024 * 1024;
/** How long a client may take to ask for its upgrade. */
export const REQUEST_TIMEOUT_MS = 10_000;

export interface SubProtocol {
  /** As in Sec-WebSocket-Protocol: `mqtt`, `v12.stomp`. */
  readonly name: string;
  readonly protocol: Protocol;
  /** Whether messages to the client are text where they can be. */
  readonly kind: 'binary' | 'text';
}

export interface WebSocketOptions {
  readonly connections: Connections;
  readonly subProtocols: readonly SubProtocol[];
  /** For each path that is served: who may speak on it when no sub-protocol is offered. */
  readonly paths: ReadonlyMap<string, readonly Protocol[]>;
  /** For a client to ask for its upgrade. Default REQUEST_TIMEOUT_MS. */
  readonly requestTimeoutMs?: number;
  /** Pages that may connect, by origin, as `https://app.example.org` or `https://*.example.org`. Default, and none: any. */
  readonly origins?: readonly string[];
  /** Bytes of one incoming message; more is answered with close code 1009. Default MESSAGE_SIZE_MAX. */
  readonly messageSizeMax?: number;
}
