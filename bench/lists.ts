/**
 * `node bench/lists.ts [--queues N] [--connections N] [--messages N] [--seconds S] [--data DIR] [--only TEXT] [--node OPTION] [--pin]
 * [--wait]`: what it costs to look at a large broker over both HTTP APIs.
 *
 * A broker of its own process, with 100,000 durable queues in which 10,000,000 messages wait (some 2 GB of disk), and 10,000
 * connections of MQTT clients with a kept session, a subscription and a retained message each, unless said otherwise; exchanges, users
 * and policies besides (`lists/fill.ts`). For each list: how long its first page takes when it is asked for the first time, the longest
 * of five times more, how much of its processor the broker's main thread took for each on the average (whatever else goes on on the machine), and how
 * far resident memory has moved: at its highest meanwhile, and since before the first question of all. Then a
 * client beside confirms a message at a time while nobody lists, while somebody pages through all queues, and while somebody asks as
 * often for next to nothing, which is what another busy process costs on this machine whatever it is told; at several paces, several
 * stretches of each in turn: 50th and 99th percentile; and beside a backup. Who asks runs only when nobody else wants a processor (Linux' chrt; or else at the
 * lowest priority).
 *
 * With --pin the broker has one processor and the clients another (Linux' taskset): so nobody is measured waiting for his turn on a
 * machine that has too few processors. With --data
 * the directory is filled if it is not there yet, and kept. --node is an option for the broker's Node. With --wait a line on standard input starts what is measured.
 * Both sides hold sockets: `ulimit -n` must be above the connections.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import amqplib, { type ConfirmChannel } from 'amqplib';
import { connect as connectPacket, packet, publish, text, u16 } from '../conformance/mqtt/wire.ts';
import { startEntrepot } from '../conformance/peers/index.ts';

const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '10000' },
    messages: { type: 'string', default: '10000000' },
    seconds: { type: 'string', default: '20' },
    data: { type: 'string' },
    only: { type: 'string', default: '' },
    node: { type: 'string', multiple: true, default: [] },
    pin: { type: 'boolean', default: false },
    wait: { type: 'boolean', default: false },
  },
});
const queues = Number(values.queues);
const connections = Number(values.connections);
const messages = Number(values.messages);
const MB = 1024 * 1024;
/** What is promised of the first page of each list. */
const FIRST_PAGE_MS = 100;
const MEMORY_BYTES = 20 * MB;
/** Each kind of neighbour has so many stretches. */
const STRETCHES = 4;
/** Questions a second; 0: as many as are answered. */
const PACES = [20, 100, 500, 0];

const half = Math.ceil(queues / 200);
const PAGES = [
  'api/queues?page=1&page_size=100',
  'api/queues?page=1&page_size=100&sort_reverse=true',
  'api/queues?page=1&page_size=100&sort=messages&sort_reverse=true',
  'api/queues?page=1&page_size=100&sort=message_stats.publish&sort_reverse=true',
  'api/queues?page=1&page_size=100&sort=policy',
  'api/queues?page=1&page_size=100&name=q99',
  'api/queues?page=1&page_size=100&name=%5Eq9.*7%24&use_regex=true',
  `api/queues?page=${half}&page_size=100`,
  `api/queues?page=${half}&page_size=100&sort=messages`,
  'api/queues?page=1&page_size=500',
  'api/queues?page=1&page_size=100&disable_stats=true&enable_queue_totals=true',
  'api/exchanges?page=1',
  'api/exchanges?page=1&sort=type',
  'api/connections?page=1&page_size=100',
  'api/connections?page=1&page_size=100&sort=recv_oct_details.rate&sort_reverse=true',
  'api/connections?page=1&page_size=100&name=127',
  'api/channels?page=1&page_size=100',
  'api/channels?page=1&page_size=100&sort=messages_unacknowledged',
  'api/overview',
  'api/nodes',
  'api/vhosts?page=1',
  'api/users?page=1',
  'api/permissions',
  'api/policies',
  'v1/vhosts/%2F/queues',
  'v1/vhosts/%2F/queues?name=q99',
  'v1/vhosts/%2F/queues?paused=true',
  'v1/vhosts/%2F/sessions',
  'v1/vhosts/%2F/sessions?connected=true',
  'v1/vhosts/%2F/retained',
  'v1/vhosts/%2F/policies',
  'v1/vhosts/%2F/queues/long/messages?limit=50',
  'v1/vhosts/%2F/queues/long/messages?limit=50&from=newest',
  `v1/vhosts/%2F/queues/long/messages?limit=50&from=position:${Math.floor(messages / 20)}`,
  'v1/vhosts/%2F/queues/q77/messages?limit=50',
  'metrics',
  'metrics?prefix=rabbitmq',
  'metrics?family=queues',
];
/** Without pages: what counts is their first bytes, and what all of it costs in memory. */
const WHOLES = [
  'api/consumers',
  'api/bindings',
  'api/queues',
  'api/queues?disable_stats=true',
  'api/queues?sort=messages',
  'api/connections',
  'api/channels',
  'metrics?family=queues&top=all',
  'metrics/per-object',
];

const own = values.data === undefined ? await mkdtemp(join(tmpdir(), 'entrepot-lists-')) : undefined;
const data = join(values.data ?? own!, `${queues}-${messages}`);
if (!existsSync(data)) await fill();
const startedMs = performance.now();
const peer = await startEntrepot({
  data,
  readyTimeoutMs: 120_000,
  nodeOptions: values.node,
  under: values.pin ? ['taskset', '-c', '0'] : [],
  // Beside these there are a client and who asks.
  environment: { ENTREPOT_CONNECTIONS_MAX: String(connections + 1_000) },
});
console.log(`ready after ${ms(performance.now() - startedMs)}`);
if (values.pin) execFileSync('taskset', ['-cp', '1', String(process.pid)]);
const url = `http://127.0.0.1:${peer.httpPort}/`;
const authorization = `Basic ${btoa('guest:guest')}`;
const sockets: Socket[] = [];
let missed = false;
try {
  for (let at = 0; at < connections; at += 200) {
    const batch = Array.from({ length: Math.min(200, connections - at) }, (_, i) => connectOne(`c${at + i}`));
    await Promise.all(batch);
  }
  const client = await amqplib.connect(`amqp://guest:guest@127.0.0.1:${peer.amqpPort}`);
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('beside', { durable: false });
  await settled(); // samples are taken meanwhile, and what came with the clients is written down
  if (values.wait) {
    console.log('ready');
    await once(process.stdin, 'data');
    process.stdin.unref();
  }
  const before = (await resident()).now;
  console.log(`${queues} queues, ${messages} messages, ${connections} connections, ${megabytes(before)} resident`);
  for (const path of PAGES) if (path.includes(values.only)) await timePage(path, before);
  for (const path of WHOLES) if (path.includes(values.only)) await timeWhole(path, before);
  if ('beside'.includes(values.only)) await timeBeside(channel);
  await client.close();
} finally {
  for (const socket of sockets) socket.destroy();
  await peer.stop();
  if (own !== undefined) await rm(own, { recursive: true, force: true });
}
if (missed) console.log('MISSED: see above');
process.exit(missed ? 1 : 0);

async function fill(): Promise<void> {
  const program = fileURLToPath(new URL('lists/fill.ts', import.meta.url));
  const given = ['--data', `${data}-begun`, '--queues', String(queues), '--messages', String(messages)];
  const [code] = await once(spawn(process.execPath, [program, ...given], { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error(`the data directory could not be filled: ${code}`);
  await rename(`${data}-begun`, data);
}

/** Takes up a kept session, subscribes, and has a message retained. */
function connectOne(clientId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(peer.mqttPort, '127.0.0.1', () =>
      socket.write(connectPacket({ level: 4, flags: 0xc0, payload: [text(clientId), text('guest'), text('guest')] })),
    );
    socket.once('data', (connack: Buffer) => {
      if (connack[3] !== 0) reject(new Error(`refused: ${connack.toString('hex')}`));
      socket.once('data', () => resolve());
      socket.write(publish(4, 0x31, `state/${clientId}`, undefined, 'on'));
      socket.write(packet(0x82, u16(1), text(`command/${clientId}`), 1));
    });
    socket.once('error', reject);
    sockets.push(socket);
  });
}

/** Bytes: now, and at the highest since it was asked last. */
async function resident(): Promise<{ now: number; highest: number }> {
  const status = await readFile(`/proc/${peer.pid}/status`, 'latin1');
  await writeFile(`/proc/${peer.pid}/clear_refs`, '5');
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), highest: bytes('VmHWM') };
}

/** Milliseconds of a processor that the broker's main thread has had. */
async function processorMs(): Promise<number> {
  const [ns = '0'] = (await readFile(`/proc/${peer.pid}/task/${peer.pid}/schedstat`, 'latin1')).split(' ');
  return Number(ns) / 1e6;
}

/** Waits until memory has stopped moving by itself, for a minute at most. */
async function settled(): Promise<void> {
  let last = (await resident()).now;
  for (let quiet = 0, tries = 0; quiet < 3 && tries < 12; tries++) {
    await after(5_000);
    const { now } = await resident();
    quiet = Math.abs(now - last) < MB / 2 ? quiet + 1 : 0;
    last = now;
  }
}

async function get(path: string, encoding = 'identity'): Promise<Response> {
  const response = await fetch(url + path, { headers: { authorization, 'accept-encoding': encoding } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** Milliseconds until the whole answer is there. */
async function timeOnce(path: string): Promise<number> {
  const startedMs = performance.now();
  await (await get(path)).arrayBuffer();
  return performance.now() - startedMs;
}

async function timePage(path: string, before: number): Promise<void> {
  const start = (await resident()).now;
  const firstFrom = await processorMs();
  const first = await timeOnce(path);
  const from = await processorMs();
  const again: number[] = [];
  for (let n = 0; n < 5; n++) again.push(await timeOnce(path));
  const longest = Math.max(...again);
  const { now, highest } = await resident();
  const within = first <= FIRST_PAGE_MS && longest <= FIRST_PAGE_MS && highest - start <= MEMORY_BYTES;
  if (!within) missed = true;
  const processor = `${ms(from - firstFrom)} and ${ms(((await processorMs()) - from) / again.length)} of a processor`;
  const times = `first ${ms(first)}, then at most ${ms(longest)}, ${processor}`;
  console.log(`${path.padEnd(76)} ${times}, ${moved(start, highest, now - before)}${within ? '' : '  <-- missed'}`);
}

/** A list without pages: until its first bytes, and until all are there. */
async function timeWhole(path: string, before: number): Promise<void> {
  const start = (await resident()).now;
  const startedMs = performance.now();
  const response = await get(path);
  let firstMs = 0;
  let bytes = 0;
  for await (const piece of response.body!) {
    firstMs ||= performance.now() - startedMs;
    bytes += piece.length;
  }
  const all = `${megabytes(bytes)} in ${ms(performance.now() - startedMs)}`;
  const { now, highest } = await resident();
  const within = firstMs <= FIRST_PAGE_MS && highest - start <= MEMORY_BYTES;
  if (!within) missed = true;
  console.log(
    `${path.padEnd(76)} first bytes ${ms(firstMs)}, ${all}, ${moved(start, highest, now - before)}${within ? '' : '  <-- missed'}`,
  );
}

/** A client beside nobody, beside who pages through all queues, and beside who asks as often for next to nothing, at several paces. */
async function timeBeside(channel: ConfirmChannel): Promise<void> {
  const kinds = [
    { kind: 'nobody', path: '', pages: 0, pace: 0 },
    ...PACES.flatMap((pace) => [
      {
        kind: `who pages through all queues, ${said(pace)}`,
        path: 'api/queues?page_size=100&page=',
        pages: queues / 100,
        pace,
      },
      { kind: `who asks for next to nothing, ${said(pace)}`, path: 'healthz?', pages: 100, pace },
    ]),
    { kind: 'who takes a backup', path: 'v1/backup#', pages: 1, pace: 0 },
  ];
  const found = kinds.map(() => ({ times: [] as number[], answers: 0, bytes: 0 }));
  const seconds = Number(values.seconds) / STRETCHES;
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    for (const [i, { path, pages, pace }] of kinds.entries()) {
      const asking = path === '' ? undefined : ask(path, pages, pace);
      found[i]!.times.push(...(await confirmTimes(channel, seconds)));
      if (asking === undefined) continue;
      const { answers, bytes } = await asking.ended();
      found[i]!.answers += answers;
      found[i]!.bytes += bytes;
    }
  }
  let alone = 0;
  for (const [i, { kind, path }] of kinds.entries()) {
    const { times, answers, bytes } = found[i]!;
    times.sort((a, b) => a - b);
    const at = (part: number): number => times[Math.floor(times.length * part)]!;
    const p99 = at(0.99);
    if (path === '') alone = p99;
    const rate =
      path === ''
        ? ''
        : `, ${(answers / (seconds * STRETCHES)).toFixed(0)} answers and ${megabytes(bytes / (seconds * STRETCHES))} a second`;
    const within = !path.startsWith('api') || p99 <= 2 * alone;
    if (!within) missed = true;
    console.log(
      `a confirm beside ${kind}:`.padEnd(76) +
        ` p50 ${ms(at(0.5))}, p99 ${ms(p99)} (${(p99 / alone).toFixed(1)} x), p99.9 ${ms(at(0.999))}${rate}${within ? '' : '  <-- missed'}`,
    );
  }
}

function said(pace: number): string {
  return pace === 0 ? 'as fast as answers come' : `${pace} a second`;
}

/**
 * In a process of its own, which the system serves when no other wants a processor: what it reads costs it time, as it would on a machine of
 * its own, and that is not to be the broker's or the other client's.
 */
function ask(path: string, pages: number, pace: number): { ended(): Promise<{ answers: number; bytes: number }> } {
  const program = fileURLToPath(new URL('lists/pager.ts', import.meta.url));
  const given = [program, url + path, authorization, String(Math.max(1, Math.floor(pages))), String(pace)];
  const idle = existsSync('/usr/bin/chrt');
  const [command = '', ...before] = idle ? ['chrt', '--idle', '0', process.execPath] : [process.execPath];
  const other = spawn(command, [...before, ...given], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!idle) setPriority(other.pid!, constants.priority.PRIORITY_LOW);
  const closed = once(other, 'close');
  let printed = '';
  other.stdout!.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  return {
    async ended() {
      if (other.exitCode !== null) throw new Error(`who asks for ${path} has ended by itself`);
      other.kill();
      await closed;
      const [answers = 0, bytes = 0] = printed.split(' ').map(Number);
      return { answers, bytes };
    },
  };
}

/** Milliseconds each: publishes and waits for the confirm, one after the other, while something else goes on. */
async function confirmTimes(channel: ConfirmChannel, forSeconds: number): Promise<number[]> {
  const times: number[] = [];
  await after(700); // the other process has begun
  const endMs = performance.now() + forSeconds * 1000;
  while (performance.now() < endMs) {
    const startedMs = performance.now();
    await new Promise<void>((resolve, reject) => {
      channel.sendToQueue('beside', Buffer.from('x'), {}, (error) => (error ? reject(error) : resolve()));
    });
    times.push(performance.now() - startedMs);
    await after(1);
  }
  return times;
}

function moved(start: number, highest: number, since: number): string {
  return `memory ${megabytes(highest - start)} (${megabytes(since)} in all)`;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function megabytes(value: number): string {
  return `${(value / MB).toFixed(1)} MB`;
}
