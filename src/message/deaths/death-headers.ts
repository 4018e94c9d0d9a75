/**
 * Headers that speak of deaths: as the broker shows its records, and as a publisher sends them in. An application that republishes a dead letter hands its headers on, and
 * the next death counts from there (as RabbitMQ has it). They come in the forms in which the broker shows them:
 *
 *     x-death                         a list of tables: all of it
 *     x-first-death-queue, -reason, -exchange
 *     x-last-death-queue, -reason, -exchange, -acquired-count, x-death-count      text alone: the first, the last, and how often
 *
 * Of what somebody else has written, only so much is taken as fits into a record of a reasonable size.
 */

import type { Header, Headers, Properties, Value } from '../properties.ts';
import { type Annotations, deathCount, encodeAnnotations } from './annotations.ts';
import type { Death } from './deaths.ts';

export const DEATHS_HEADER = 'x-death';
export const COUNT_HEADER = 'x-death-count';
const FIRST = 'x-first-death-';
const LAST = 'x-last-death-';
const FACTS = ['queue', 'reason', 'exchange'] as const;
/** A field of `x-death` beside RabbitMQ's; of the last death, as a header of its own too. */
const ACQUIRED = 'acquired-count';
const LAST_ACQUIRED = LAST + ACQUIRED;

/** Headers that speak of deaths. A message with a record of the broker's shows that in their place. */
export const DEATH_HEADERS: ReadonlySet<string> = new Set([
  DEATHS_HEADER,
  COUNT_HEADER,
  LAST_ACQUIRED,
  ...FACTS.flatMap((fact) => [FIRST + fact, LAST + fact]),
]);

/** The record's size at most, as it is kept, and how many deaths are left where it would be larger. */
const BYTES_MAX = 64 * 1024;
const DEATHS_LEFT = 16;
const NAME_LENGTH_MAX = 1024;

type Facts = Annotations['firstDeath'];

/** Undefined if it says nothing of deaths. */
export function deathsIn(headers: Headers): Annotations | undefined {
  const list = find(headers, DEATHS_HEADER);
  if (list !== undefined) {
    const deaths = isOf(list, 'list') ? list.value.flatMap((entry) => deathOf(entry) ?? []) : [];
    return bounded({ deaths, firstDeath: factsIn(headers, FIRST) });
  }
  const count = wholeIn(headers, COUNT_HEADER);
  if (count === undefined) return undefined;
  return flatDeaths(factsIn(headers, FIRST), factsIn(headers, LAST), count, wholeIn(headers, LAST_ACQUIRED));
}

/** First and last death as flat properties: what those can be told who read no lists. */
export function flatDeathHeaders(annotations: Annotations, count: number): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  const tell = (prefix: string, facts: Facts | undefined): void => {
    for (const fact of FACTS) if (facts?.[fact] !== undefined) pairs.push([prefix + fact, facts[fact]]);
  };
  tell(FIRST, annotations.firstDeath);
  tell(LAST, annotations.deaths[0]);
  const acquired = annotations.deaths[0]?.acquired;
  if (acquired !== undefined) pairs.push([LAST_ACQUIRED, String(acquired)]);
  pairs.push([COUNT_HEADER, String(count)]);
  return pairs;
}

/** The headers of the first death, as those get them who read `x-death` as well. */
export function firstDeathHeaders({ firstDeath }: Annotations): Header[] {
  return (['exchange', 'queue', 'reason'] as const).flatMap((fact) => {
    const value = firstDeath[fact];
    return value === undefined ? [] : [{ name: FIRST + fact, value }];
  });
}

/** With all headers in which a death is shown: by these, too, a message can be selected, and a dead letter be routed. */
export function withDeaths(properties: Properties, annotations: Annotations): Properties {
  const headers = properties.headers.filter(({ name }) => !DEATH_HEADERS.has(name));
  headers.push({ name: DEATHS_HEADER, value: { type: 'list', value: annotations.deaths.map(deathTable) } });
  for (const [name, value] of flatDeathHeaders(annotations, deathCount(annotations))) headers.push({ name, value });
  return { ...properties, headers };
}

/** A record as a table of `x-death`. */
export function deathTable(death: Death): Value {
  const { timeS, exchange, routingKeys, originalExpirationMs, acquired } = death;
  const value: Header[] = [
    { name: 'count', value: { type: 'int64', value: BigInt(death.count) } },
    { name: 'reason', value: death.reason },
    { name: 'queue', value: death.queue },
  ];
  if (timeS !== undefined)
    value.push({ name: 'time', value: { type: 'timestamp', value: BigInt(Math.max(0, Math.floor(timeS))) } });
  if (exchange !== undefined) value.push({ name: 'exchange', value: exchange });
  if (routingKeys !== undefined) value.push({ name: 'routing-keys', value: { type: 'list', value: [...routingKeys] } });
  if (originalExpirationMs !== undefined)
    value.push({ name: 'original-expiration', value: String(originalExpirationMs) });
  if (acquired !== undefined) value.push({ name: ACQUIRED, value: { type: 'int64', value: BigInt(acquired) } });
  return { type: 'map', value: [...value, ...(death.others ?? [])] };
}

/** Undefined for what is no record: it says neither where nor why. */
function deathOf(value: Value): Death | undefined {
  if (!isOf(value, 'map')) return undefined;
  const death: { -readonly [K in keyof Death]: Death[K] } = { queue: '', reason: '', count: 1 };
  const others: Header[] = [];
  const seen = new Set<string>();
  for (const field of value.value) {
    if (seen.has(field.name)) continue;
    seen.add(field.name);
    if (!take(death, field)) others.push(field);
  }
  if (!seen.has('queue') || !seen.has('reason') || death.reason === '') return undefined;
  if (others.length > 0) death.others = others;
  return death;
}

/** False for a field that means nothing to the broker, or is not what it should be. */
function take(death: { -readonly [K in keyof Death]: Death[K] }, { name, value }: Header): boolean {
  switch (name) {
    case 'queue':
    case 'reason':
    case 'exchange':
      if (!isName(value)) return false;
      death[name] = value;
      return true;
    case 'count': {
      const count = integerOf(value);
      if (count === undefined || count < 1 || count > 1e9) return false;
      death.count = count;
      return true;
    }
    case ACQUIRED: {
      const acquired = integerOf(value);
      if (acquired === undefined || acquired < 1 || acquired > 1e9) return false;
      death.acquired = acquired;
      return true;
    }
    case 'time': {
      const timeS = integerOf(value);
      if (timeS === undefined || timeS < 0) return false;
      death.timeS = timeS;
      return true;
    }
    case 'routing-keys':
      if (!isOf(value, 'list') || !value.value.every(isName)) return false;
      death.routingKeys = value.value as string[];
      return true;
    case 'original-expiration':
      if (typeof value !== 'string' || !/^\d{1,15}$/.test(value)) return false;
      death.originalExpirationMs = Number(value);
      return true;
    default:
      return false;
  }
}

/** The last death, and the first where it was another: the others are counted with the last. */
function flatDeaths(first: Facts, last: Facts, count: number, acquired: number | undefined): Annotations | undefined {
  if (last.queue === undefined || last.reason === undefined) return undefined;
  const whole = (facts: Facts, times: number): Death => {
    const { queue = '', reason = '', exchange } = facts;
    return { queue, reason, count: times, ...(exchange === undefined ? {} : { exchange }) };
  };
  const latest = (times: number): Death => ({
    ...whole(last, times),
    ...(acquired === undefined ? {} : { acquired }),
  });
  const same = first.queue === last.queue && first.reason === last.reason;
  const two = !same && count > 1 && first.queue !== undefined && first.reason !== undefined;
  const deaths = two ? [latest(count - 1), whole(first, 1)] : [latest(count)];
  return { deaths, firstDeath: first };
}

function bounded(annotations: Annotations): Annotations {
  if (encodeAnnotations(annotations).length <= BYTES_MAX) return annotations;
  const deaths = annotations.deaths.slice(0, DEATHS_LEFT).map(({ queue, reason, count }) => ({ queue, reason, count }));
  return { ...annotations, deaths };
}

function factsIn(headers: Headers, prefix: string): Facts {
  const facts: { -readonly [K in keyof Facts]: Facts[K] } = {};
  for (const fact of FACTS) {
    const value = find(headers, prefix + fact);
    if (isName(value)) facts[fact] = value;
  }
  return facts;
}

/** A number from 1 on, told as text. */
function wholeIn(headers: Headers, name: string): number | undefined {
  const value = find(headers, name);
  return typeof value === 'string' && /^[1-9]\d{0,8}$/.test(value) ? Number(value) : undefined;
}

function find(headers: Headers, name: string): Value | undefined {
  return headers.find((header) => header.name === name)?.value;
}

function isName(value: Value | undefined): value is string {
  return typeof value === 'string' && value.length <= NAME_LENGTH_MAX;
}

function isOf<T extends 'list' | 'map'>(value: Value, type: T): value is Extract<Value, { readonly type: T }> {
  return typeof value === 'object' && value?.type === type;
}

function integerOf(value: Value): number | undefined {
  if (typeof value !== 'object' || value === null || !/^(?:u?int\d+|timestamp)$/.test(value.type)) return undefined;
  const number = Number(value.value);
  return Number.isSafeInteger(number) ? number : undefined;
}
