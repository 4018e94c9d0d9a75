/**
 * Every setting there is: its kind, its bounds, its default, and one line that `entrepot config print` shows beside it.
 * An unknown key is an error everywhere.
 */
import { z } from 'zod';
import { BrokerError } from '../message/errors.ts';
import { DEFAULT_LISTEN, parseListen } from './listen.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

export const DURABILITY_LEVELS = ['fsync', 'interval', 'none'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The settings of a broker, complete. Sizes in bytes, durations in milliseconds. */
export interface Config {
  data: string;
  listen: string[];
  vhosts: string[];
  durability: { level: (typeof DURABILITY_LEVELS)[number]; interval: number };
  log: { level: (typeof LOG_LEVELS)[number] };
  connections: { max: number; handshakeTimeout: number };
  amqp: { frameSizeMax: number; bodySizeMax: number; channelMax: number; heartbeat: number };
  mqtt: { packetSizeMax: number; topicLevelsMax: number; inflightMax: number };
  stomp: { headersMax: number; headersSizeMax: number; bodySizeMax: number; wildcards: 'amqp' | 'activemq' };
  websocket: { messageSizeMax: number };
}

/** How a number is written for people, by the setting's kind. */
export const kinds = new WeakMap<object, (value: number) => string>();

function size(min: number, max: number, fallback: number, description: string) {
  const schema = z
    .any()
    .default(fallback)
    .transform((value, context) => {
      const bytes = parseSize(value);
      if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
      context.addIssue(
        `must be a size from ${formatSize(min)} to ${formatSize(max)}, such as "${formatSize(fallback)}"`,
      );
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, formatSize);
  return schema;
}

function duration(minMs: number, maxMs: number, fallbackMs: number, description: string) {
  const schema = z
    .any()
    .default(fallbackMs)
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
      const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
      context.addIssue(`must be a duration from ${range}, such as "${formatDuration(fallbackMs)}"`);
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, formatDuration);
  return schema;
}

function count(min: number, max: number, fallback: number, description: string) {
  const schema = z
    .any()
    .default(fallback)
    .transform((value, context) => {
      // The environment and flags bring text.
      const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
      if (Number.isInteger(number) && number >= min && number <= max) return number as number;
      context.addIssue(`must be a whole number from ${min} to ${max}`);
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, String);
  return schema;
}

const listenAddress = z.string('must be an address such as amqp://127.0.0.1:5672').superRefine((text, context) => {
  try {
    parseListen(text);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    context.addIssue(error.message);
  }
});

const MIB = 1024 * 1024;

export const configSchema = z.strictObject({
  data: z
    .string('must be the path of a directory')
    .min(1, 'must be the path of a directory')
    .default('./data')
    .describe('where the log is kept'),
  listen: z
    .array(listenAddress, 'must be a list of addresses such as amqp://127.0.0.1:5672')
    .min(1, 'must name at least one address')
    .default([...DEFAULT_LISTEN])
    .describe('PROTOCOL[+PROTOCOL…]://HOST:PORT; amqp, mqtt, stomp, ws, http'),
  vhosts: z
    .array(z.string('must be a name').min(1, 'must be a name').max(255, 'must have 255 characters at most'))
    .refine((names) => names.includes('/'), 'must have the default vhost "/" among them')
    .refine((names) => new Set(names).size === names.length, 'must name each vhost once')
    .default(['/'])
    .describe('closed worlds of exchanges and queues, each with a log of its own'),
  durability: z
    .strictObject({
      level: z
        .enum(DURABILITY_LEVELS, `must be one of ${DURABILITY_LEVELS.join(', ')}`)
        .default('fsync')
        .describe(
          'fsync: confirm after the sync; interval: after the write, synced now and then; none: after the write, never synced',
        ),
      interval: duration(1, 60_000, 200, 'between syncs, with the level interval: what a power failure may take'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`)
        .default('info')
        .describe(`${LOG_LEVELS.join(', ')}`),
    })
    .prefault({}),
  connections: z
    .strictObject({
      max: count(1, 1_000_000, 10_000, 'open at a time; more are turned away'),
      handshakeTimeout: duration(100, 600_000, 10_000, 'for a client to say who it is'),
    })
    .prefault({}),
  amqp: z
    .strictObject({
      frameSizeMax: size(4_096, 16 * MIB, 131_072, 'offered to clients; they may ask for less'),
      bodySizeMax: size(1, 2_048 * MIB, 128 * MIB, 'of one message'),
      channelMax: count(1, 65_535, 2_047, 'on one connection'),
      heartbeat: duration(0, 65_535_000, 60_000, 'offered to clients, whole seconds; 0 for none'),
    })
    .prefault({}),
  mqtt: z
    .strictObject({
      packetSizeMax: size(1_024, 256 * MIB, 129 * MIB, 'a larger packet closes the connection'),
      topicLevelsMax: count(1, 65_535, 128, 'levels of a topic or filter'),
      inflightMax: count(1, 65_535, 100, 'messages a client may hold unanswered'),
    })
    .prefault({}),
  stomp: z
    .strictObject({
      headersMax: count(8, 10_000, 128, 'headers of one frame'),
      headersSizeMax: size(1_024, 16 * MIB, 65_536, 'all headers of one frame together'),
      bodySizeMax: size(1, 2_048 * MIB, 128 * MIB, 'of one message'),
      wildcards: z
        .enum(['amqp', 'activemq'], 'must be amqp or activemq')
        .default('amqp')
        .describe("amqp: '*' and '#'; activemq: '>' too, for all levels from there on"),
    })
    .prefault({}),
  websocket: z
    .strictObject({
      messageSizeMax: size(1_024, 2_047 * MIB, 130 * MIB, 'of one WebSocket message from a client'),
    })
    .prefault({}),
}) satisfies z.ZodType<Config>;

/** What may be written: any part of it, with sizes and durations as numbers or text. */
export type ConfigInput = z.input<typeof configSchema>;
