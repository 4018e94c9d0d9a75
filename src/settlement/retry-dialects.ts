/**
 * The dialects in which people say how a message that failed is tried again. Each is understood as its own broker's users write it, as
 * a policy's keys and, with `x-` before them, as a queue's arguments; all end in one `Backoff`.
 *
 * | dialect | keys | means |
 * |---|---|---|
 * | this broker's | `retry-backoff`, `retry-delay`, `retry-delay-max`, `retry-delays`, `retry-jitter` | as written |
 * | RabbitMQ 4.3 (`rabbit_fifo`: `calculate_ready_at`) | `delayed-retry-type` all, failed, returned, disabled; `delayed-retry-min`, `-max` | min × attempts up to max; without max: min |
 * | LavinMQ 2.11 (documentation/automatic-retries) | `delayed-retry-min` without a type, `-max`, `-multiplier` | linear; 1 is constant; from 2 on min × multiplier^(attempts − 1); 20 attempts |
 * | RocketMQ 4 (`messageDelayLevel`, from its third level on) | `retry-delays: rocketmq` | 10 s to 2 h in 16 steps, 16 attempts |
 * | Spring Retry (Spring Boot's `listener.retry.*`) | `retry-max-attempts` (the first delivery counts), `retry-initial-interval`, `retry-multiplier`, `retry-max-interval` | exponential; 3 attempts, 1 s, 1.0, 10 s |
 *
 * A queue or a policy speaks one of them: two that both say how long to wait are a contradiction, and refused by name.
 */
import type { Backoff } from './backoff.ts';

export type RetryValue = string | number;
/** What was said under a key, `x-` taken off; undefined for nothing. Its value has passed the key's own check. */
export type RetryLookup = (key: string) => RetryValue | undefined;

export interface RetryRules {
  /** Null: what failed goes back at once. */
  readonly backoff: Backoff | null;
  /** Failed attempts that the dialect itself allows; undefined: it says nothing. */
  readonly attemptsMax: number | undefined;
}

/** A key of any dialect: what its value is, in words, and the check. */
interface RetryKey {
  readonly what: string;
  readonly dialect: Dialect;
  check(value: unknown): boolean;
  /** An operator's policy may have it, as RabbitMQ's may. */
  readonly operator?: boolean;
}

type Dialect = 'own' | 'delayed' | 'spring';

/** How a dialect is called in an error. */
const CALLED: Readonly<Record<Dialect, string>> = {
  own: "this broker's own",
  delayed: "RabbitMQ's and LavinMQ's",
  spring: "Spring's",
};

const DELAY_MS = 1_000;
/** An hour. */
const DELAY_MAX_MS = 3_600_000;
/** Nothing waits longer in RabbitMQ's and LavinMQ's words: what 32 bits of milliseconds hold. */
const DELAYED_MAX_MS = 0xffff_ffff;
const ROCKETMQ = 'rocketmq';
const ROCKETMQ_S = [10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1_200, 1_800, 3_600, 7_200];
const LAVINMQ_ATTEMPTS = 20;
const SPRING_ATTEMPTS = 3;
const SPRING_INTERVAL_MAX_MS = 10_000;

const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
const oneOf =
  (...words: string[]) =>
  (value: unknown): boolean =>
    words.includes(value as string);
const listed = (value: unknown): boolean =>
  value === ROCKETMQ ||
  (typeof value === 'string' && /^\d{1,10}( *, *\d{1,10}){0,99}$/.test(value) && !/(^|[ ,])0+([ ,]|$)/.test(value));
const factor = (value: unknown): boolean => typeof value === 'number' && value >= 1 && value <= 1_000;

export const RETRY_KEYS: Readonly<Record<string, RetryKey>> = {
  'retry-backoff': { what: 'retry backoff', dialect: 'own', check: oneOf('constant', 'linear', 'exponential') },
  'retry-delay': { what: 'retry delay in milliseconds', dialect: 'own', check: whole(1) },
  'retry-delay-max': { what: 'longest retry delay in milliseconds', dialect: 'own', check: whole(1) },
  'retry-delays': {
    what: 'list of retry delays in milliseconds, such as "1000,5000,30000", or "rocketmq"',
    dialect: 'own',
    check: listed,
  },
  'retry-jitter': { what: 'retry jitter in percent', dialect: 'own', check: whole(0, 100) },
  'delayed-retry-type': {
    operator: true,
    what: 'delayed retry type: all, failed, returned or disabled',
    dialect: 'delayed',
    check: oneOf('all', 'failed', 'returned', 'disabled'),
  },
  'delayed-retry-min': {
    operator: true,
    what: 'delayed retry minimum in milliseconds',
    dialect: 'delayed',
    check: whole(1),
  },
  'delayed-retry-max': {
    operator: true,
    what: 'delayed retry maximum in milliseconds',
    dialect: 'delayed',
    check: whole(1),
  },
  'delayed-retry-multiplier': { what: 'delayed retry multiplier', dialect: 'delayed', check: whole(1, 1_000) },
  'retry-max-attempts': { what: 'highest number of attempts', dialect: 'spring', check: whole(1) },
  'retry-initial-interval': { what: 'first retry interval in milliseconds', dialect: 'spring', check: whole(1) },
  'retry-multiplier': { what: 'retry multiplier, from 1 on', dialect: 'spring', check: factor },
  'retry-max-interval': { what: 'longest retry interval in milliseconds', dialect: 'spring', check: whole(1) },
};

const NAMES = Object.keys(RETRY_KEYS);
const NOTHING: RetryRules = Object.freeze({ backoff: null, attemptsMax: undefined });

/**
 * What contradicts what in what is said; undefined for nothing.
 * @param limited the attempts are limited by a word of their own (`delivery-limit`)
 */
export function retryContradiction(said: RetryLookup, limited: boolean): string | undefined {
  const spoken = NAMES.filter((name) => said(name) !== undefined);
  const first = spoken[0];
  if (first === undefined) return undefined;
  const { dialect } = RETRY_KEYS[first]!;
  const other = spoken.find((name) => RETRY_KEYS[name]!.dialect !== dialect);
  if (other !== undefined) {
    return `${first} is ${CALLED[dialect]} word and ${other} ${CALLED[RETRY_KEYS[other]!.dialect]}: say it in one of them`;
  }
  const listed =
    said('retry-delays') !== undefined && ['retry-backoff', 'retry-delay'].find((name) => spoken.includes(name));
  if (listed) return `retry-delays lists every delay, so ${listed} says nothing beside it: keep one of them`;
  if (limited && said('retry-max-attempts') !== undefined) {
    return 'retry-max-attempts and delivery-limit both say how often: keep one of them';
  }
  const type = said('delayed-retry-type');
  if (dialect === 'delayed' && type !== 'disabled' && said('delayed-retry-min') === undefined) {
    return type === undefined
      ? `${first} says nothing without delayed-retry-min`
      : `delayed-retry-min is required when delayed-retry-type is ${type}`;
  }
  for (const [least, most] of BOUNDS) {
    const [min, max] = [said(least), said(most)];
    if (min !== undefined && max !== undefined && max < min) {
      return `${most} (${max}) must not be smaller than ${least} (${min})`;
    }
  }
  return undefined;
}

const BOUNDS = [
  ['retry-delay', 'retry-delay-max'],
  ['delayed-retry-min', 'delayed-retry-max'],
  ['retry-initial-interval', 'retry-max-interval'],
] as const;

/**
 * The rules that what is said makes. What contradicts itself all the same (an operator's policy and an ordinary one) has rules too:
 * RabbitMQ's and LavinMQ's words count first, then this broker's own; no delay is above a maximum.
 * @param limited the attempts are limited by a word of their own (`delivery-limit`)
 */
export function retryRules(said: RetryLookup, limited: boolean): RetryRules {
  const speaks = (dialect: Dialect): boolean =>
    NAMES.some((name) => RETRY_KEYS[name]!.dialect === dialect && said(name) !== undefined);
  if (speaks('delayed')) return delayedRules(said, limited);
  if (speaks('own')) return ownRules(said, limited);
  return speaks('spring') ? springRules(said, limited) : NOTHING;
}

function ownRules(said: RetryLookup, limited: boolean): RetryRules {
  const list = said('retry-delays') as string | undefined;
  const rocketmq = list === ROCKETMQ;
  return {
    backoff: {
      kind: (said('retry-backoff') as Backoff['kind'] | undefined) ?? 'constant',
      delayMs: (said('retry-delay') as number | undefined) ?? DELAY_MS,
      delayMaxMs:
        (said('retry-delay-max') as number | undefined) ?? (rocketmq ? ROCKETMQ_S.at(-1)! * 1_000 : DELAY_MAX_MS),
      factor: 2,
      jitter: ((said('retry-jitter') as number | undefined) ?? 0) / 100,
      list: list === undefined ? [] : rocketmq ? ROCKETMQ_S.map((s) => s * 1_000) : list.split(',').map(Number),
      on: 'failed',
    },
    attemptsMax: rocketmq && !limited ? ROCKETMQ_S.length : undefined,
  };
}

function delayedRules(said: RetryLookup, limited: boolean): RetryRules {
  const type = said('delayed-retry-type') as 'all' | 'failed' | 'returned' | 'disabled' | undefined;
  const min = said('delayed-retry-min') as number | undefined;
  const max = said('delayed-retry-max') as number | undefined;
  const multiplier = said('delayed-retry-multiplier') as number | undefined;
  if (type === 'disabled' || min === undefined) return NOTHING;
  return {
    backoff: {
      kind: multiplier === undefined ? 'linear' : multiplier === 1 ? 'constant' : 'exponential',
      delayMs: min,
      delayMaxMs: max ?? (type === undefined || multiplier !== undefined ? DELAYED_MAX_MS : min),
      factor: multiplier ?? 1,
      jitter: 0,
      list: [],
      on: type ?? 'failed',
    },
    attemptsMax: type === undefined && !limited ? LAVINMQ_ATTEMPTS : undefined,
  };
}

function springRules(said: RetryLookup, limited: boolean): RetryRules {
  const first = (said('retry-initial-interval') as number | undefined) ?? DELAY_MS;
  return {
    backoff: {
      kind: 'exponential',
      delayMs: first,
      delayMaxMs: (said('retry-max-interval') as number | undefined) ?? Math.max(first, SPRING_INTERVAL_MAX_MS),
      factor: (said('retry-multiplier') as number | undefined) ?? 1,
      jitter: 0,
      list: [],
      on: 'failed',
    },
    // The first delivery is an attempt there, and none that failed here.
    attemptsMax: limited ? undefined : ((said('retry-max-attempts') as number | undefined) ?? SPRING_ATTEMPTS) - 1,
  };
}
