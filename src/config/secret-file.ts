/** A file that holds one secret, as orchestrators hand them over: its text without the line end. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { BrokerError } from '../message/errors.ts';

const SIZE_MAX_BYTES = 65_536;

/** @throws BrokerError invalid: not there, not readable, too large, not text; what it holds is not said */
export function readSecretFile(path: string, bytesMax = SIZE_MAX_BYTES): string {
  const bytes = Buffer.alloc(bytesMax + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let read = 1; read > 0 && length < bytes.length; length += read) {
        read = readSync(file, bytes, length, bytes.length - length, null);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new BrokerError('invalid', `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
  }
  if (length > bytesMax) throw new BrokerError('invalid', `holds more than ${bytesMax} bytes`);
  const text = bytes.subarray(0, length);
  if (!isUtf8(text)) throw new BrokerError('invalid', 'holds no text in UTF-8');
  return text.toString('utf8').replace(/\r?\n$/, '');
}
