/** Errors for methods that do not exist, or may not be sent now, in RabbitMQ's words. */
import { AmqpError } from './errors.ts';

/** A method of a known class that only the server may send, or that is no method at all. */
export function unimplementedMethod(): AmqpError {
  return new AmqpError('COMMAND_INVALID', 'unimplemented method');
}

/** A class that the specification does not have. [§1.1 not-implemented] */
export function unknownMethod(method: number): AmqpError {
  return new AmqpError('NOT_IMPLEMENTED', `unknown method ${method >>> 16}.${method & 0xffff}`);
}

/**
 * A method of class connection that does not come now.
 * @param state of the connection, as RabbitMQ calls it
 */
export function outOfTurn(method: number, state: string): AmqpError {
  return new AmqpError('CHANNEL_ERROR', `unexpected method in connection state ${state}`, method);
}
