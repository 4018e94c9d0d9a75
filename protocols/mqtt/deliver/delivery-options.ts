/** The bounds of one connection's deliveries, and what its writers share with others of their adapter. */
import type { TopicWriter } from '../mapping/topic-writer.ts';
import type { MqttStats } from '../stats.ts';

export interface DeliveryOptions {
  readonly stats: MqttStats;
  readonly topics: TopicWriter;
  /** Unsent bytes past which at-most-once messages are dropped. */
  readonly unsentBytesMax: number;
  /** QoS 1 and 2 messages that may be unsettled. */
  readonly inFlightMax: number;
  /** The longest packet the client takes, whole; the encoder minds it, but not for what was encoded for somebody else. */
  readonly packetSizeMax: number;
}
