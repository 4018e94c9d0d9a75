/**
 * Sends one large body and receives it, in a thread of its own: what the client libraries do with so many bytes at once
 * must not be taken for a pause of the broker. Told by `workerData`, answers with one message.
 */
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '../clients/connect.ts';
import { noise } from '../pairs/pairs.ts';
import { Inbox, within } from '../support/inbox.ts';
import type { LargeBodyJob, LargeBodyOutcome } from './run.ts';

const { addresses, from, to, bytes, queue } = workerData as LargeBodyJob;
const TIMEOUT_MS = 60_000;
const sha256 = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

// Repeated noise: quick to make, and a range that is swapped or lost still shows, as 64 KiB and the period have no common step.
const period = noise(65_521, 'large');
const body = Buffer.alloc(bytes);
for (let at = 0; at < bytes; at += period.length) period.copy(body, at);

const inbox = new Inbox();
const levels = ['large', queue];
const consumer = await connect(addresses, to);
if (to === 'amqp' && from === 'amqp')
  await consumer.consumeQueue(queue, (message) => void message.accept().then(() => inbox.take(message)));
else await consumer.subscribeTopic(levels, inbox.take);
const publisher = await connect(addresses, from);
parentPort!.postMessage('begins');
const startedMs = performance.now();
const message = { body, properties: { persistent: true } };
await within(
  from === 'amqp' && to === 'amqp' ? publisher.publishQueue(queue, message) : publisher.publishTopic(levels, message),
  TIMEOUT_MS,
  () => 'not confirmed',
);
const confirmedMs = performance.now() - startedMs;
const [received] = await inbox.atLeast(1, `${from} to ${to}, ${bytes} bytes`, TIMEOUT_MS);
const receivedMs = performance.now() - startedMs;
await publisher.close();
await consumer.close();
const outcome: LargeBodyOutcome = {
  equal: received!.body.length === bytes && sha256(received!.body) === sha256(body),
  bytes: received!.body.length,
  confirmedMs,
  receivedMs,
};
parentPort!.postMessage(outcome);
