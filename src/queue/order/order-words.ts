/**
 * What is said of a queue's order, as arguments (`x-` before each) or in a policy, and what that comes to.
 *
 * ```
 * group-by          what names a message's group (`key-source.ts`): a group's messages go out in order, one after the other
 * group-buckets     groups are this many, by a hash of what names them
 * group-in-flight   so many messages of a group may be unsettled at a time, all with one consumer; 0: any number
 * strict-order      the whole queue is one group
 * fair-by           what names a message's tenant: tenants are served in turn
 * ```
 *
 * Where nothing is said, a message that has a group by itself (`JMSXGroupID`) stays with the consumer of its group, as ActiveMQ
 * has it: any number in flight.
 */
import { BY_GROUP, type KeySource, keySource } from './key-source.ts';

export const BUCKETS_MAX = 65_536;
const IN_FLIGHT_MAX = 65_535;

/** What was said, as far as it was. */
export interface OrderWords {
  readonly groupBy?: string;
  readonly buckets?: number;
  readonly inFlight?: number;
  readonly strict?: boolean;
  readonly fairBy?: string;
}

export interface OrderSettings {
  readonly group: KeySource;
  /** 0: each key is a group of its own. */
  readonly buckets: number;
  /** Infinity for no bound. */
  readonly inFlightMax: number;
  /** The whole queue is one group. */
  readonly strict: boolean;
  /** Null: there are no tenants. */
  readonly fair: KeySource | null;
  /** Somebody has asked for it: not only messages that have a group by themselves. */
  readonly asked: boolean;
}

/** Of a queue that was told nothing, and got messages that have a group by themselves. */
export const GROUPS_ONLY: OrderSettings = Object.freeze({
  group: BY_GROUP,
  buckets: 0,
  inFlightMax: Number.POSITIVE_INFINITY,
  strict: false,
  fair: null,
  asked: false,
});

interface Word {
  readonly field: keyof OrderWords;
  readonly what: string;
  check(value: unknown): boolean;
}

const source = (value: unknown): boolean => typeof value === 'string' && keySource(value) !== undefined;
const whole =
  (min: number, max: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;

const WHAT_SOURCE = "routing-key, group-id, correlation-id, message-id, user-id, app-id, type, or a header's name";

/** By their names as policy keys; with `x-` before them they are arguments. */
export const ORDER_WORDS: Readonly<Record<string, Word>> = {
  'group-by': { field: 'groupBy', what: WHAT_SOURCE, check: source },
  'group-buckets': {
    field: 'buckets',
    what: `an integer from 1 to ${BUCKETS_MAX}`,
    check: whole(1, BUCKETS_MAX),
  },
  'group-in-flight': {
    field: 'inFlight',
    what: `an integer from 0 to ${IN_FLIGHT_MAX}`,
    check: whole(0, IN_FLIGHT_MAX),
  },
  'strict-order': { field: 'strict', what: 'a boolean', check: (value) => typeof value === 'boolean' },
  'fair-by': { field: 'fairBy', what: WHAT_SOURCE, check: source },
};

/**
 * What arguments or a policy say; null if they do not speak of it.
 * @param said the plain value of a word; undefined: it is not there
 * @param wrong gets a word, and what it must be
 */
export function orderWords(
  said: (word: string) => unknown,
  wrong: (word: string, what: string) => void = () => {},
): OrderWords | null {
  let words: Record<string, unknown> | null = null;
  for (const [word, { field, what, check }] of Object.entries(ORDER_WORDS)) {
    const value = said(word);
    if (value === undefined) continue;
    if (!check(value)) {
      wrong(word, what);
      continue;
    }
    words ??= {};
    words[field] = value;
  }
  return words;
}

/** Words that cannot both be meant; undefined: all is well. */
export function orderContradiction(words: OrderWords | null): string | undefined {
  if (words?.strict !== true) return undefined;
  if (words.groupBy !== undefined || words.buckets !== undefined) {
    return 'strict-order makes one group of the whole queue: group-by and group-buckets would make several';
  }
  if (words.fairBy !== undefined) return 'strict-order serves in order of arrival: fair-by would serve tenants in turn';
  return undefined;
}

/** Null: the order is that of arrival, and nothing more is asked. */
export function orderSettings(words: OrderWords | null): OrderSettings | null {
  if (words === null) return null;
  const { groupBy, buckets, inFlight, fairBy } = words;
  const strict = words.strict === true;
  if (groupBy === undefined && buckets === undefined && inFlight === undefined && fairBy === undefined && !strict) {
    return null;
  }
  const one = strict || groupBy !== undefined || buckets !== undefined;
  const bound = inFlight ?? (one ? 1 : 0);
  return {
    group: groupBy === undefined ? BY_GROUP : keySource(groupBy)!,
    buckets: buckets ?? 0,
    inFlightMax: bound === 0 ? Number.POSITIVE_INFINITY : bound,
    strict,
    fair: fairBy === undefined || strict ? null : keySource(fairBy)!,
    asked: true,
  };
}

/** A change between these two leaves every message in its lane. */
export function sameLanes(a: OrderSettings, b: OrderSettings): boolean {
  return (
    a.group.text === b.group.text && a.buckets === b.buckets && a.strict === b.strict && a.fair?.text === b.fair?.text
  );
}
