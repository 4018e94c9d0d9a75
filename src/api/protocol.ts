/**
 * The adapter port: what a protocol gives the broker (`Protocol`, `ConnectionHandler`), and what it is given. An adapter lives in a
 * folder or a package of its own, knows no other adapter, and reaches everything through `BrokerServices` and `Transport`.
 *
 *     Protocol.accept(transport, broker) ──▶ handler.data(chunk), … , handler.drained(), … ──▶ handler.closed(), once
 */

import type { Dialect } from '../message/dialect.ts';
import type { Output } from '../transport/output.ts';
import type { AddressMeaning, ExplainTopic, Subscriber, SubscriptionMeaning } from './address-meaning.ts';
import type { BrokerServices } from './broker.ts';
import type { Endpoint } from './endpoint.ts';
import type { ClientCertificate } from './identity.ts';
import type { SessionKeeper } from './kept-sessions.ts';

/** One client's byte stream, whatever carries it: a TCP socket, a TLS socket, the messages of a web client. */
export interface Transport {
  /** The client. */
  readonly remote: Endpoint;
  /** The listener's side. */
  readonly local: Endpoint;
  /** The client is on this machine: the address is a loopback one. Never where a proxy says who the client is. */
  readonly loopback: boolean;
  /** The stream is encrypted. */
  readonly secure: boolean;
  /** What the client has shown of itself in the TLS handshake, verified. Undefined: nothing. */
  readonly certificate?: ClientCertificate | undefined;
  /** The `name` of the adapter that was found for it, for the log; undefined until then. */
  readonly protocol?: string;
  /** What the client calls itself, for the log: the adapter writes it here as soon as it is known. */
  label?: string;
  /** Its listener promises less than `fsync`: what is confirmed is written, and may not be synced yet. Default false. */
  readonly confirmsAtWrite?: boolean;
  /** Bytes of the stream that have come and that were sent, so far: for operators. Left out: nobody counts. */
  readonly bytesIn?: number;
  readonly bytesOut?: number;
  /** Where the adapter writes. Its bytes leave once a turn; look at `congested` before more is written than was asked for. */
  readonly output: Output;
  /** Stops reading from the client. `data` may be called again until `resume`, with what has been read already. */
  pause(): void;
  /** Reads on; `data` is not called before this returns. */
  resume(): void;
  /**
   * Sends what is in `output`, then closes the sending side, and destroys what is left 2 s later. `data` and `drained` are not called
   * again; `closed` is, when the client has gone.
   */
  end(): void;
  /** Closes at once; what is unsent is lost. `closed` is called, if it has not been. */
  destroy(): void;
}

/** The adapter's side of one connection. No call may throw: that is logged as a fault, and costs the connection. */
export interface ConnectionHandler {
  /** The client's next bytes, at least one. `chunk` belongs to the transport and is valid until the call returns. */
  data(chunk: Buffer): void;
  /** `transport.output.congested` has gone back to false: wake consumers, go on with a body. */
  drained(): void;
  /** The client's side is gone, in order or not; called exactly once, and nothing after it. Close the session. */
  closed(): void;
  /**
   * Bytes of the client's that are kept in memory because what they belong to is not whole, or waits: they count towards a
   * sum over all connections. Asked after each `data`. Left out: none.
   */
  readonly heldBytes?: number;
  /** A large body has begun to come whose bytes are handed on and not kept: more is read at a time. Asked after each `data`. Left out: none. */
  readonly midBody?: boolean;
  /** The client has logged in; until then it may have but little kept (UNAUTHENTICATED_BYTES_MAX). Left out: always. */
  readonly authenticated?: boolean;
  /**
   * `heldBytes` is more than there is room for: tell the client in the protocol's own form and the operator
   * (`BrokerServices.reportMistake`), then `transport.end()`. Called at a turn's end. Left out: `shutdown` is called, and the operator
   * is told for the adapter.
   */
  exceeded?(reason: string): void;
  /** The broker is stopping: tell the client in the protocol's own form, then `transport.end()`; 1.2 s later it is destroyed. */
  shutdown(reason: string): void;
}

/** Where a protocol's packets end, for a transport that has messages of its own: one message for each packet. */
export interface Framing {
  /**
   * The length of the packet that begins at `start`, which may be more than there is; 0 if it cannot be told from
   * `bytes[start, end)`. Asked of what the adapter has written, from the first byte on.
   */
  extent(bytes: Buffer, start: number, end: number): number;
  /** Only messages of bytes may carry it: one of text ends the connection. */
  readonly bytesOnly: boolean;
}

/** An adapter. One serves all connections of a broker; `createBroker({ protocols })` takes those that are not built in. */
export interface Protocol {
  /** As in `--listen NAME://…`; unique among the adapters of a broker. */
  readonly name: string;
  /** What its property bytes mean, for other protocols. */
  readonly dialect: Dialect;
  /**
   * Other versions of it that its clients may begin with, on whatever it is listened for: adapters of their own, told apart by their
   * `detect`. Whoever is none of them is this one. Left out: there are none.
   */
  readonly versions?: readonly Protocol[];
  /** What it counts, by name, over all its connections: shown with the metrics. Numbers that only rise. Left out: nothing. */
  readonly stats?: object;
  /** Left out: a message may begin and end anywhere, in both directions. */
  readonly framing?: Framing;
  /**
   * Tells whether a stream that begins with these bytes is this protocol: so that one port can serve several.
   * @param first at most 16 bytes, valid until the call returns
   * @returns undefined if more bytes are needed to tell
   */
  detect(first: Buffer): boolean | undefined;
  /**
   * What an address means to who publishes to it, found out as a publish does: for a dry run. Left out: it cannot be told.
   * @param address as the protocol's clients write it
   * @param key where they say a key apart from it
   * @throws BrokerError invalid: none can publish there
   */
  resolve?(address: string, key?: string): AddressMeaning;
  /**
   * The same to who subscribes to it, or consumes from it. Left out: it cannot be told.
   * @throws BrokerError invalid: none can subscribe there
   */
  subscription?(address: string, subscriber: Subscriber): SubscriptionMeaning;
  /**
   * Whether this is a topic under which the adapter alone tells something: then clients may not publish to it, in any protocol.
   * Left out: there is none.
   * @param exchange its name
   * @param key dotted
   */
  reserves?(exchange: string, key: string): boolean;
  /** What a topic or filter means to who publishes to it, subscribes to it or receives it, for who explains permissions. Left out: it has none. */
  readonly explains?: ExplainTopic;
  /** Its sessions that outlive their connections, for operators. Left out: it has none. */
  readonly sessions?: SessionKeeper;
  /** The broker has started, with what it had; called once for each broker, before anything listens. */
  started?(broker: BrokerServices): void;
  /**
   * What users may do has changed, or may have changed while the broker was down: looks, a step each, at what is kept for clients that
   * are not there. Left out: nothing is.
   */
  review?(broker: BrokerServices): Iterable<void>;
  /** A vhost is deleted, and its clients have gone: lets go of all that is remembered of it, timers too. Left out: nothing is. */
  vhostRemoved?(broker: BrokerServices, vhost: string): void;
  /**
   * Takes a connection, and starts its own handshake timer. The handler's `data` is called in order from the first byte, not before
   * this returns.
   */
  accept(transport: Transport, broker: BrokerServices): ConnectionHandler;
}
