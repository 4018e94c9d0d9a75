/**
 * Limits that a listener, a vhost and a user have alike, as they are written, with the names that other brokers' operators know
 * taken too. As in RabbitMQ 0 is none at all, and what is negative or left out any number.
 */
import { z } from 'zod';
import type { ScopeLimits } from '../broker/client-limits.ts';
import { kinds, size } from './kinds.ts';
import { formatSize } from './units.ts';

/** The same as those that are held to, but that settings call a number of bytes a size. Undefined: any number. */
export interface ScopeLimitsConfig extends Omit<ScopeLimits, 'publishBytes' | 'messageBytes'> {
  readonly publishSize?: ScopeLimits['publishBytes'];
  readonly messageSize?: ScopeLimits['messageBytes'];
}

/** As a program or a file may write them. */
export type ScopeLimitsInput = {
  readonly [P in keyof ScopeLimitsConfig]?: number | string | undefined;
};

/** RabbitMQ's, Mosquitto's and EMQX's names by ours. */
export const FAMILIAR_NAMES: Readonly<Record<string, string>> = {
  'max-connections': 'connections',
  'max-channels': 'channels',
  'max-queues': 'queues',
  max_connections: 'connections',
  max_conn_rate: 'connectionRate',
  messages_rate: 'publishRate',
  bytes_rate: 'publishSize',
  message_size_limit: 'messageSize',
};

/** What stands for any number where something else says a smaller one: less than nothing. */
function isAny(value: unknown): boolean {
  if (typeof value === 'number') return value < 0 || value === Number.POSITIVE_INFINITY;
  return typeof value === 'string' && /^-\d/.test(value);
}

/** A number that may be left out; negative it is Infinity. */
export function upTo(min: number, max: number, description: string) {
  const schema = z
    .any()
    .default(undefined)
    .transform((value, context): number | undefined => {
      if (value === undefined) return undefined;
      if (isAny(value)) return Number.POSITIVE_INFINITY;
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
      if (Number.isInteger(number) && number >= min && number <= max) return number as number;
      context.addIssue(`must be a whole number from ${min} to ${max}`);
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, String);
  return schema;
}

const MANY = 100_000_000;

/** The same of a size. */
function bytes(description: string) {
  const inner = size(1, Number.MAX_SAFE_INTEGER, undefined, description);
  const schema = z
    .any()
    .default(undefined)
    .transform((value, context): number | undefined => {
      if (isAny(value)) return Number.POSITIVE_INFINITY;
      const result = inner.safeParse(value);
      if (result.success) return result.data;
      context.addIssue(result.error.issues[0]!.message);
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, formatSize);
  return schema;
}

export const scopeLimits = {
  connections: upTo(0, 1_000_000, 'clients at a time, 0 for none; default: any number'),
  connectionRate: upTo(1, 1_000_000, 'new ones a second; default: any number'),
  channels: upTo(0, MANY, 'over all connections, 0 for none; default: any number'),
  consumers: upTo(0, MANY, 'over all connections, 0 for none; default: any number'),
  sessions: upTo(0, MANY, 'sessions that outlive their connections, 0 for none; default: any number'),
  publishRate: upTo(1, MANY, 'messages a second, over all connections, which are then read more slowly'),
  publishSize: bytes('bodies a second, the same'),
  messageSize: bytes('of the body of one message'),
  backlog: upTo(1, 1_000_000_000_000, 'copies of messages that wait; default: any number'),
};

/** A group of settings, other brokers' keys by ours. */
export function renamed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, of]) => [Object.hasOwn(FAMILIAR_NAMES, key) ? FAMILIAR_NAMES[key]! : key, of]),
  );
}

/** What is said of them, as it would be written. */
export function writtenLimits(limits: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(limits)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, written(key, value)]),
  );
}

function written(key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return -1;
  return /(Size|Bytes)$/.test(key) ? formatSize(value as number) : value;
}
