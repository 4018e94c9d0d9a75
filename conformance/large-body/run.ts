/**
 * A body too large to be held in one piece goes in and out while small messages keep flowing beside it: the longest gap
 * between two of them is what the large one costs everybody else.
 */
import { Worker } from 'node:worker_threads';
import amqp from 'amqplib';
import type { Wire } from '../clients/client.ts';
import type { Peer } from '../peers/index.ts';
import { within } from '../support/inbox.ts';

export interface LargeBodyJob {
  /** The peer, as far as it can be sent to a thread. */
  readonly addresses: Peer;
  readonly from: Wire;
  readonly to: Wire;
  readonly bytes: number;
  readonly queue: string;
}

export interface LargeBodyOutcome {
  readonly equal: boolean;
  readonly bytes: number;
  readonly confirmedMs: number;
  readonly receivedMs: number;
}

export interface LargeBodyReport extends LargeBodyOutcome {
  /** Small messages that went through meanwhile, and the longest time without one. */
  readonly ticks: number;
  readonly gapMaxMs: number;
}

export async function runLargeBody(peer: Peer, from: Wire, to: Wire, bytes: number): Promise<LargeBodyReport> {
  const model = await amqp.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}?heartbeat=0`);
  const channel = await model.createChannel();
  const queue = `large-${from}-${to}`;
  await channel.assertQueue(queue, { durable: true });

  // A ticker: a small message a millisecond, there and back.
  const { queue: ticks } = await channel.assertQueue('', { exclusive: true });
  let count = 0;
  let lastMs = 0;
  let gapMaxMs = 0;
  let measuring = false;
  await channel.consume(
    ticks,
    () => {
      const nowMs = performance.now();
      if (measuring && lastMs > 0) gapMaxMs = Math.max(gapMaxMs, nowMs - lastMs);
      if (measuring) count++;
      lastMs = nowMs;
    },
    { noAck: true },
  );
  const ticker = setInterval(() => channel.sendToQueue(ticks, Buffer.from('tick')), 1);

  const { kind, version, amqpPort, mqttPort, stompPort, httpPort, wsPort, wsMqttUrl, wsStompUrl, pid } = peer;
  const addresses = { kind, version, amqpPort, mqttPort, stompPort, httpPort, wsPort, wsMqttUrl, wsStompUrl, pid };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { addresses, from, to, bytes, queue },
    execArgv: [],
  });
  try {
    const outcome = await within(
      new Promise<LargeBodyOutcome>((resolve, reject) => {
        worker.on('message', (message: 'begins' | LargeBodyOutcome) => {
          if (message === 'begins') measuring = true;
          else resolve(message);
        });
        worker.once('error', reject);
        worker.once('exit', (code) => reject(new Error(`the large body's thread ended with ${code}`)));
      }),
      90_000,
      () => `${from} to ${to}: ${bytes} bytes did not go through`,
    );
    // The gap that is still open counts as well.
    gapMaxMs = Math.max(gapMaxMs, performance.now() - lastMs);
    return { ...outcome, ticks: count, gapMaxMs };
  } finally {
    clearInterval(ticker);
    await worker.terminate();
    await channel.deleteQueue(queue);
    await model.close();
  }
}
