/** Errors for frames that cannot be what they say they are, or stand where they may not, in RabbitMQ's words. [§4.2.3, §4.2.6] */
import {
  EXPECTS_HEADER,
  EXPECTS_METHOD,
  type ExpectedFrame,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
} from '../codec/constants.ts';
import { frameText } from '../codec/erlang-text.ts';
import { AmqpError } from './errors.ts';

/** u16 class | u16 weight | u64 body size; the property flags are looked at later. */
export const HEADER_BYTES_MIN = 12;

/** Whether it is of a known type, and long enough for it. */
export function isKnown(type: number, start: number, end: number): boolean {
  switch (type) {
    case FRAME_METHOD:
      return end - start >= 4;
    case FRAME_HEADER:
      return end - start >= HEADER_BYTES_MIN;
    case FRAME_BODY:
      return true;
    default:
      return false;
  }
}

/** A frame of no known type, or too short for its type. [§4.2.3] */
export function unusable(type: number, buffer: Buffer, start: number, end: number): AmqpError {
  // [§4.2.7] A heartbeat is one, but belongs to channel 0.
  if (type === FRAME_HEARTBEAT && start === end) return unexpected(type, buffer, start, end);
  return new AmqpError('FRAME_ERROR', `${frameText(type, buffer, start, end)}: unknown_frame`, 0);
}

/** A frame that has no business where it is. */
export function unexpected(type: number, buffer: Buffer, start: number, end: number): AmqpError {
  return new AmqpError('UNEXPECTED_FRAME', frameText(type, buffer, start, end), 0);
}

/** RabbitMQ's words for a frame that does not follow what came before it on its channel. [§4.2.6] */
export function unexpectedIn(expected: ExpectedFrame): AmqpError {
  if (expected === EXPECTS_METHOD) {
    return new AmqpError('UNEXPECTED_FRAME', 'expected method frame, got non method frame instead', 0);
  }
  if (expected === EXPECTS_HEADER) {
    const text = 'expected content header for class 60, got non content header frame instead';
    return new AmqpError('UNEXPECTED_FRAME', text);
  }
  return new AmqpError('UNEXPECTED_FRAME', 'expected content body, got non content body frame instead');
}
