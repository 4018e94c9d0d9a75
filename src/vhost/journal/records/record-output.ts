/** The output that records are written to, and the two forms that several records share: text, and JSON as text. */
import { RECORD_BYTES_MAX } from '../../../log/store.ts';
import { copyBytes } from '../../../message/bytes.ts';
import { BrokerError } from '../../../message/errors.ts';
import { packJson } from '../../../message/json.ts';

export interface RecordOutput {
  /** The block being filled: read it again after every `append`. */
  readonly buffer: Buffer;
  /** Largest payload of a record, in bytes. */
  readonly recordBytesMax: number;
  /**
   * Makes room for a record of this type and returns where in `buffer` its payload begins: exactly `payloadBytes` are to be
   * written there before anything else is appended.
   */
  append(type: number, payloadBytes: number): number;
}

/** A record whose payload is a text in UTF-8. @throws BrokerError invalid: it is larger than a record may be */
export function writeText(out: RecordOutput, type: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > RECORD_BYTES_MAX) throw new BrokerError('invalid', 'the arguments are too large to be kept');
  const at = out.append(type, bytes.length);
  copyBytes(bytes, 0, bytes.length, out.buffer, at);
}

export function readText(buffer: Buffer, start: number, end: number): string {
  return buffer.utf8Slice(start, end);
}

/** A record whose payload is JSON; read it with `unpackJson`. @throws BrokerError invalid, as `writeText` does */
export function writeJson(out: RecordOutput, type: number, value: unknown): void {
  writeText(out, type, packJson(value));
}
