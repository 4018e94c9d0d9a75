/**
 * Sizes and durations as people write them. Inside the broker they are plain numbers, bytes and milliseconds.
 *
 *     size:      1024   "64 KiB"  "128MiB"  "1 GB"     (KiB 1024, kB or KB 1000)
 *     duration:  500    "500 ms"  "10s"     "2 min"    (a bare number is milliseconds)
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
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
  ['ms', 1],
];

function parse(value: unknown, units: readonly (readonly [string, number])[]): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(value.trim());
  if (match === null) return undefined;
  const name = match[2]!.toLowerCase();
  const factor = name === '' ? 1 : units.find(([unit]) => unit.toLowerCase() === name)?.[1];
  if (factor === undefined) return undefined;
  const result = Number(match[1]) * factor;
  return Number.isSafeInteger(result) ? result : undefined;
}

function format(value: number, units: readonly (readonly [string, number])[]): string {
  for (const [unit, factor] of units) {
    if (value >= factor && value % factor === 0) return `${value / factor} ${unit}`;
  }
  return String(value);
}

/** Bytes, or undefined if it is no size. */
export function parseSize(value: unknown): number | undefined {
  return parse(value, SIZE_UNITS);
}

/** Milliseconds, or undefined if it is no duration. */
export function parseDuration(value: unknown): number | undefined {
  return parse(value, DURATION_UNITS);
}

export function formatSize(bytes: number): string {
  return format(bytes, SIZE_UNITS);
}

export function formatDuration(ms: number): string {
  return format(ms, DURATION_UNITS);
}
