/**
 * Options of the STOMP adapter: what an operator may set, and the bounds on everything that a client sends. Every bound has a default that
 * real clients stay far below; exceeding one is answered with an ERROR frame that names it.
 */
import { hostname } from 'node:os';
import { PRODUCT, VERSION } from '../../src/api/index.ts';

export interface StompOptions {
  /** Headers in one frame. Default 128. */
  readonly headersMax?: number;
  /** Bytes in one header line, name, colon and value. Default 16 KiB; at most 65535. */
  readonly headerLineSizeMax?: number;
  /** Bytes from the command to the empty line. Default 64 KiB. */
  readonly headersSizeMax?: number;
  /** Bytes in a body whose length was announced with `content-length`. Default 128 MiB. */
  readonly bodySizeMax?: number;
  /** Bytes in a body without `content-length`, which must be gathered before its end is known. Default 8 MiB. */
  readonly unmeasuredBodySizeMax?: number;
  /** Subscriptions of one connection, temporary queues included. Default 1024. */
  readonly subscriptionsMax?: number;
  /** Transactions that are open at once. Default 16. */
  readonly transactionsMax?: number;
  /** SEND, ACK and NACK in one transaction. Default 65536. */
  readonly transactionOperationsMax?: number;
  /** Bytes of messages in one transaction, those of bodies over 128 KiB not counted. Default 64 MiB. */
  readonly transactionSizeMax?: number;
  /** Receipts that wait for the log; past that, frames wait unread. Default 65536. */
  readonly receiptsPendingMax?: number;
  /** From the first byte to an accepted CONNECT. Default 10 s. */
  readonly handshakeTimeoutMs?: number;
  /** No heart-beat is sent or demanded more often than this, whatever the client asks for. Default 100 ms. */
  readonly heartbeatMinMs?: number;
  /** Unsettled deliveries of a subscription that names no `prefetch-count`. Default 65535; 0 for no limit. */
  readonly prefetchDefault?: number;
  /** Time for which a delivery may be held unsettled where neither client nor queue says. Default 30 min; 0 for ever. */
  readonly consumerTimeoutMs?: number;
  /**
   * Time for which a SEND may wait for memory or disk before it is answered with ERROR, which ends the connection. Default 0: as long
   * as it has to.
   */
  readonly heldMaxMs?: number;
  /**
   * How a filter under `/topic/` is written besides `*` for a level: `amqp` has `#` for any number of levels, `activemq` has
   * `>` too, as the last one. Default amqp.
   */
  readonly wildcards?: 'amqp' | 'activemq';
  /**
   * `host` values that mean the default vhost, besides `/`, none, `localhost`, loopback addresses and the address that
   * was dialled. Default: this machine's host name.
   */
  readonly hostNames?: readonly string[];
  /** The `server` header of CONNECTED. Default: the product's name and version. */
  readonly server?: string;
}

export type ResolvedOptions = Required<StompOptions>;

export function resolveOptions(options: StompOptions): ResolvedOptions {
  const resolved = {
    headersMax: 128,
    headerLineSizeMax: 16 * 1024,
    headersSizeMax: 64 * 1024,
    bodySizeMax: 128 * 1024 * 1024,
    unmeasuredBodySizeMax: 8 * 1024 * 1024,
    subscriptionsMax: 1024,
    transactionsMax: 16,
    transactionOperationsMax: 65_536,
    transactionSizeMax: 64 * 1024 * 1024,
    receiptsPendingMax: 65_536,
    handshakeTimeoutMs: 10_000,
    heartbeatMinMs: 100,
    prefetchDefault: 65_535,
    consumerTimeoutMs: 30 * 60_000,
    heldMaxMs: 0,
    wildcards: 'amqp' as const,
    hostNames: [hostname()],
    server: `${PRODUCT}/${VERSION}`,
    ...options,
  };
  // A receipt's id is kept with a length of two bytes.
  if (resolved.headerLineSizeMax > 65_535) throw new RangeError('headerLineSizeMax must be at most 65535');
  return resolved;
}
