/** STOMP's spelling of properties and destinations; the same for both libraries. */
import type { MessageProperties } from './client.ts';

export const topicDestination = (levels: readonly string[]): string =>
  `/topic/${levels.map(encodeURIComponent).join('.')}`;
export const queueDestination = (queue: string): string => `/amq/queue/${encodeURIComponent(queue)}`;

export function toHeaders(properties: MessageProperties = {}): Record<string, string> {
  const headers: Record<string, string> = {};
  const set = (name: string, value: unknown): void => {
    if (value !== undefined) headers[name] = String(value);
  };
  if (properties.persistent ?? true) set('persistent', 'true');
  set('content-type', properties.contentType);
  set('correlation-id', properties.correlationId);
  set('amqp-message-id', properties.messageId);
  set('reply-to', properties.replyTo);
  set('priority', properties.priority);
  set('type', properties.type);
  set('app-id', properties.appId);
  set('timestamp', properties.timestampS);
  for (const [name, value] of Object.entries(properties.headers ?? {})) set(name, value);
  return headers;
}

/** Headers that are the frame's own business, not the message's. */
const OF_THE_FRAME = new Set([
  'destination',
  'message-id',
  'subscription',
  'ack',
  'content-length',
  'redelivered',
  'receipt-id',
]);

export function fromHeaders(from: Readonly<Record<string, unknown>>): MessageProperties {
  const properties: MessageProperties = { persistent: false };
  const headers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(from)) {
    const text = String(value);
    if (OF_THE_FRAME.has(name)) continue;
    else if (name === 'persistent') properties.persistent = text === 'true';
    else if (name === 'content-type') properties.contentType = text;
    else if (name === 'correlation-id') properties.correlationId = text;
    else if (name === 'amqp-message-id') properties.messageId = text;
    else if (name === 'reply-to') properties.replyTo = text;
    else if (name === 'priority') properties.priority = Number(text);
    else if (name === 'type') properties.type = text;
    else if (name === 'app-id') properties.appId = text;
    else if (name === 'timestamp') properties.timestampS = Number(text);
    else headers[name] = value;
  }
  properties.headers = headers;
  return properties;
}
