import { AmqpError } from '../connection/errors.ts';

/** A method of a known class that only the server may send, or that is no method at all. */
export function unimplementedMethod(): AmqpError {
  return new AmqpError('COMMAND_INVALID', 'unimplemented method');
}

/** A class that the specification does not have. [§1.1 not-implemented] */
export function unknownMethod(method: number): AmqpError {
  return new AmqpError('NOT_IMPLEMENTED', `unknown method ${method >>> 16}.${method & 0xffff}`);
}
