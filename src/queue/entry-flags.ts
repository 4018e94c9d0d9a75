/**
 * The flags of a queue entry: 32 bits that a queue keeps beside each sequence number, in memory, in the log and in checkpoints.
 *
 * ```
 * bits 0-1   effective assurance      the lower of the publisher's and the subscription's
 * bit  2     shown as retained
 * bit  3     durable                  the message lies in the durable log, and its settlement is logged
 * bit  4     may have been delivered
 * bits 5-18  subscription data        the subscriber's own number; in a queue with priorities the level instead;
 *                                     in one of the quorum type how often it came back without a failed attempt
 * bit  19    large                    the body lies in extents
 * bits 20-31 failed attempts          saturates at 4095
 * ```
 *
 * Assurance and data lie where a target's flags have them (`routing/target-flags.ts`), so that one mask carries them over.
 */
import type { Assurance } from '../message/message.ts';
import { ASSURANCE_MASK, DATA_BITS, DATA_SHIFT } from '../routing/target-flags.ts';

/** An unsigned 32-bit number of this layout. */
export type QueueEntryFlags = number;
/** Called with each entry of a queue that is looked at. */
export type VisitEntry = (seq: number, flags: QueueEntryFlags) => void;

export const FLAG_RETAINED = 1 << 2;
export const FLAG_DURABLE = 1 << 3;
export const FLAG_DELIVERED = 1 << 4;
export const FLAG_LARGE = 1 << 19;
const ATTEMPTS_SHIFT = 20;
export const ATTEMPTS_MAX = 0xfff;

/**
 * What a queue keeps for a message that was routed to it.
 * @param targetFlags what its bindings ask for
 * @param assurance the effective one
 * @param rest durable, large and retained bits
 */
export function entryFlags(targetFlags: number, assurance: Assurance, rest: number): QueueEntryFlags {
  return rest | assurance | (targetFlags & DATA_BITS);
}

export function assuranceOf(flags: QueueEntryFlags): Assurance {
  return (flags & ASSURANCE_MASK) as Assurance;
}

export function subscriptionDataOf(flags: QueueEntryFlags): number {
  return (flags & DATA_BITS) >>> DATA_SHIFT;
}

/** @param data 0 to 0x3fff */
export function withSubscriptionData(flags: QueueEntryFlags, data: number): QueueEntryFlags {
  return ((flags & ~DATA_BITS) | (data << DATA_SHIFT)) >>> 0;
}

export function attemptsOf(flags: QueueEntryFlags): number {
  return flags >>> ATTEMPTS_SHIFT;
}

export function withAttempts(flags: QueueEntryFlags, attempts: number): QueueEntryFlags {
  return ((flags & ((1 << ATTEMPTS_SHIFT) - 1)) | (Math.min(attempts, ATTEMPTS_MAX) << ATTEMPTS_SHIFT)) >>> 0;
}

const RETURNS_MAX = 0x3fff;

/** In a queue of the quorum type: how often it came back and that was no failed attempt. Saturates. */
export function returnsOf(flags: QueueEntryFlags): number {
  return subscriptionDataOf(flags);
}

export function withReturns(flags: QueueEntryFlags, returns: number): QueueEntryFlags {
  return withSubscriptionData(flags, Math.min(returns, RETURNS_MAX));
}

/** The level of priority that an entry has in a queue with priorities. */
export function levelOf(flags: QueueEntryFlags): number {
  return subscriptionDataOf(flags);
}

/**
 * @param priority as the publisher gave it; -1 for not given, which is the lowest
 * @param priorityMax the queue's highest level
 */
export function withLevel(flags: QueueEntryFlags, priority: number, priorityMax: number): QueueEntryFlags {
  return withSubscriptionData(flags, priority < 0 ? 0 : Math.min(priority, priorityMax));
}
