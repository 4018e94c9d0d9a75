/** Settings of queues and exchanges, as arguments and policies give them: figures with their units. */
import { bytes, count, duration, inline } from './format.ts';

const OF_TIME = new Set(['message-ttl', 'expires', 'retry-delay', 'retry-delay-max', 'consumer-timeout']);
const OF_BYTES = new Set(['max-length-bytes']);

export function shown(key: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'number' && OF_TIME.has(key)) return `${duration(value)} (${count(value)} ms)`;
  if (typeof value === 'number' && OF_BYTES.has(key)) return bytes(value);
  if (typeof value === 'number') return count(value);
  return value === '' ? '(empty)' : inline(value);
}
