/** Deaths of a message: why a queue gave it up, and the record that is kept of it. */
import type { Headers } from '../properties.ts';

/**
 * Why a queue gives a message up, by the numbers that the log has for it. A new one comes behind the others, and gets a counter for
 * where there is no dead-letter exchange (`DROPPED`, vhost/dead-letters/dead-letters.ts).
 */
export const DEATH_REASONS = ['rejected', 'expired', 'maxlen', 'delivery_limit'] as const;
export type DeathReason = (typeof DEATH_REASONS)[number];

export interface Death {
  readonly queue: string;
  /** A DeathReason, or what another broker calls it. */
  readonly reason: string;
  /** How often it died there for that reason. */
  readonly count: number;
  /** Epoch seconds of the first time. */
  readonly timeS?: number;
  readonly exchange?: string;
  /** Dotted. */
  readonly routingKeys?: readonly string[];
  /** How often consumers had had it there, where its queue counts that. */
  readonly acquired?: number;
  /** Milliseconds, when a time to live was taken off. */
  readonly originalExpirationMs?: number;
  /** What else a record says that came with the message. */
  readonly others?: Headers;
}
