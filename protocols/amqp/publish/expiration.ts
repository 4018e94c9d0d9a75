/** The expiration property: milliseconds in decimal. https://www.rabbitmq.com/docs/ttl#per-message-ttl-in-publishers */
import { AmqpError } from '../connection/errors.ts';

/** Ten years, as RabbitMQ has it. */
const EXPIRATION_MAX_MS = 315_360_000_000;
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
  const refused = (why: string): AmqpError =>
    new AmqpError('PRECONDITION_FAILED', `invalid expiration '${text}': ${why}`);
  const match = /^[+-]?\d+/.exec(text);
  if (match === null) throw refused('no_integer');
  const [digits] = match;
  if (digits.length < text.length) throw refused(`{leftover_string,"${text.slice(digits.length)}"}`);
  const value = BigInt(digits.replace('+', ''));
  if (value < 0n) throw refused(`{value_negative,${value}}`);
  if (value > BigInt(EXPIRATION_MAX_MS)) throw refused(`{value_too_large,${value}}`);
  return Number(value);
}
