/** Steps that many scenarios share. */
import { strict as assert } from 'node:assert';
import type { Harness } from '../harness.ts';
import type { RawClient } from '../raw-client.ts';

/** The broker closes the connection, and has not accepted a CONNECT on it. Returns what it said before. */
export async function refused(client: RawClient, timeoutMs?: number): Promise<string> {
  const how = await client.ended(timeoutMs);
  assert.ok(!how.includes('CONNACK 0x00'), `it was accepted: ${how}`);
  assert.ok(!how.startsWith('DISCONNECT'), 'DISCONNECT before CONNACK [MQTT-3.14.0-1]');
  return how;
}

/** Sends one CONNECT made by hand, which must be refused. */
export async function refusing(harness: Harness, bytes: Buffer): Promise<string> {
  const client = await harness.open();
  client.bytes(bytes);
  return refused(client);
}

/** What was sent on an open connection has the broker close it. Returns what it said before; never an acknowledgement. */
export async function closedBy(client: RawClient): Promise<string> {
  const how = await client.ended();
  assert.match(how, /^(DISCONNECT 0x[89a-f][0-9a-f], )?closed$/);
  return how;
}

/** Nothing comes before a marker that is published now to `topic`, which the subscriber must be subscribed to. */
export async function nothingBefore(
  subscriber: RawClient,
  publisher: RawClient,
  topic: string,
  qos = 0,
): Promise<void> {
  await publisher.publish(topic, 'marker', { qos });
  await subscriber.message('marker');
}

/** A subscriber and a publisher, the one subscribed to `filter`. */
export async function pair(
  harness: Harness,
  filter: string,
  qos = 0,
): Promise<[subscriber: RawClient, publisher: RawClient]> {
  const subscriber = await harness.connect();
  await subscriber.subscribe({ topic: filter, qos });
  return [subscriber, await harness.connect()];
}

/** Time passes: for what the specification bounds by time and nothing announces. */
export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
