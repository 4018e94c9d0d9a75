/**
 * `node bench/delays.ts [--messages N] [--over SECONDS] [--flow N] [--bytes N] [--json FILE]`: how late delayed messages come: a million
 * (default) of 64 bytes, persistent, confirmed, due at random times within a minute, in no order, while N messages a second (default 50,000)
 * flow through another queue. The broker is a process of its own; who gets what was delayed is a thread of its own, and tells the lateness
 * by its own clock, which is the broker's.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import amqplib from 'amqplib';
import { startEntrepot } from '../conformance/peers/index.ts';
import { Link } from './load/link.ts';

/** Messages between two looks at the confirms. */
const BATCH = 2_000;
/** Between the last publish, as far as it can be told ahead, and the first that is due. */
const LEAD_MS = 3_000;
/** What a publisher of the bench confirms a second, at the least. */
const PUBLISH_RATE = 50_000;
const FLOW_EVERY_MS = 10;

interface Reading {
  readonly port: number;
  readonly count: number;
}
interface Lateness {
  readonly count: number;
  readonly early: number;
  /** Milliseconds, sorted. */
  readonly lateMs: Float64Array;
}

if (isMainThread) await main();
else await read(workerData as Reading);

/** The thread that gets what was delayed. */
async function read({ port, count }: Reading): Promise<void> {
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${port}`);
  const channel = await client.createChannel();
  const lateMs = new Float64Array(count);
  let n = 0;
  let early = 0;
  await channel.consume(
    'late',
    (message) => {
      if (message === null || n === count) return;
      const late = Date.now() - message.content.readDoubleLE(0);
      if (late < 0) early++;
      lateMs[n++] = late;
      if (n === count) parentPort!.postMessage({ count: n, early, lateMs: lateMs.sort() } satisfies Lateness);
    },
    { noAck: true },
  );
  parentPort!.postMessage('ready');
  await once(parentPort!, 'message');
  await client.close();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      messages: { type: 'string', default: '1000000' },
      over: { type: 'string', default: '60' },
      flow: { type: 'string', default: '50000' },
      bytes: { type: 'string', default: '64' },
      json: { type: 'string' },
    },
  });
  const messages = Number(values.messages);
  const overMs = 1_000 * Number(values.over);
  const flow = Number(values.flow);
  const broker = await startEntrepot();
  /** Of the broker, seconds. */
  const processorTime = (): number => {
    if (process.platform !== 'linux') return 0;
    const fields = readFileSync(`/proc/${broker.pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  try {
    const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.amqpPort}`);
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('late', { durable: true });
    await channel.assertQueue('flow', { durable: true });

    const reader = new Worker(new URL(import.meta.url), {
      workerData: { port: broker.amqpPort, count: messages } satisfies Reading,
    });
    await once(reader, 'message');
    const got = once(reader, 'message');

    const began = Date.now();
    const firstDueMs = began + (1_000 * messages) / PUBLISH_RATE + LEAD_MS;
    const body = Buffer.alloc(Math.max(8, Number(values.bytes)), 'x');
    for (let sent = 0; sent < messages; ) {
      for (let n = Math.min(BATCH, messages - sent); n > 0; n--, sent++) {
        const dueMs = Math.floor(firstDueMs + Math.random() * overMs);
        const own = Buffer.from(body);
        own.writeDoubleLE(dueMs, 0);
        channel.sendToQueue('late', own, { persistent: true, headers: { 'x-opt-delivery-time': dueMs } });
      }
      await channel.waitForConfirms();
    }
    const publishMs = Date.now() - began;
    console.log(`published  ${messages} in ${(publishMs / 1_000).toFixed(1)} s`);
    if (began + publishMs > firstDueMs)
      throw new Error('publishing took longer than it was given: nothing can be told');

    const flowing = await flowThrough(broker.amqpPort, flow, () => firstDueMs + overMs + 1_000 - Date.now());
    const timeBefore = processorTime();
    await after(Math.max(0, firstDueMs - Date.now()));
    const [result] = (await got) as [Lateness];
    const { moved, seconds } = await flowing.ended;
    const at = (share: number): number => result.lateMs[Math.min(result.count - 1, Math.floor(result.count * share))]!;
    const figures = {
      ...{ messages, overMs, publishMs, early: result.early, flow: Math.round(moved / seconds) },
      ...{ p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: at(1) },
      processorSeconds: processorTime() - timeBefore,
    };
    console.log(
      `late       p50 ${figures.p50Ms} ms, p99 ${figures.p99Ms} ms, p99.9 ${figures.p999Ms} ms, at most ${figures.maxMs} ms; ${figures.early} early`,
    );
    console.log(
      `beside     ${figures.flow} a second for ${seconds.toFixed(0)} s; ${figures.processorSeconds.toFixed(1)} s of processor time`,
    );
    reader.postMessage('end');
    await client.close();
    if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
  } finally {
    await broker.stop();
  }
}

/** Messages through a queue at a rate, for as long as time is left. */
async function flowThrough(
  port: number,
  rate: number,
  leftMs: () => number,
): Promise<{ readonly ended: Promise<{ readonly moved: number; readonly seconds: number }> }> {
  const began = performance.now();
  if (rate === 0) return { ended: Promise.resolve({ moved: 0, seconds: 1 }) };
  const publisher = await Link.open(port);
  const consumer = await Link.open(port);
  const count = Math.floor((rate * leftMs()) / 1_000);
  const consumed = consumer.drain({ queue: 'flow', count, prefetch: 2_000 });
  const work = async (): Promise<{ readonly moved: number; readonly seconds: number }> => {
    for (let sent = 0; sent < count; ) {
      const due = Math.min(count, Math.floor(((performance.now() - began) * rate) / 1_000));
      if (due > sent) {
        await publisher.publish({ count: due - sent, bodyBytes: 64, window: 4_000, keys: ['flow'], plain: true });
        sent = due;
      }
      await after(FLOW_EVERY_MS);
    }
    await consumed;
    const seconds = (performance.now() - began) / 1_000;
    publisher.close();
    consumer.close();
    return { moved: count, seconds };
  };
  return { ended: work() };
}
