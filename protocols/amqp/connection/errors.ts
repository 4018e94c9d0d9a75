/**
 * Errors as AMQP 0-9-1 tells them: a reply code, a text that begins with the code's name, and how far the damage goes.
 * A soft error closes the channel, a hard one the connection. [§1.1, §4.10]
 */
import { BrokerError, type ErrorCode } from '../../../src/api/index.ts';
import { REPLY, type ReplyName } from '../codec/constants.ts';
import { FieldsFault, SyntaxFault, TextFault } from '../codec/faults.ts';

const SOFT: ReadonlySet<ReplyName> = new Set([
  'CONTENT_TOO_LARGE',
  'NO_ROUTE',
  'ACCESS_REFUSED',
  'NOT_FOUND',
  'RESOURCE_LOCKED',
  'PRECONDITION_FAILED',
]);

const REPLY_TEXT_BYTES_MAX = 255;

export class AmqpError extends Error {
  readonly reply: ReplyName;
  readonly hard: boolean;
  /** The method it is about; 0 for none, undefined for the channel's last one. */
  readonly about: number | undefined;

  /** @param text what follows `NAME - ` in the reply text */
  constructor(reply: ReplyName, text: string, about?: number) {
    super(text);
    this.name = 'AmqpError';
    this.reply = reply;
    this.hard = !SOFT.has(reply);
    this.about = about;
  }

  get replyCode(): number {
    return REPLY[this.reply];
  }

  /** As RabbitMQ words it: `NOT_FOUND - no queue 'q' in vhost '/'`. */
  get replyText(): string {
    const text = `${this.reply} - ${this.message}`;
    return Buffer.byteLength(text) <= REPLY_TEXT_BYTES_MAX ? text : `${cut(text)}...`;
  }
}

/** A client that is not let in, of which the operator has been told where that was decided. */
export class NotLetIn extends AmqpError {}

/** What RabbitMQ tells as INTERNAL_ERROR though its client is to blame: nobody needs to look for a fault of the broker's. */
export class ClientsMistake extends AmqpError {
  constructor(text: string) {
    super('INTERNAL_ERROR', text);
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
  if (error instanceof FieldsFault) return new AmqpError('FRAME_ERROR', error.message);
  if (error instanceof TextFault) return new AmqpError('FRAME_ERROR', error.message, 0);
  if (error instanceof SyntaxFault) return new AmqpError('SYNTAX_ERROR', error.message);
  return new AmqpError('INTERNAL_ERROR', 'the broker could not carry this out');
}

/** What is left of a text that must make room for three dots. */
function cut(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  let end = REPLY_TEXT_BYTES_MAX - 3;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

export function unknownTag(tag: number | bigint): AmqpError {
  return new AmqpError('PRECONDITION_FAILED', `unknown delivery tag ${tag}`);
}
