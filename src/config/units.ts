/**
 * Sizes and durations as people write them. Inside the broker they are plain numbers, bytes and milliseconds.
 *
 *     size:      "64 KiB"  "128MiB"  "1 GB"  1048576     (KiB 1024, kB or KB 1000; a bare number is bytes)
 *     duration:  "500 ms"  "10s"  "2 min"  "1 h"  "7 days"
 *
 * A duration needs its unit: `heartbeat: 10` means ten seconds to one who comes from one broker and ten milliseconds to
 * one who comes from another. Only 0 is the same in all of them. A bare size is bytes wherever brokers are configured,
 * but below BARE_SIZE_MIN it was hardly meant so.
 *
 * Programs may hand over plain numbers (load.ts gives them their unit): milliseconds and bytes, as everywhere in their
 * language.
 */
const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['GB', 1000 ** 3],
  ['MB', 1000 ** 2],
  ['kB', 1000],
  ['B', 1],
];

const DURATION_UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

/** Other spellings of the same. */
const ALIASES: Readonly<Record<string, string>> = {
  byte: 'b',
  bytes: 'b',
  msec: 'ms',
  millisecond: 'ms',
  milliseconds: 'ms',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  m: 'min',
  mins: 'min',
  minute: 'min',
  minutes: 'min',
  hour: 'h',
  hours: 'h',
  day: 'd',
  days: 'd',
};

/** A number without a unit is not taken for bytes below this. */
export const BARE_SIZE_MIN = 1_024;

/** A quantity as it was written: its number, and what its unit stands for; `factor` undefined: it has none. */
interface Written {
  readonly number: number;
  readonly factor: number | undefined;
}

function read(value: unknown, units: readonly (readonly [string, number])[]): Written | undefined {
  if (typeof value === 'number') return value >= 0 ? { number: value, factor: undefined } : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim());
  if (match === null) return undefined;
  const number = Number(match[1]);
  const name = match[2]!.toLowerCase();
  if (name === '') return { number, factor: undefined };
  const known = Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name;
  const factor = units.find(([unit]) => unit.toLowerCase() === known)?.[1];
  return factor === undefined ? undefined : { number, factor };
}

function whole(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

function format(value: number, units: readonly (readonly [string, number])[]): string {
  for (const [unit, factor] of units) {
    if (value >= factor && value % factor === 0) return `${value / factor} ${unit}`;
  }
  return String(value);
}

/** What is missing: the number could be meant in several ways. */
export const NEEDS_UNIT = 'needs-unit';

/** Bytes; undefined if it is no size, NEEDS_UNIT for a small one without a unit. */
export function parseSize(value: unknown): number | undefined | typeof NEEDS_UNIT {
  const written = read(value, SIZE_UNITS);
  if (written === undefined) return undefined;
  const { number, factor } = written;
  if (factor !== undefined) return whole(number * factor);
  const bytes = whole(number);
  return bytes !== undefined && bytes > 0 && bytes < BARE_SIZE_MIN ? NEEDS_UNIT : bytes;
}

/** Milliseconds; undefined if it is no duration, NEEDS_UNIT for one without a unit. */
export function parseDuration(value: unknown): number | undefined | typeof NEEDS_UNIT {
  const written = read(value, DURATION_UNITS);
  if (written === undefined) return undefined;
  const { number, factor } = written;
  if (factor !== undefined) return whole(number * factor);
  return number === 0 ? 0 : NEEDS_UNIT;
}

export function formatSize(bytes: number): string {
  return format(bytes, SIZE_UNITS);
}

/** Days are read, but written as hours: that is what people compare with. */
export function formatDuration(ms: number): string {
  return format(
    ms,
    DURATION_UNITS.filter(([unit]) => unit !== 'd'),
  );
}
