/**
 * What tells a binding from others between the same ends: its key, and six characters for its arguments.
 *
 *     no key, no arguments  ~            key alone  a%2Fb+c
 *     arguments alone       ~4hk2ZQ      both       a%2Fb+c~4hk2ZQ
 *
 * The characters are a hash of 32 bits of the arguments in any order; RabbitMQ's are of another hash, and as opaque.
 */
import { createHash } from 'node:crypto';
import type { Headers } from '../../../message/properties.ts';
import { bytesOf } from '../../../message/text.ts';
import { headersIdentity } from '../../../message/values.ts';

export function propertiesKey(key: string, given: Headers): string {
  if (given.length === 0) return key === '' ? '~' : formEncoded(key);
  const hash = createHash('sha256').update(headersIdentity(given)).digest().subarray(0, 4);
  return `${formEncoded(key)}~${hash.toString('base64url')}`;
}

/** As a form would have it: a space is a plus, and all but letters, digits, `.`, `-` and `_` is in hexadecimal digits. */
function formEncoded(text: string): string {
  if (/^[\w.-]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of bytesOf(text)) {
    const character = String.fromCharCode(byte);
    if (/[\w.-]/.test(character)) encoded += character;
    else encoded += character === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
