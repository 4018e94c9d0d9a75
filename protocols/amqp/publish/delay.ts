/**
 * Headers that say when a message is to be routed: `x-delay`, which counts for what is published to an exchange that can wait
 * (https://github.com/rabbitmq/rabbitmq-delayed-message-exchange), and, whatever the exchange, the names that the message annotations
 * of AMQP 1.0 have for it: `x-opt-delivery-time` (epoch milliseconds) and `x-opt-delivery-delay` (milliseconds). The time counts
 * before the delay.
 */
import type { Draft, Headers } from '../../../src/api/index.ts';
import { readTable } from '../codec/table.ts';
import { integerOf } from '../codec/values.ts';

/** Longer ones, and those that are no positive integer, are no delay: the message goes at once, as the plugin has it. */
const DELAY_MAX_MS = 0xffff_ffff;

/** Milliseconds, or -1 for none; of the headers table with the content `buffer[start, end)`. */
export function delayOf(buffer: Buffer, start: number, end: number): number {
  const delayMs = integerUnder(readTable(buffer, start, end), 'x-delay');
  return delayMs !== undefined && delayMs > 0 && delayMs <= DELAY_MAX_MS ? delayMs : -1;
}

/** Only integers count. What is further away than the broker can wait is refused by it, rather than routed too early. */
export function readDeliveryTime(draft: Draft, buffer: Buffer, start: number, end: number): void {
  const headers = readTable(buffer, start, end);
  const dueMs = integerUnder(headers, 'x-opt-delivery-time');
  const delayMs = integerUnder(headers, 'x-opt-delivery-delay');
  if (dueMs !== undefined && dueMs >= 0) draft.dueMs = dueMs;
  else if (delayMs !== undefined && delayMs > 0) draft.delayMs = delayMs;
}

function integerUnder(headers: Headers, wanted: string): number | undefined {
  const header = headers.find(({ name }) => name === wanted);
  return header === undefined ? undefined : integerOf(header.value);
}
