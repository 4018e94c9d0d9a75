/** The options that an operator can set, and their defaults. Every bound on what comes from outside is here. */
import { EXPIRY_NEVER_S } from './codec/connect.ts';

export interface MqttOptions {
  /** The topic exchange that topics live in. Default `amq.topic`. */
  readonly exchange?: string;
  /** Longest PUBLISH, in bytes of remaining length. Default: a body of 128 MiB and its header. */
  readonly packetSizeMax?: number;
  /** Longest packet of any other kind, in bytes. Default 1 MiB. */
  readonly controlSizeMax?: number;
  /** QoS 1 and 2 messages that one client may hold unanswered; 1 to 65535. Default 100. */
  readonly inflightMax?: number;
  /**
   * QoS 1 and 2 messages of one client that may wait for their last answer; 1 to 65535, the default. 5.0 is told in CONNACK
   * and disconnected for more; others are no longer read meanwhile.
   */
  readonly receiveMax?: number;
  /** Levels of a topic or a filter. Default 128. */
  readonly topicLevelsMax?: number;
  /** Filters of one client. Default 10,000. */
  readonly subscriptionsMax?: number;
  /** Milliseconds from the connection's start until CONNECT must have been answered. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** Bytes of properties that a message from a client may have, PUBLISH or will. Default 64 KiB. */
  readonly propertiesSizeMax?: number;
  /** The highest topic alias that a client may use; 0 for none. Default 1,000. */
  readonly topicAliasMax?: number;
  /** The longest time, in seconds, that a session outlives its connection; 2^32 - 1 for no limit, the default. */
  readonly sessionExpiryMaxS?: number;
  /** The longest keep alive, in seconds, that a client may have; 0 for no limit, the default. 5.0 is told, others must cope. */
  readonly keepAliveMaxS?: number;
  /** Refuse payloads, wills among them, that are declared to be text and are none. Default false. */
  readonly checkPayloadFormat?: boolean;
  /** What clients that ask for response information are given, their identifier behind it. Default '': nothing. */
  readonly responseTopicPrefix?: string;
  /** CONNECTs a second, of all clients together; more are refused. 0 for no limit, the default. */
  readonly connectRateMax?: number;
  /** Packets a second of one client; one that sends more is read more slowly. 0 for no limit, the default. */
  readonly packetRateMax?: number;
  /** Milliseconds between what the broker says of itself under `$SYS/broker/`; 0: it says nothing. Default 10,000. */
  readonly sysIntervalMs?: number;
  /**
   * Messages that wait for one session, their bytes, and milliseconds they wait; what is over that is dropped from the head,
   * counted. It is written down with a session's queue when that is made. 0 for no limit, the default.
   */
  readonly sessionMessagesMax?: number;
  readonly sessionBytesMax?: number;
  readonly sessionMessageTtlMs?: number;
  /** Send clients elsewhere instead of taking them. Default null. */
  readonly redirect?: Redirect | null;
  /** Unsent bytes of one connection past which QoS 0 messages for it are dropped, counted. Default 8 MiB. */
  readonly unsentBytesMax?: number;
}

export interface Redirect {
  /** A server reference, such as `other.example:1883`. */
  readonly to: string;
  /** The client should remember it. */
  readonly permanent: boolean;
}

export type Limits = Required<MqttOptions>;

const MiB = 1024 * 1024;

export function limitsOf(options: MqttOptions): Limits {
  const limits: Limits = {
    exchange: 'amq.topic',
    packetSizeMax: 128 * MiB + 65_535 + 4,
    controlSizeMax: MiB,
    inflightMax: 100,
    receiveMax: 65_535,
    topicLevelsMax: 128,
    subscriptionsMax: 10_000,
    handshakeTimeoutMs: 10_000,
    propertiesSizeMax: 65_536,
    topicAliasMax: 1000,
    sessionExpiryMaxS: EXPIRY_NEVER_S,
    keepAliveMaxS: 0,
    checkPayloadFormat: false,
    responseTopicPrefix: '',
    connectRateMax: 0,
    packetRateMax: 0,
    sysIntervalMs: 10_000,
    sessionMessagesMax: 0,
    sessionBytesMax: 0,
    sessionMessageTtlMs: 0,
    redirect: null,
    unsentBytesMax: 8 * MiB,
    ...options,
  };
  within(limits, 'inflightMax', 1, 65_535);
  within(limits, 'receiveMax', 1, 65_535);
  within(limits, 'topicAliasMax', 0, 65_535);
  within(limits, 'propertiesSizeMax', 0, 65_536); // what a record of the log has room for beside a body and a topic
  within(limits, 'keepAliveMaxS', 0, 65_535);
  return limits;
}

function within(limits: Limits, name: keyof Limits, least: number, most: number): void {
  const value = limits[name] as number;
  if (value < least || value > most) throw new RangeError(`${name} is ${value}, and must be ${least} to ${most}`);
}

/**
 * The longest client identifier, in bytes: its queue's name, `mqtt-subscription-` and the identifier, must fit into the
 * 255 bytes that other protocols allow a name.
 */
export const CLIENT_ID_BYTES_MAX = 255 - 'mqtt-subscription-'.length;
/** The longest queue name, which bounds `$share/group/filter`. */
export const QUEUE_NAME_BYTES_MAX = 255;
