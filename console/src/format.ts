/** Figures and times as people read them. Each has its unit; what is exact stands beside it (`title`). */

const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** 12,345 */
export const count = (value: number): string => COUNT.format(value);

/** 12.3K, from ten thousand on. */
export const shortCount = (value: number): string => (Math.abs(value) < 10_000 ? count(value) : SHORT.format(value));

/** 1.5 MiB */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let figure = value;
  while (figure >= 1024 && unit < units.length - 1) {
    figure /= 1024;
    unit++;
  }
  return `${unit === 0 || figure >= 100 ? Math.round(figure) : figure.toFixed(1)} ${units[unit]}`;
}

/** 3.4/s */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond < 0.05) return '<0.1/s';
  return `${perSecond < 10 ? perSecond.toFixed(1) : shortCount(Math.round(perSecond))}/s`;
}

/** 2 h 5 min */
export function duration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 1) return '0 s';
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** 5 min ago, in 3 h */
export function relative(atMs: number, nowMs = Date.now()): string {
  const apart = nowMs - atMs;
  if (Math.abs(apart) < 1_000) return 'now';
  return apart > 0 ? `${duration(apart)} ago` : `in ${duration(-apart)}`;
}

/** 2026-11-28 14:03:09.123, in the reader's own time zone. */
export function exact(atMs: number): string {
  const at = new Date(atMs);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

/** A value of any kind in a line. */
export const inline = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
