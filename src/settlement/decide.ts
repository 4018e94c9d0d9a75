/**
 * Decisions on what becomes of a message, when a delivery of it ends (`decide`) or its queue gives it up (`deathBy`): pure
 * functions for every protocol's words. They know no queue and no log; the vhost carries the decision out.
 */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED } from '../api/consume.ts';
import type { DeathReason } from '../message/deaths/deaths.ts';
import type { Backoff } from './backoff.ts';

export interface RetryPolicy {
  /** Failed attempts after which a message is not tried again; Infinity for no limit. */
  readonly attemptsMax: number;
  /** Where messages go that are rejected or out of attempts; null: they are dropped, counted. */
  readonly deadLetterExchange: string | null;
  /** The routing key they go with; null: the one they came with. */
  readonly deadLetterKey: string | null;
  /** How long one that comes back waits before it is tried again; null: not at all. */
  readonly backoff: Backoff | null;
}

export const DONE = 0;
/** Back to its original place, at once. */
export const REQUEUE = 1;
export const DEAD_LETTER = 2;
export const DROP = 3;
/** Back to its original place, after the policy's backoff. */
export const RETRY = 4;

export interface Decision {
  readonly action: 0 | 1 | 2 | 3 | 4;
  /** Failed attempts from now on. */
  readonly attempts: number;
  /** Why it died; only with DEAD_LETTER and DROP. */
  readonly reason: DeathReason;
}

const ACCEPT: Decision = Object.freeze({ action: DONE, attempts: 0, reason: 'rejected' });

/** @param attempts failed attempts before this delivery */
export function decide(policy: RetryPolicy, attempts: number, outcome: Outcome): Decision {
  if (outcome === ACCEPTED) return ACCEPT;
  const end = policy.deadLetterExchange === null ? DROP : DEAD_LETTER;
  if (outcome === REJECTED) return { action: end, attempts, reason: 'rejected' };
  if (outcome === MODIFIED) {
    const failed = attempts + 1;
    if (failed > policy.attemptsMax) return { action: end, attempts: failed, reason: 'delivery_limit' };
    const waits = policy.backoff !== null && policy.backoff.on !== 'returned';
    return { action: waits ? RETRY : REQUEUE, attempts: failed, reason: 'rejected' };
  }
  const waits = policy.backoff !== null && policy.backoff.on !== 'failed';
  return { action: waits ? RETRY : REQUEUE, attempts, reason: 'rejected' };
}

/** What becomes of a message that nobody refused: it waited too long, or was one too many. */
export function deathBy(policy: RetryPolicy, attempts: number, reason: DeathReason): Decision {
  return { action: policy.deadLetterExchange === null ? DROP : DEAD_LETTER, attempts, reason };
}
