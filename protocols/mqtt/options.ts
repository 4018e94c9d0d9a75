/** What an operator can set, and what is assumed otherwise. Every bound on what comes from outside is here. */

export interface MqttOptions {
  /** The topic exchange that topics live in. Default `amq.topic`. */
  readonly exchange?: string;
  /** Longest PUBLISH, in bytes of remaining length. Default: a body of 128 MiB and its header. */
  readonly packetSizeMax?: number;
  /** Longest packet of any other kind, in bytes. Default 1 MiB. */
  readonly controlSizeMax?: number;
  /** QoS 1 and 2 messages that one client may hold unanswered; 1 to 65535. Default 100. */
  readonly inflightMax?: number;
  /** QoS 1 and 2 messages of one client that wait for their answer before its socket is no longer read. Default 65535. */
  readonly receiveMax?: number;
  /** Levels of a topic or a filter. Default 128. */
  readonly topicLevelsMax?: number;
  /** Filters of one client. Default 10,000. */
  readonly subscriptionsMax?: number;
  /** Milliseconds from the connection's start until CONNECT must have been answered. Default 10,000. */
  readonly handshakeTimeoutMs?: number;
  /** Unsent bytes of one connection past which QoS 0 messages for it are dropped, counted. Default 8 MiB. */
  readonly unsentBytesMax?: number;
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
    unsentBytesMax: 8 * MiB,
    ...options,
  };
  if (limits.inflightMax < 1 || limits.inflightMax > 65_535) {
    throw new RangeError(`inflightMax is ${limits.inflightMax}, and must be 1 to 65535`);
  }
  return limits;
}

/**
 * The longest client identifier, in bytes: its queue's name, `mqtt-subscription-` and the identifier, must fit into the
 * 255 bytes that other protocols allow a name.
 */
export const CLIENT_ID_BYTES_MAX = 255 - 'mqtt-subscription-'.length;
/** The longest queue name, which bounds `$share/group/filter`. */
export const QUEUE_NAME_BYTES_MAX = 255;
