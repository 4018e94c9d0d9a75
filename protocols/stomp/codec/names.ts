/**
 * Commands and header names as numbers, told apart by their bytes: by length and first letter, then letter by letter.
 */
export const CONNECT = 1;
export const SEND = 2;
export const SUBSCRIBE = 3;
export const UNSUBSCRIBE = 4;
export const ACK = 5;
export const NACK = 6;
export const BEGIN = 7;
export const COMMIT = 8;
export const ABORT = 9;
export const DISCONNECT = 10;
/** Ours: the client proves anew who it is, with its `passcode`. */
export const UPDATE_SECRET = 11;

export const COMMAND_TEXT: readonly string[] = [
  '',
  'CONNECT',
  'SEND',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'ACK',
  'NACK',
  'BEGIN',
  'COMMIT',
  'ABORT',
  'DISCONNECT',
  'UPDATE-SECRET',
]; // prettier-ignore

/** Headers that are looked at on the way of every message, so that they are told apart while the bytes are walked. */
export const OTHER = 0;
export const DESTINATION = 1;
export const CONTENT_LENGTH = 2;
export const RECEIPT = 3;
export const TRANSACTION = 4;
export const PERSISTENT = 5;
export const MESSAGE_ID = 6;
export const SUBSCRIPTION = 7;
export const ACK_ID = 8;
export const REDELIVERED = 9;
export const ID = 10;
export const PRIORITY = 11;
export const EXPIRATION = 12;
export const EXPIRES = 13;
export const REPLY_TO = 14;
export const REQUEUE = 15;
export const USER_ID = 16;
export const SCHEDULED_DELAY = 17;
/** The ones that repeat a delayed message. */
export const SCHEDULED_AGAIN = 18;
export const GROUP_ID = 19;
/** When it is to be routed, in the words of AMQP 1.0. */
export const DELIVERY_TIME = 20;
export const DELIVERY_DELAY = 21;
export const HALF_MESSAGE = 22;
export const KINDS = 23;

const NAMES: readonly Buffer[] = [
  '',
  'destination',
  'content-length',
  'receipt',
  'transaction',
  'persistent',
  'message-id',
  'subscription',
  'ack',
  'redelivered',
  'id',
  'priority',
  'expiration',
  'expires',
  'reply-to',
  'requeue',
  'user-id',
  'AMQ_SCHEDULED_DELAY',
  '',
  'JMSXGroupID',
  'x-opt-delivery-time',
  'x-opt-delivery-delay',
  'x-half-message',
].map((name) => Buffer.from(name, 'latin1')); // prettier-ignore
const SCHEDULED_CRON = Buffer.from('AMQ_SCHEDULED_CRON');
const SCHEDULED_PERIOD = Buffer.from('AMQ_SCHEDULED_PERIOD');
const SCHEDULED_REPEAT = Buffer.from('AMQ_SCHEDULED_REPEAT');

/** The command that `buffer[start, end)` spells, 0 for none. STOMP is CONNECT by another name. */
export function commandOf(buffer: Buffer, start: number, end: number): number {
  switch (end - start) {
    case 3:
      return match(buffer, start, 'ACK', ACK);
    case 4:
      return buffer[start] === 0x53 ? match(buffer, start, 'SEND', SEND) : match(buffer, start, 'NACK', NACK);
    case 5:
      if (buffer[start] === 0x53) return match(buffer, start, 'STOMP', CONNECT);
      return buffer[start] === 0x42 ? match(buffer, start, 'BEGIN', BEGIN) : match(buffer, start, 'ABORT', ABORT);
    case 6:
      return match(buffer, start, 'COMMIT', COMMIT);
    case 7:
      return match(buffer, start, 'CONNECT', CONNECT);
    case 9:
      return match(buffer, start, 'SUBSCRIBE', SUBSCRIBE);
    case 10:
      return match(buffer, start, 'DISCONNECT', DISCONNECT);
    case 11:
      return match(buffer, start, 'UNSUBSCRIBE', UNSUBSCRIBE);
    case 13:
      return match(buffer, start, 'UPDATE-SECRET', UPDATE_SECRET);
    default:
      return 0;
  }
}

function match(buffer: Buffer, start: number, text: string, command: number): number {
  for (let i = 0; i < text.length; i++) if (buffer[start + i] !== text.charCodeAt(i)) return 0;
  return command;
}

/**
 * The kind of header whose name is there. Known names hold none of the characters that are escaped, so their raw bytes
 * decide.
 */
export function kindOf(buffer: Buffer, start: number, length: number): number {
  const initial = buffer[start];
  switch (length) {
    case 2:
      return initial === 0x69 ? named(buffer, start, ID) : OTHER;
    case 3:
      return initial === 0x61 ? named(buffer, start, ACK_ID) : OTHER;
    case 7:
      if (initial === 0x72) return named(buffer, start, RECEIPT) || named(buffer, start, REQUEUE);
      if (initial === 0x65) return named(buffer, start, EXPIRES);
      return initial === 0x75 ? named(buffer, start, USER_ID) : OTHER;
    case 8:
      if (initial === 0x70) return named(buffer, start, PRIORITY);
      return initial === 0x72 ? named(buffer, start, REPLY_TO) : OTHER;
    case 10:
      if (initial === 0x70) return named(buffer, start, PERSISTENT);
      if (initial === 0x6d) return named(buffer, start, MESSAGE_ID);
      return initial === 0x65 ? named(buffer, start, EXPIRATION) : OTHER;
    case 11:
      if (initial === 0x64) return named(buffer, start, DESTINATION);
      if (initial === 0x74) return named(buffer, start, TRANSACTION);
      if (initial === 0x4a) return named(buffer, start, GROUP_ID);
      return initial === 0x72 ? named(buffer, start, REDELIVERED) : OTHER;
    case 12:
      return initial === 0x73 ? named(buffer, start, SUBSCRIPTION) : OTHER;
    case 14:
      if (initial === 0x63) return named(buffer, start, CONTENT_LENGTH);
      return initial === 0x78 ? named(buffer, start, HALF_MESSAGE) : OTHER;
    case 18:
      return initial === 0x41 ? spelled(buffer, start, SCHEDULED_CRON, SCHEDULED_AGAIN) : OTHER;
    case 19:
      if (initial === 0x41) return named(buffer, start, SCHEDULED_DELAY);
      return initial === 0x78 ? named(buffer, start, DELIVERY_TIME) : OTHER;
    case 20:
      if (initial === 0x78) return named(buffer, start, DELIVERY_DELAY);
      if (initial !== 0x41) return OTHER;
      return (
        spelled(buffer, start, SCHEDULED_PERIOD, SCHEDULED_AGAIN) ||
        spelled(buffer, start, SCHEDULED_REPEAT, SCHEDULED_AGAIN)
      );
    default:
      return OTHER;
  }
}

function named(buffer: Buffer, start: number, kind: number): number {
  return spelled(buffer, start, NAMES[kind]!, kind);
}

function spelled(buffer: Buffer, start: number, name: Buffer, kind: number): number {
  for (let i = 0; i < name.length; i++) if (buffer[start + i] !== name[i]) return OTHER;
  return kind;
}
