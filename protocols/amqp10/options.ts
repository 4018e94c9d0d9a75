/** Options of the AMQP 1.0 adapter, with their defaults. */
import { PRODUCT, VERSION } from '../../src/api/index.ts';
import { FRAME_BYTES_LEAST } from './codec/frame-parser.ts';

export interface Amqp10Options {
  /** Largest frame in bytes that a client may send, its head included; at least 512. Default 262144. */
  readonly frameSizeMax?: number;
  /** Sessions a client may have at once. Default 256. */
  readonly sessionsMax?: number;
  /** Links in one session. Default 4096. */
  readonly linksPerSessionMax?: number;
  /** Frames with messages that a client may send before the broker has said that it may send more. Default 2048. */
  readonly incomingWindow?: number;
  /** Messages that a client may send on one link before the broker has given it more credit. Default 1000. */
  readonly linkCredit?: number;
  /** Largest message in bytes, its sections counted. Default 128 MiB. */
  readonly messageSizeMax?: number;
  /** Time in milliseconds after which a silent client is given up; 0 for never. Clients are told half of it. Default 120000. */
  readonly idleTimeoutMs?: number;
  /** From the first byte to open, in milliseconds. Default 10000. */
  readonly handshakeTimeoutMs?: number;
  /** Time for the client to answer `close`, in milliseconds. Default 3000. */
  readonly closeTimeoutMs?: number;
  /** Bytes that wait for a client which does not read; more, and nothing is read from it either. Default 4 MiB. */
  readonly unsentSizeMax?: number;
  /** What clients are told this broker is, in open. Default: this broker's name. */
  readonly product?: string;
  /** The version that goes with it. Default: this broker's. */
  readonly productVersion?: string;
}

export type Amqp10Limits = Required<Amqp10Options>;

export function limitsOf(options: Amqp10Options = {}): Amqp10Limits {
  return {
    frameSizeMax: Math.max(FRAME_BYTES_LEAST, options.frameSizeMax ?? 256 * 1024),
    sessionsMax: Math.min(65_536, Math.max(1, options.sessionsMax ?? 256)),
    linksPerSessionMax: options.linksPerSessionMax ?? 4096,
    incomingWindow: Math.max(1, options.incomingWindow ?? 2048),
    linkCredit: Math.max(1, options.linkCredit ?? 1000),
    messageSizeMax: options.messageSizeMax ?? 128 * 1024 * 1024,
    idleTimeoutMs: options.idleTimeoutMs ?? 120_000,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
    closeTimeoutMs: options.closeTimeoutMs ?? 3_000,
    unsentSizeMax: options.unsentSizeMax ?? 4 * 1024 * 1024,
    product: options.product ?? PRODUCT,
    productVersion: options.productVersion ?? VERSION,
  };
}
