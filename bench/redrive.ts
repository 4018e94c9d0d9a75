/**
 * `node bench/redrive.ts [--messages N] [--bytes N] [--rate N]`: how fast dead letters go back to the queue that they died in (default: a
 * million of 64 bytes, as fast as it goes), and what a client beside notices: it confirms a message at a time, 500 a second at most,
 * before and meanwhile. The broker is a process of its own.
 */
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import amqplib from 'amqplib';
import { startEntrepot } from '../conformance/peers/index.ts';
import { Link } from './load/link.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '64' },
    rate: { type: 'string', default: '0' },
  },
});
const messages = Number(values.messages);
const PAUSE_MS = 2;
const BEFORE_MS = 4_000;

const broker = await startEntrepot();
const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
const v1 = async (path: string, body?: object): Promise<Record<string, unknown>> => {
  const response = await fetch(`http://127.0.0.1:${broker.httpPort}/v1/vhosts/%2F${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
};

/** Times of confirms in milliseconds, until `over`. */
async function beside(over: () => Promise<boolean> | boolean): Promise<number[]> {
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.amqpPort}`);
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('beside', { maxLength: 10 });
  const times: number[] = [];
  let lookedMs = performance.now();
  for (let ended = false; !ended; ) {
    const began = performance.now();
    channel.sendToQueue('beside', Buffer.from('x'), { persistent: true });
    await channel.waitForConfirms();
    times.push(performance.now() - began);
    await after(PAUSE_MS);
    if (performance.now() - lookedMs < 100) continue;
    lookedMs = performance.now();
    ended = await over();
  }
  await client.close();
  return times.toSorted((a, b) => a - b);
}

const told = (times: readonly number[]): string =>
  `p50 ${times[times.length >> 1]!.toFixed(2)} ms, p99 ${times[Math.floor(times.length * 0.99)]!.toFixed(2)} ms (${times.length})`;

try {
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${broker.amqpPort}`);
  const channel = await client.createChannel();
  await channel.assertQueue('dead');
  const declared = { deadLetterExchange: '', deadLetterRoutingKey: 'dead', arguments: { 'x-max-length': 0 } };
  await channel.assertQueue('origin', declared);
  const link = await Link.open(broker.amqpPort);
  await link.publish({
    count: messages,
    bodyBytes: Number(values.bytes),
    window: 2_000,
    keys: ['origin'],
    plain: true,
  });
  link.close();
  while ((await channel.checkQueue('dead')).messageCount < messages) await after(50);
  // What dies here once more would be looked at by nobody, but it would be work.
  await channel.deleteQueue('origin');
  await channel.assertQueue('origin');
  await client.close();

  const until = performance.now() + BEFORE_MS;
  console.log(`before     ${told(await beside(() => performance.now() > until))}`);
  const began = performance.now();
  const { id } = await v1('/queues/dead/redrives', { rate: Number(values.rate) });
  let took = 0;
  const times = await beside(async () => {
    const { state } = await v1(`/redrives/${id as string}`);
    if (state !== 'running') took = performance.now() - began;
    return state !== 'running';
  });
  console.log(`meanwhile  ${told(times)}`);
  const { state, moved } = await v1(`/redrives/${id as string}`);
  console.log(
    `${state as string}: ${moved as number} in ${(took / 1000).toFixed(1)} s, ${Math.round(((moved as number) / took) * 1000)} a second`,
  );
} finally {
  await broker.stop();
}
