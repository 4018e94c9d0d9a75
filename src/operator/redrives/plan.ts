/**
 * What a redrive is to do, and how far it has come: plain data, kept in its vhost's log as JSON, so that a restart goes on with it.
 */
import { BrokerError } from '../../message/errors.ts';

/** Where messages go: to the queue that each died in first, to a queue, or to an exchange (with each message's own key, if none is said). */
export type RedriveTarget =
  | 'origin'
  | { readonly queue: string }
  | { readonly exchange: string; readonly routingKey?: string | undefined };

export interface RedrivePlan {
  readonly to: RedriveTarget;
  /** Only messages that JMS' selector language finds. */
  readonly selector?: string | undefined;
  /** Only messages with this text in body or routing key. */
  readonly text?: string | undefined;
  /** Only messages with one of these message ids. */
  readonly messageIds?: readonly string[] | undefined;
  /** Only messages at one of these positions. */
  readonly positions?: readonly number[] | undefined;
  /** Messages a second; 0: as fast as clients beside it do not notice. */
  readonly rate: number;
  /** So many at most. */
  readonly limit: number;
  /** `keep`: the record of a message's deaths goes on; `reset`: it comes as if it had never died. */
  readonly attempts: 'keep' | 'reset';
}

/**
 * `waiting`: something is in the way (`why`), it tries again; `stopped`: by an operator, or because whoever began it may not go on;
 * `done`: it has looked at every message that was there when it began, or come to its limit.
 */
export type RedriveState = 'running' | 'waiting' | 'stopped' | 'done';

/** Why messages stayed where they were. */
export type LeftReason = 'no-origin' | 'unroutable' | 'access-refused';

/** How far it has come. */
export interface RedriveProgress {
  state: RedriveState;
  /** In words, while it waits or once it has stopped; '' for nothing to say. */
  why: string;
  /** The next position to look at. */
  next: number;
  scanned: number;
  moved: number;
  left: Record<LeftReason, number>;
  /** Epoch milliseconds; 0 while it is at work. */
  endedAtMs: number;
}

export interface RedriveRecord {
  readonly id: string;
  readonly queue: string;
  /** Null: the local operator. */
  readonly user: string | null;
  readonly plan: RedrivePlan;
  readonly startedAtMs: number;
  /** Messages that came in later have this position or a higher one: they are not looked at. */
  readonly before: number;
  readonly progress: RedriveProgress;
}

/** What is not said of a plan. */
export const PLAN_DEFAULTS: RedrivePlan = { to: 'origin', rate: 0, limit: Number.MAX_SAFE_INTEGER, attempts: 'keep' };

export function freshProgress(): RedriveProgress {
  const left = { 'no-origin': 0, unroutable: 0, 'access-refused': 0 };
  return { state: 'running', why: '', next: 0, scanned: 0, moved: 0, left, endedAtMs: 0 };
}

/** A list of ids or positions has so many at most. */
export const LISTED_MAX = 1_000;

/** @throws BrokerError invalid */
export function checkPlan({ rate, limit, messageIds, positions }: RedrivePlan): void {
  const wrong = (what: string): BrokerError => new BrokerError('invalid', what);
  if (!(rate >= 0 && rate <= 10_000_000)) throw wrong('the rate is 0 (as fast as it goes) to 10000000 a second');
  if (!Number.isSafeInteger(limit) || limit < 1) throw wrong('the limit is a whole number above 0');
  for (const list of [messageIds, positions]) {
    if (list !== undefined && (list.length === 0 || list.length > LISTED_MAX)) {
      throw wrong(`1 to ${LISTED_MAX} messages may be named`);
    }
  }
}

export function ended({ progress: { state } }: RedriveRecord): boolean {
  return state === 'done' || state === 'stopped';
}
