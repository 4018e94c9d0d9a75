/** The kinds of settings: sizes, durations, counts; each with its bounds, its default, and how it is written for people. */
import { z } from 'zod';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

export const DURABILITY_LEVELS = ['fsync', 'interval', 'none'] as const;

/** How a number is written for people, by the setting's kind. */
export const kinds = new WeakMap<object, (value: number) => string>();

export function size(min: number, max: number, fallback: number, description: string) {
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

export function duration(minMs: number, maxMs: number, fallbackMs: number, description: string) {
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

/** Without a fallback it may be left out. */
export function count<F extends number | undefined>(min: number, max: number, fallback: F, description: string) {
  const schema = z
    .any()
    .default(fallback)
    .transform((value, context): number | F => {
      if (value === undefined) return fallback;
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
