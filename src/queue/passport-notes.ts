/**
 * What is noted of messages on their way, where a queue says so (`x-passport`): who sent and who got it, how each delivery ended, what
 * became of it. Other queues pay one look at their settings. `src/vhost/passports/` keeps the notes.
 */
import type { Draft } from '../message/message.ts';
import type { QueueEntryFlags } from './entry-flags.ts';

/** Who did something with a message, as people name them. */
export interface Party {
  /** '' for the broker itself. */
  readonly protocol: string;
  readonly user: string;
  /** What its connection is called. */
  readonly client: string;
  /** The tag of a consumer; '' for who publishes. */
  readonly consumer: string;
}

/** What happened. The numbers are written into the log, so none is used again for something else. */
export const NOTE_ARRIVED = 1;
/** It is another message's continuation: as what, says the detail of the note before its arrival. */
export const NOTE_CONTINUES = 2;
export const NOTE_DELIVERED = 3;
export const NOTE_ACCEPTED = 4;
export const NOTE_RELEASED = 5;
export const NOTE_FAILED = 6;
export const NOTE_REJECTED = 7;
export const NOTE_RETRY = 8;
export const NOTE_DIED = 9;
export const NOTE_DROPPED = 10;
export const NOTE_REMOVED = 11;
export const NOTE_LOSSY = 12;
export const NOTE_FORBIDDEN = 13;
/** It came before its time, and is in no queue until then. */
export const NOTE_DELAYED = 14;
/** It is in no queue until somebody says so: its publisher, or its schedule. */
export const NOTE_HELD = 15;

/** Why a delivery ended of which its client said nothing, by the detail of its note; 0: it did. */
export const END_REASONS = ['', 'lease', 'timeout', 'consumer-ended', 'parked'] as const;

/** Whose messages are noted. */
export interface NotedQueue {
  /** Its number. */
  readonly id: number;
  readonly durable: boolean;
}

export interface PassportNotes {
  /** A queue takes a message for the first time; whoever publishes now has sent it. */
  arrived(queue: NotedQueue, seq: number, flags: QueueEntryFlags, draft: Draft): void;
  /** @param detail of a delivery: attempts that failed before; of a failure or a return: of END_REASONS; of a retry: epoch milliseconds; of a death: its reason's number */
  note(
    queue: NotedQueue,
    seq: number,
    flags: QueueEntryFlags,
    what: number,
    by: NotedConsumer | null,
    detail: number,
  ): void;
}

/** Who holds a message. */
export interface NotedConsumer {
  readonly tag: string;
  /** The session that it belongs to. */
  readonly owner: object | null;
}
