/**
 * The adapter port: what a protocol gives the broker, and what it is given. An adapter lives in a folder or a package of
 * its own, knows no other adapter, and reaches everything through `BrokerServices` and `Transport`.
 */

import type { Dialect } from '../message/dialect.ts';
import type { Output } from '../transport/output.ts';
import type { BrokerServices } from './broker.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** One client's byte stream, whatever carries it: a TCP socket, a TLS socket, the messages of a web client. */
export interface Transport {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** The client is on this machine: the address is a loopback one. */
  readonly loopback: boolean;
  readonly secure: boolean;
  /** The `name` of the adapter that was found for it, for the log; undefined until then. */
  readonly protocol?: string;
  /** What the client calls itself, for the log: the adapter writes it here as soon as it is known. */
  label?: string;
  /** Its listener promises less than `fsync`: what is confirmed is written, and may not be synced yet. Default false. */
  readonly confirmsAtWrite?: boolean;
  /** Where the adapter writes. Its bytes leave once a turn. */
  readonly output: Output;
  /** Stops reading from the client. `data` may not be called again until `resume`. */
  pause(): void;
  resume(): void;
  /** Sends what is in `output`, then closes the sending side; destroys the rest soon after. `data` is not called again. */
  end(): void;
  /** Closes at once; what is unsent is lost. */
  destroy(): void;
}

/** The adapter's side of one connection. No call may throw. */
export interface ConnectionHandler {
  /** The client's next bytes. `chunk` belongs to the transport and is valid until the call returns. */
  data(chunk: Buffer): void;
  /** `transport.output.congested` has gone back to false. */
  drained(): void;
  /** The client's side is gone, in order or not; called exactly once, and nothing after it. */
  closed(): void;
  /**
   * Bytes of the client's that are kept in memory because what they belong to is not whole, or waits: they count towards a
   * sum over all connections. Asked after each `data`. Left out: none.
   */
  readonly heldBytes?: number;
  /** The client has been let in; until then it may have but little kept. Left out: always. */
  readonly authenticated?: boolean;
  /**
   * `heldBytes` is more than there is room for: tell the client in the protocol's own form and the operator (`BrokerServices.reportMistake`),
   * then `transport.end()`. Left out: `shutdown`, and the operator is told for the adapter.
   */
  exceeded?(reason: string): void;
  /** The broker is stopping: tell the client in the protocol's own form, then `transport.end()`. */
  shutdown(reason: string): void;
}

/** How a protocol's bytes are to be cut where what carries them has messages of its own. */
export interface Framing {
  /**
   * The length of the packet that begins at `start`, which may be more than there is; 0 if it cannot be told from
   * `bytes[start, end)`. Asked of what the adapter has written, from the first byte on.
   */
  extent(bytes: Buffer, start: number, end: number): number;
  /** Only messages of bytes may carry it: one of text ends the connection. */
  readonly bytesOnly: boolean;
}

export interface Protocol {
  /** As in `--listen NAME://…`. */
  readonly name: string;
  readonly dialect: Dialect;
  /** What it counts, by name, over all its connections: shown with the metrics. Numbers that only rise. */
  readonly stats?: object;
  /** Left out: any way will do, in both directions. */
  readonly framing?: Framing;
  /**
   * Whether a stream that begins with these bytes is this protocol: so that one port can serve several.
   * Undefined: more bytes are needed to tell (at most 16).
   */
  detect(first: Buffer): boolean | undefined;
  /** The broker has started, with what it had; called once for each broker, before anything listens. */
  started?(broker: BrokerServices): void;
  /** Takes a connection. The handler's `data` is called in order from the first byte. Starts its own handshake timer. */
  accept(transport: Transport, broker: BrokerServices): ConnectionHandler;
}
