/** Options of the AMQP adapter, with their defaults. */
import { PRODUCT, VERSION } from '../../src/api/index.ts';

export interface AmqpOptions {
  /** Channels a client may open at once. Default 2047. */
  readonly channelMax?: number;
  /** Largest frame in bytes, head and end included; at least 4096. Default 131072. */
  readonly frameSizeMax?: number;
  /** Proposed heartbeat in seconds; the client's answer counts. 0 for none. Default 60. */
  readonly heartbeatS?: number;
  /** From the first byte to `connection.open-ok`, in milliseconds. Default 10000. */
  readonly handshakeTimeoutMs?: number;
  /** Largest message body in bytes. Default 128 MiB. */
  readonly bodySizeMax?: number;
  /** Consumers on one channel. Default 10000. */
  readonly consumersPerChannelMax?: number;
  /** Publishes and acknowledgements in one transaction. Default 100000. */
  readonly transactionOperationsMax?: number;
  /** Bytes in one transaction that must be held in memory. Default 64 MiB. */
  readonly transactionSizeMax?: number;
  /** Bytes that wait for a client which does not read; more, and nothing is read from it either. Default 4 MiB. */
  readonly unsentSizeMax?: number;
  /** Time for the client to answer `connection.close`, in milliseconds. Default 3000. */
  readonly closeTimeoutMs?: number;
  /** Time for which publishing is held back before the client is told `connection.blocked`, in milliseconds. Default 1000. */
  readonly blockedNoticeMs?: number;
  /** Bytes of frames that are read on, past a publish that waits for longer than that. Default 1 MiB. */
  readonly parkedSizeMax?: number;
  /** Time for which a client may hold a delivery unsettled, in milliseconds; 0 for ever. Default 30 minutes. */
  readonly consumerTimeoutMs?: number;
  /** What clients are told this broker is, in connection.start. Default: this broker's name. */
  readonly product?: string;
  /** The version that goes with it. Default: this broker's. */
  readonly productVersion?: string;
}

export type AmqpLimits = Required<AmqpOptions>;

export function limitsOf(options: AmqpOptions = {}): AmqpLimits {
  return {
    channelMax: options.channelMax ?? 2047,
    frameSizeMax: Math.max(4096, options.frameSizeMax ?? 131072),
    heartbeatS: options.heartbeatS ?? 60,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
    bodySizeMax: options.bodySizeMax ?? 128 * 1024 * 1024,
    consumersPerChannelMax: options.consumersPerChannelMax ?? 10_000,
    transactionOperationsMax: options.transactionOperationsMax ?? 100_000,
    transactionSizeMax: options.transactionSizeMax ?? 64 * 1024 * 1024,
    unsentSizeMax: options.unsentSizeMax ?? 4 * 1024 * 1024,
    closeTimeoutMs: options.closeTimeoutMs ?? 3_000,
    blockedNoticeMs: options.blockedNoticeMs ?? 1_000,
    parkedSizeMax: options.parkedSizeMax ?? 1024 * 1024,
    consumerTimeoutMs: options.consumerTimeoutMs ?? 30 * 60_000,
    product: options.product ?? PRODUCT,
    productVersion: options.productVersion ?? VERSION,
  };
}
