/** The `x-delay` header of what is published to an exchange that can wait. https://github.com/rabbitmq/rabbitmq-delayed-message-exchange */
import { integerOf } from '../../../src/api/index.ts';
import { readTable } from '../codec/table.ts';

/** Longer ones, and those that are no positive integer, are no delay: the message goes at once, as the plugin has it. */
const DELAY_MAX_MS = 0xffff_ffff;

/** Milliseconds, or -1 for none; of the headers table with the content `buffer[start, end)`. */
export function delayOf(buffer: Buffer, start: number, end: number): number {
  const header = readTable(buffer, start, end).find(({ name }) => name === 'x-delay');
  const delayMs = header === undefined ? undefined : integerOf(header.value);
  return delayMs !== undefined && delayMs > 0 && delayMs <= DELAY_MAX_MS ? delayMs : -1;
}
