/** Between amqplib's messages, properties and errors and those of a scenario. */
import { ClosedByBroker, type Delivery, type Message, type Properties, type Table, type Value } from './client.ts';

export function asClosing(error: unknown): ClosedByBroker | undefined {
  if (error instanceof ClosedByBroker) return error;
  if (!(error instanceof Error)) return undefined;
  const text = /with message "([\s\S]*)"$/.exec(error.message)?.[1];
  if (text === undefined) return undefined;
  const code = (error as { code?: unknown }).code ?? /: (\d+) \(/.exec(error.message)?.[1];
  return new ClosedByBroker(Number(code), text);
}

/** A message as the library gives it. */
export interface Incoming {
  readonly fields: object;
  readonly properties: object;
  readonly content: Buffer;
}

export function toMessage(message: Incoming): Message {
  const { exchange, routingKey } = message.fields as Delivery;
  return { exchange, routingKey, properties: toProperties(message.properties), body: message.content };
}

export function toDelivery(message: Incoming): Delivery {
  const { deliveryTag, redelivered } = message.fields as Delivery;
  return { deliveryTag, redelivered, ...toMessage(message) };
}

export function toProperties(from: object): Properties {
  const present = Object.entries(from).filter(([, value]) => value !== undefined);
  const properties = Object.fromEntries(present) as { headers?: object };
  if (properties.headers !== undefined) {
    properties.headers = fromTable(properties.headers);
    // The library always sends a table; an empty one and none are the same to a scenario.
    if (Object.keys(properties.headers).length === 0) delete properties.headers;
  }
  return properties as Properties;
}

/** Plain objects with own properties, which is all the library encodes. */
export const toTable = (table: Table | undefined): Record<string, unknown> => ({ ...table });

export function fromTable(table: object): Table {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, fromValue(value)]));
}

export function fromValue(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromValue);
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value as Value;
  const typed = value as { '!'?: string; value?: Value };
  return typed['!'] === 'timestamp' ? typed.value! : fromTable(value);
}
