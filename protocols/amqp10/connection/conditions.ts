/**
 * Errors as AMQP 1.0 tells them: a condition, a text, and how far the damage goes: a link is detached, a session or the connection
 * ends. [§2.8.14 to §2.8.18, §3.5.11]
 */
import { BrokerError, type ErrorCode, LimitError, SelectorError } from '../../../src/api/index.ts';
import type { ErrorCondition } from '../codec/delivery-state.ts';
import { DecodeFault, FieldFault } from '../codec/faults.ts';
import { type AmqpValue, symbol, symbolMap } from '../codec/values.ts';

export const INTERNAL_ERROR = 'amqp:internal-error';
export const NOT_FOUND = 'amqp:not-found';
export const UNAUTHORIZED_ACCESS = 'amqp:unauthorized-access';
export const DECODE_ERROR = 'amqp:decode-error';
export const RESOURCE_LIMIT_EXCEEDED = 'amqp:resource-limit-exceeded';
export const NOT_ALLOWED = 'amqp:not-allowed';
export const INVALID_FIELD = 'amqp:invalid-field';
export const NOT_IMPLEMENTED = 'amqp:not-implemented';
export const RESOURCE_LOCKED = 'amqp:resource-locked';
export const PRECONDITION_FAILED = 'amqp:precondition-failed';
export const RESOURCE_DELETED = 'amqp:resource-deleted';
export const CONNECTION_FORCED = 'amqp:connection:forced';
export const FRAMING_ERROR = 'amqp:connection:framing-error';
export const WINDOW_VIOLATION = 'amqp:session:window-violation';
export const ERRANT_LINK = 'amqp:session:errant-link';
export const HANDLE_IN_USE = 'amqp:session:handle-in-use';
export const UNATTACHED_HANDLE = 'amqp:session:unattached-handle';
export const DETACH_FORCED = 'amqp:link:detach-forced';
export const TRANSFER_LIMIT_EXCEEDED = 'amqp:link:transfer-limit-exceeded';
export const MESSAGE_SIZE_EXCEEDED = 'amqp:link:message-size-exceeded';

/** How far an error goes. */
export type Extent = 'link' | 'session' | 'connection';

export class Amqp10Error extends Error {
  readonly condition: string;
  readonly extent: Extent;
  readonly info: AmqpValue | undefined;

  constructor(condition: string, text: string, extent: Extent = 'link', info?: AmqpValue) {
    super(text);
    this.name = 'Amqp10Error';
    this.condition = condition;
    this.extent = extent;
    this.info = info;
  }

  toCondition(): ErrorCondition {
    return { condition: this.condition, description: this.message, info: this.info };
  }
}

const BY_CODE: Record<ErrorCode, string> = {
  'not-found': NOT_FOUND,
  'precondition-failed': PRECONDITION_FAILED,
  'resource-locked': RESOURCE_LOCKED,
  'access-refused': UNAUTHORIZED_ACCESS,
  'not-allowed': NOT_ALLOWED,
  'not-implemented': NOT_IMPLEMENTED,
  invalid: INVALID_FIELD,
  unavailable: RESOURCE_LIMIT_EXCEEDED,
  internal: INTERNAL_ERROR,
};

/** Any error as one that can be told to a client. What nobody foresaw becomes an internal error and hides its text. */
export function asAmqp10Error(error: unknown): Amqp10Error {
  if (error instanceof Amqp10Error) return error;
  if (error instanceof LimitError) return new Amqp10Error(RESOURCE_LIMIT_EXCEEDED, error.message);
  if (error instanceof BrokerError) return new Amqp10Error(BY_CODE[error.code], error.message);
  if (error instanceof SelectorError) return new Amqp10Error(INVALID_FIELD, error.message);
  if (error instanceof DecodeFault) return new Amqp10Error(DECODE_ERROR, error.message, 'connection');
  if (error instanceof FieldFault) {
    return new Amqp10Error(INVALID_FIELD, error.message, 'session', symbolMap([['field', symbol(error.field)]]));
  }
  return new Amqp10Error(INTERNAL_ERROR, 'the broker could not carry this out', 'connection');
}

/** Whether an error is one of the broker's own, which its operator is to hear of. */
export function isUnforeseen(error: unknown): boolean {
  return !(
    error instanceof Amqp10Error ||
    error instanceof BrokerError ||
    error instanceof SelectorError ||
    error instanceof DecodeFault ||
    error instanceof FieldFault
  );
}
