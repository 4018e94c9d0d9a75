/** A message's time to live as text, in RabbitMQ's words and bounds. https://www.rabbitmq.com/docs/ttl#per-message-ttl-in-publishers */

/** Ten years. What is given longer elsewhere is shown as so much to those who could not send it again otherwise. */
export const EXPIRATION_MAX_MS = 315_360_000_000;

/** Milliseconds; or why it is none (the term that follows `invalid expiration '…': `). A sign may be there, and nothing else. */
export function readExpiration(text: string): number | string {
  const match = /^[+-]?\d+/.exec(text);
  if (match === null) return 'no_integer';
  const [digits] = match;
  if (digits.length < text.length) return `{leftover_string,"${text.slice(digits.length)}"}`;
  const value = BigInt(digits.replace('+', ''));
  if (value < 0n) return `{value_negative,${value}}`;
  if (value > BigInt(EXPIRATION_MAX_MS)) return `{value_too_large,${value}}`;
  return Number(value);
}
