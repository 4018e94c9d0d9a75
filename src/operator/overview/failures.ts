/** The ways in which messages fail, in words. */
import type { FailureColumn } from '../rates/rows.ts';

/** Not taken from who publishes; gone undelivered; published again as dead letters; handed out again, or to be. */
export const FAILURE_KINDS = ['refused', 'dropped', 'dead-lettered', 'redelivered'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

interface Failure {
  readonly kind: FailureKind;
  /** A word for programs. */
  readonly reason: string;
  /** For people. */
  readonly text: string;
}

export const FAILURES: Readonly<Record<FailureColumn, Failure>> = {
  refused: { kind: 'refused', reason: 'log', text: 'Not taken: the log could not' },
  refusedTransient: { kind: 'refused', reason: 'transient-full', text: 'Not taken: no room for transient messages' },
  refusedFull: { kind: 'refused', reason: 'queue-full', text: 'Not taken: the queue is full' },
  refusedBacklog: { kind: 'refused', reason: 'backlog-full', text: 'Not taken: as much waits as may' },
  refusedRetained: {
    kind: 'refused',
    reason: 'retained-full',
    text: 'Not retained: there are as many as there may be',
  },
  unroutable: { kind: 'dropped', reason: 'unroutable', text: 'Published where nothing takes them' },
  droppedRejected: { kind: 'dropped', reason: 'rejected', text: 'Rejected, without a dead-letter exchange' },
  droppedAttempts: { kind: 'dropped', reason: 'attempts', text: 'Out of attempts, without a dead-letter exchange' },
  droppedExpired: { kind: 'dropped', reason: 'expired', text: 'Expired, without a dead-letter exchange' },
  droppedMaxLength: {
    kind: 'dropped',
    reason: 'max-length',
    text: 'The oldest of too many, without a dead-letter exchange',
  },
  droppedDeadLetter: { kind: 'dropped', reason: 'dead-letter', text: 'Dead letters that nothing took' },
  droppedDeadLetterRoom: {
    kind: 'dropped',
    reason: 'dead-letter-room',
    text: 'Dead letters that no queue had room for',
  },
  droppedCycle: { kind: 'dropped', reason: 'cycle', text: 'Dead letters that would have come round for ever' },
  droppedDelayed: { kind: 'dropped', reason: 'delayed', text: 'Due, and their exchange was gone' },
  droppedDirect: { kind: 'dropped', reason: 'slow', text: 'At most once, and the subscriber gone or too slow' },
  droppedForbidden: { kind: 'dropped', reason: 'forbidden', text: 'Not handed to a client who may not read them' },
  unreadable: { kind: 'dropped', reason: 'unreadable', text: 'Cannot be read back from the log' },
  deadLetteredRejected: { kind: 'dead-lettered', reason: 'rejected', text: 'Dead letters: rejected' },
  deadLetteredAttempts: { kind: 'dead-lettered', reason: 'attempts', text: 'Dead letters: out of attempts' },
  deadLetteredExpired: { kind: 'dead-lettered', reason: 'expired', text: 'Dead letters: expired' },
  deadLetteredMaxLength: { kind: 'dead-lettered', reason: 'max-length', text: 'Dead letters: the oldest of too many' },
  redelivered: { kind: 'redelivered', reason: 'redelivered', text: 'Handed out again' },
  requeued: { kind: 'redelivered', reason: 'requeued', text: 'Given back by consumers' },
  retried: { kind: 'redelivered', reason: 'retried', text: 'Failed, and tried again after a while' },
  deliveriesTimedOut: { kind: 'redelivered', reason: 'timed-out', text: 'Held for too long by consumers' },
  leasesExpired: { kind: 'redelivered', reason: 'lease-expired', text: 'Leases that have run out' },
};
