/**
 * The headers with which a stream of AMQP 1.0 begins, and begins again behind SASL. [§2.2, §5.3.1]
 *
 *     "AMQP" | u8 id | 1 | 0 | 0        id: 0 AMQP itself, 2 TLS, 3 SASL
 */
export const HEADER_BYTES = 8;
export const PLAIN_ID = 0;
export const SASL_ID = 3;
const TLS_ID = 2;

const NAME = Buffer.from('AMQP', 'latin1');

export function headerOf(id: number): Buffer {
  return Buffer.from([...NAME, id, 1, 0, 0]);
}

export const PLAIN_HEADER = headerOf(PLAIN_ID);
export const SASL_HEADER = headerOf(SASL_ID);

/** Whether a stream that begins so is AMQP 1.0; undefined: more bytes are needed to tell. */
export function isAmqp10(first: Buffer): boolean | undefined {
  const n = Math.min(first.length, NAME.length);
  if (first.compare(NAME, 0, n, 0, n) !== 0) return false;
  if (first.length > 4 && ![PLAIN_ID, TLS_ID, SASL_ID].includes(first[4]!)) return false;
  if (first.length > 5 && first[5] !== 1) return false;
  if (first.length > 6 && first[6] !== 0) return false;
  return first.length > 6 ? true : undefined;
}

/** The id of the header that is `buffer[start, start + 8)`; -1 if it is none of this version. */
export function headerId(buffer: Buffer, start: number): number {
  const rest = buffer[start + 5] === 1 && buffer[start + 6] === 0 && buffer[start + 7] === 0;
  return rest && buffer.compare(NAME, 0, 4, start, start + 4) === 0 ? buffer[start + 4]! : -1;
}
