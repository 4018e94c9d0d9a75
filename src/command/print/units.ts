/** Numbers as people read them. What is not known is a dash. */
export const UNKNOWN = '-';
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1,234,567` */
export function count(value: number | undefined | null): string {
  return typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 0 }) : UNKNOWN;
}

/** `1 channel`, `2 channels` */
export function counted(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? '' : 's'}`;
}

/** `1.2 GiB` */
export function bytes(value: number | undefined | null): string {
  if (typeof value !== 'number') return UNKNOWN;
  let unit = 0;
  let left = value;
  while (left >= 1024 && unit < BYTE_UNITS.length - 1) {
    left /= 1024;
    unit++;
  }
  return `${unit === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A second: `1,234/s`, `0.4/s`. */
export function rate(value: number | undefined | null): string {
  if (typeof value !== 'number') return UNKNOWN;
  return `${value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value))}/s`;
}

/** `3 d 4 h`, `5 min 7 s`, `250 ms` */
export function duration(ms: number | undefined | null): string {
  if (typeof ms !== 'number') return UNKNOWN;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value], index) => index === 0 || value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}
