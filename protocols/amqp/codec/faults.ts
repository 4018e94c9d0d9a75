/** Faults of the codec: bytes that are not what they must be. `connection/errors.ts` makes errors for the client of them. */
import { octets } from './erlang-text.ts';

/** The bytes are not what the specification says they must be. */
export class SyntaxFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SyntaxFault';
  }
}

/** The fields of a method are too short, or too long, for it. RabbitMQ takes that for a broken frame. */
export class FieldsFault extends Error {
  constructor(buffer: Buffer, start: number, end: number) {
    super(`cannot decode ${octets(buffer, start, end)}`);
    this.name = 'FieldsFault';
  }
}

/** A short string in a method that is not UTF-8. */
export class TextFault extends Error {
  constructor() {
    super('Malformed UTF-8 in shortstr');
    this.name = 'TextFault';
  }
}
