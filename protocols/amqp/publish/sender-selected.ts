/**
 * Sender-selected distribution: a message's headers `CC` and `BCC` name further routing keys for its exchange.
 * https://www.rabbitmq.com/docs/sender-selected
 */
import { readTable } from '../codec/table.ts';
import { typeNameOf } from '../codec/values.ts';
import { AmqpError } from '../connection/errors.ts';

export interface Copies {
  /** In the order in which they are named. What is no text in the lists is passed over, as RabbitMQ does. */
  readonly keys: readonly string[];
  /** There is a `BCC`, which must not be delivered. */
  readonly hidden: boolean;
}

/** Of the headers table with the content `buffer[start, end)`. */
export function copyKeys(buffer: Buffer, start: number, end: number): Copies {
  const headers = readTable(buffer, start, end);
  const keys: string[] = [];
  let hidden = false;
  for (const wanted of ['CC', 'BCC']) {
    const header = headers.find(({ name }) => name === wanted);
    if (header === undefined) continue;
    const { value } = header;
    if (typeof value !== 'object' || value === null || value.type !== 'list') {
      throw new AmqpError(
        'PRECONDITION_FAILED',
        `invalid message: {unacceptable_type_in_header,"${wanted}",${typeNameOf(value)}}`,
      );
    }
    for (const key of value.value) if (typeof key === 'string') keys.push(key);
    if (wanted === 'BCC') hidden = true;
  }
  return { keys, hidden };
}
