/**
 * Errors as AMQP 0-9-1 tells them: a reply code, a text that begins with the code's name, and how far the damage goes.
 * A soft error closes the channel, a hard one the connection. [§1.1, §4.10]
 */
import { BrokerError, type ErrorCode } from '../../src/message/errors.ts';
import { REPLY, type ReplyName } from './codec/constants.ts';
import { SyntaxFault } from './codec/fault.ts';

const SOFT: ReadonlySet<ReplyName> = new Set([
  'CONTENT_TOO_LARGE',
  'NO_ROUTE',
  'ACCESS_REFUSED',
  'NOT_FOUND',
  'RESOURCE_LOCKED',
  'PRECONDITION_FAILED',
]);

export class AmqpError extends Error {
  readonly reply: ReplyName;
  readonly hard: boolean;

  /** @param text what follows `NAME - ` in the reply text */
  constructor(reply: ReplyName, text: string, hard = !SOFT.has(reply)) {
    super(text);
    this.name = 'AmqpError';
    this.reply = reply;
    this.hard = hard;
  }

  get replyCode(): number {
    return REPLY[this.reply];
  }

  /** As RabbitMQ words it: `NOT_FOUND - no queue 'q' in vhost '/'`. */
  get replyText(): string {
    return `${this.reply} - ${this.message}`;
  }
}

const BY_CODE: Record<ErrorCode, ReplyName> = {
  'not-found': 'NOT_FOUND',
  'precondition-failed': 'PRECONDITION_FAILED',
  'resource-locked': 'RESOURCE_LOCKED',
  'access-refused': 'ACCESS_REFUSED',
  'not-allowed': 'NOT_ALLOWED',
  'not-implemented': 'NOT_IMPLEMENTED',
  invalid: 'COMMAND_INVALID',
  unavailable: 'RESOURCE_ERROR',
  internal: 'INTERNAL_ERROR',
};

/** Any error as one that can be told to a client. What nobody foresaw becomes INTERNAL_ERROR and hides its text. */
export function asAmqpError(error: unknown): AmqpError {
  if (error instanceof AmqpError) return error;
  if (error instanceof BrokerError) return new AmqpError(BY_CODE[error.code], error.message);
  if (error instanceof SyntaxFault) return new AmqpError('SYNTAX_ERROR', error.message);
  return new AmqpError('INTERNAL_ERROR', 'the broker could not carry this out');
}
