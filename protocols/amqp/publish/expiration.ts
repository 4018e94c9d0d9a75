/** The expiration property: milliseconds in decimal. https://www.rabbitmq.com/docs/ttl#per-message-ttl-in-publishers */
import { EXPIRATION_MAX_MS, readExpiration } from '../../../src/api/index.ts';
import { AmqpError } from '../connection/errors.ts';

const DIGITS_MAX = 15;

export function expirationOf(buffer: Buffer, start: number, end: number): number {
  let valueMs = 0;
  let at = start;
  if (end - start > DIGITS_MAX) at = end + 1;
  for (; at < end; at++) {
    const digit = buffer[at]! - 0x30;
    if (digit < 0 || digit > 9) break;
    valueMs = valueMs * 10 + digit;
  }
  if (at === end && end > start && valueMs <= EXPIRATION_MAX_MS) return valueMs;
  return unusual(buffer.utf8Slice(start, end));
}

/** What is not plain digits: a sign may be there; everything else is refused, in RabbitMQ's words. */
function unusual(text: string): number {
  const value = readExpiration(text);
  if (typeof value === 'number') return value;
  throw new AmqpError('PRECONDITION_FAILED', `invalid expiration '${text}': ${value}`);
}
