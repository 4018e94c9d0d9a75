/** What is wrong with bytes that came: `connection/errors.ts` makes errors for the client of it. */

/** The bytes are no value, performative or section that the specification knows: `amqp:decode-error`. [§2.8.16] */
export class DecodeFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DecodeFault';
  }
}

/** A field that must be there. @param field which, for the error's text */
export function mandatory<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new DecodeFault(`${field} must be there`);
  return value;
}

/** A field has a value that it may not have: `amqp:invalid-field`. */
export class FieldFault extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.name = 'FieldFault';
    this.field = field;
  }
}
