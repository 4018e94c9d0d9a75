/**
 * `node bench/lists.ts [--queues N] [--connections N] [--seconds S]`: what it costs to look at a large broker over RabbitMQ's HTTP API.
 *
 * A broker of its own process with 100,000 queues and 10,000 connections (MQTT) unless said. For each list: how long its first page
 * takes when it is asked for the first time and the longest of five times more, and how far resident memory has moved since before the
 * first question. Then, for some seconds each, a client beside confirms a message at a time, with nobody who lists and while
 * somebody pages through all queues: its 50th and 99th percentile. Both sides hold sockets: `ulimit -n` must be above the connections.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import amqplib, { type ConfirmChannel } from 'amqplib';
import { connect as connectPacket, text } from '../conformance/mqtt/wire.ts';
import { startEntrepot } from '../conformance/peers/index.ts';

const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '10' },
  },
});
const queues = Number(values.queues);
const connections = Number(values.connections);
const seconds = Number(values.seconds);
const MB = 1024 * 1024;
/** What is promised of the first page of each list. */
const FIRST_PAGE_MS = 100;
const MEMORY_BYTES = 20 * MB;

const peer = await startEntrepot();
const sockets: Socket[] = [];
let missed = false;
try {
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}`);
  const channel = await client.createConfirmChannel();
  await declareQueues(channel);
  await connectClients();
  await channel.assertQueue('beside', { durable: false });
  await after(6_000); // a sample is taken meanwhile, and what came with the clients has settled
  const before = await residentBytes();
  console.log(`${queues} queues, ${connections} connections, ${megabytes(before)} resident`);
  for (const path of [
    'queues?page=1&page_size=100',
    'queues?page=1&page_size=100&sort=messages&sort_reverse=true',
    'queues?page=1&page_size=100&name=q99',
    `queues?page=${Math.ceil(queues / 200)}&page_size=100`,
    'exchanges?page=1',
    'connections?page=1&page_size=100',
    'channels?page=1&page_size=100',
    'consumers',
    'overview',
    'vhosts?page=1',
  ]) {
    await timePath(path, before);
  }
  await timeWhole('queues?disable_stats=true', before);
  await timeWhole('bindings', before);
  const alone = await confirmTimes(channel, seconds, async () => {});
  const beside = await confirmTimes(channel, seconds, pageThrough);
  console.log(
    `a confirm beside nobody:            p50 ${ms(alone.p50)}, p99 ${ms(alone.p99)} (${alone.count} of them)`,
  );
  console.log(
    `a confirm beside who pages through: p50 ${ms(beside.p50)}, p99 ${ms(beside.p99)} (${beside.count} of them)`,
  );
  if (beside.p99 > 2 * alone.p99) missed = true;
  await client.close();
} finally {
  for (const socket of sockets) socket.destroy();
  await peer.stop();
}
if (missed) console.log('MISSED: see above');
process.exit(missed ? 1 : 0);

async function declareQueues(channel: ConfirmChannel): Promise<void> {
  for (let at = 0; at < queues; at += 1_000) {
    const names = Array.from({ length: Math.min(1_000, queues - at) }, (_, i) => `q${at + i}`);
    await Promise.all(names.map((name) => channel.assertQueue(name, { durable: false })));
  }
}

async function connectClients(): Promise<void> {
  for (let at = 0; at < connections; at += 200) {
    const batch = Array.from({ length: Math.min(200, connections - at) }, (_, i) => connectOne(`c${at + i}`));
    await Promise.all(batch);
  }
}

function connectOne(clientId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(peer.mqttPort, '127.0.0.1', () =>
      socket.write(connectPacket({ level: 4, payload: [text(clientId)] })),
    );
    socket.once('data', () => resolve());
    socket.once('error', reject);
    sockets.push(socket);
  });
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${peer.pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function get(path: string): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${peer.httpPort}/api/${path}`, {
    headers: { authorization: `Basic ${btoa('guest:guest')}` },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** Milliseconds until the whole answer is there. */
async function timeOnce(path: string): Promise<number> {
  const startedMs = performance.now();
  await (await get(path)).arrayBuffer();
  return performance.now() - startedMs;
}

async function timePath(path: string, before: number): Promise<void> {
  const first = await timeOnce(path);
  const again: number[] = [];
  for (let n = 0; n < 5; n++) again.push(await timeOnce(path));
  const longest = Math.max(...again);
  const moved = (await residentBytes()) - before;
  const within = first <= FIRST_PAGE_MS && longest <= FIRST_PAGE_MS && moved <= MEMORY_BYTES;
  if (!within) missed = true;
  console.log(
    `${path.padEnd(62)} first ${ms(first)}, then at most ${ms(longest)}, memory ${megabytes(moved)}${within ? '' : '  <-- missed'}`,
  );
}

/** A list without pages: until its first bytes, and until all are there. */
async function timeWhole(path: string, before: number): Promise<void> {
  const startedMs = performance.now();
  const response = await get(path);
  const reader = response.body!.getReader();
  let firstMs = 0;
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    firstMs ||= performance.now() - startedMs;
    bytes += value.length;
  }
  const moved = (await residentBytes()) - before;
  console.log(
    `${path.padEnd(62)} first bytes ${ms(firstMs)}, ${megabytes(bytes)} in ${ms(performance.now() - startedMs)}, memory ${megabytes(moved)}`,
  );
}

/** In a process of its own: what it reads costs it time, which is not to be the other client's. */
async function pageThrough(going: () => boolean): Promise<void> {
  const base = `http://127.0.0.1:${peer.httpPort}/api/queues?page_size=100&page=`;
  const pages = Math.max(1, Math.floor(queues / 100));
  const program = `
    const authorization = 'Basic ' + btoa('guest:guest');
    for (let page = 1; ; page = (page % ${pages}) + 1) {
      await (await fetch('${base}' + page, { headers: { authorization } })).arrayBuffer();
    }`;
  const pager = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
  while (going()) await after(50);
  pager.kill();
}

/** Publishes and waits for the confirm, one after the other, while something else goes on. */
async function confirmTimes(
  channel: ConfirmChannel,
  forSeconds: number,
  other: (going: () => boolean) => Promise<void>,
) {
  const times: number[] = [];
  const endMs = performance.now() + forSeconds * 1000;
  const going = (): boolean => performance.now() < endMs;
  const beside = other(going);
  while (going()) {
    const startedMs = performance.now();
    await new Promise<void>((resolve, reject) => {
      channel.sendToQueue('beside', Buffer.from('x'), {}, (error) => (error ? reject(error) : resolve()));
    });
    times.push(performance.now() - startedMs);
    await after(1);
  }
  await beside;
  times.sort((a, b) => a - b);
  return { count: times.length, p50: times[times.length >> 1]!, p99: times[Math.floor(times.length * 0.99)]! };
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function megabytes(value: number): string {
  return `${(value / MB).toFixed(1)} MB`;
}
