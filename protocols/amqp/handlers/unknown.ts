import { AmqpError } from '../errors.ts';

/** A class or method that the specification does not have, or that only the server may send. [§1.1 not-implemented] */
export function unknownMethod(method: number): AmqpError {
  return new AmqpError('NOT_IMPLEMENTED', `unknown method ${method >>> 16}.${method & 0xffff}`);
}
