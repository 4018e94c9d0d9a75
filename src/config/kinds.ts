/** The kinds of settings: sizes, durations, counts; each with its bounds, its default, and how it is written for people. */
import { z } from 'zod';
import { formatDuration, formatSize, NEEDS_UNIT, parseDuration, parseSize } from './units.ts';

export const DURABILITY_LEVELS = ['fsync', 'interval', 'none'] as const;

/** How a number is written for people, by the setting's kind. */
export const kinds = new WeakMap<object, (value: number) => string>();

/** Without a fallback it may be left out. */
export function size<F extends number | undefined>(min: number, max: number, fallback: F, description: string) {
  const schema = z
    .any()
    .default(fallback === undefined ? undefined : formatSize(fallback))
    .transform((value, context): number | F => {
      if (value === undefined) return fallback;
      const bytes = parseSize(value);
      const fits = (n: number): boolean => n >= min && n <= max;
      if (typeof bytes === 'number' && fits(bytes)) return bytes;
      const readings = bytes === NEEDS_UNIT ? meant(value, ['MiB', 'KiB', 'B'], parseSize, fits) : '';
      const example = fallback === undefined || fallback === 0 ? '64 MiB' : formatSize(fallback);
      context.addIssue(
        readings || `must be a size from ${formatSize(min)} to ${formatSize(max)}, such as "${example}"`,
      );
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, formatSize);
  return schema;
}

/** @param stepMs it must be a multiple of this; 1,000 where a protocol counts whole seconds */
export function duration(minMs: number, maxMs: number, fallbackMs: number, description: string, stepMs = 1) {
  const schema = z
    .any()
    .default(formatDuration(fallbackMs))
    .transform((value, context) => {
      const ms = parseDuration(value);
      const fits = (n: number): boolean => n >= minMs && n <= maxMs && n % stepMs === 0;
      if (typeof ms === 'number' && fits(ms)) return ms;
      const readings = ms === NEEDS_UNIT ? meant(value, ['s', 'ms', 'min'], parseDuration, fits) : '';
      const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
      const what = stepMs === 1 ? 'a duration' : 'a duration in whole seconds';
      const example = fallbackMs === 0 ? '60 s' : formatDuration(fallbackMs);
      context.addIssue(readings || `must be ${what} from ${range}, such as "${example}"`);
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, formatDuration);
  return schema;
}

/** What a number without a unit may have meant, as it should be written; '' if none of the units would do. */
function meant(
  value: unknown,
  units: readonly string[],
  parse: (text: string) => number | string | undefined,
  fits: (n: number) => boolean,
): string {
  const texts = units.map((unit) => `${String(value).trim()} ${unit}`);
  const possible = texts.filter((text) => {
    const n = parse(text);
    return typeof n === 'number' && fits(n);
  });
  const [first, second] = possible.map((text) => JSON.stringify(text));
  if (first === undefined) return '';
  return `needs a unit: write ${second === undefined ? first : `${first} or ${second}`}`;
}

/** A part of the machine's memory, such as 60 %, kept as 0.6; or a size in bytes; or 0 for none. */
export function shareOrSize(fallback: number, description: string) {
  const schema = z
    .any()
    .default(formatShareOrSize(fallback))
    .transform((value, context): number => {
      const percent = typeof value === 'string' ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim()) : null;
      const number = percent !== null ? Number(percent[1]) / 100 : Number(value);
      if (number === 0 || (number > 0 && number <= 1)) return number;
      const bytes = percent === null ? parseSize(value) : undefined;
      if (typeof bytes === 'number' && bytes > 1) return bytes;
      context.addIssue(`must be a part of the memory or a size, such as "${formatShareOrSize(fallback)}" or "2 GiB"`);
      return z.NEVER;
    })
    .describe(description);
  kinds.set(schema, formatShareOrSize);
  return schema;
}

function formatShareOrSize(value: number): string {
  return value > 0 && value <= 1 ? `${Math.round(value * 10_000) / 100}%` : formatSize(value);
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
