/** Between rabbitmq-client's messages, properties and errors and those of a scenario. */
import { ClosedByBroker, type Delivery, type Message, type Properties } from './client.ts';

type Body = Buffer | string | object;
/** What the library gives of a message, a return or a get. */
export type Raw = Properties & {
  readonly exchange: string;
  readonly routingKey: string;
  readonly deliveryTag: number;
  readonly redelivered: boolean;
  readonly messageCount: number;
  readonly replyCode: number;
  readonly replyText: string;
  readonly body: Body;
};

const CONNECTION_CLOSED_UNNAMED = new Set(['CONN_CLOSE', 'READ_END', 'ECONNRESET', 'EPIPE']);
const REPLY_CODES: Readonly<Record<string, number>> = {
  CONTENT_TOO_LARGE: 311,
  NO_CONSUMERS: 313,
  CONNECTION_FORCED: 320,
  INVALID_PATH: 402,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
};

/** The broker's word: the library puts the name of the method before it, and the code's name for the code. */
export function asClosing(error: unknown): ClosedByBroker | undefined {
  if (error instanceof ClosedByBroker) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === undefined || message === undefined) return undefined;
  if (CONNECTION_CLOSED_UNNAMED.has(code)) return new ClosedByBroker(0, '');
  const replyCode = REPLY_CODES[code];
  if (replyCode === undefined) return undefined;
  return new ClosedByBroker(replyCode, message.replace(/^(undefined|[A-Z][A-Za-z]+): /, ''));
}

export function toMessage(raw: Raw): Message {
  return { exchange: raw.exchange, routingKey: raw.routingKey, properties: toProperties(raw), body: toBody(raw.body) };
}

export function toDelivery(raw: Raw): Delivery {
  return { deliveryTag: raw.deliveryTag, redelivered: raw.redelivered, ...toMessage(raw) };
}

/** It reads a body of type text/plain into a string. */
export function toBody(body: Body): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

const NAMES = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
] as const;

export function toProperties(raw: Raw): Properties {
  const properties: Record<string, unknown> = {};
  for (const name of NAMES) if (raw[name] !== undefined) properties[name] = raw[name];
  if (raw.headers !== undefined && Object.keys(raw.headers).length === 0) delete properties['headers'];
  return properties as Properties;
}
