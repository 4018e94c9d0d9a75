/**
 * `node bench/interleaved.ts [--queues 1000] [--each 300] [--body 1024] [--peers entrepot,rabbitmq] [--rest S] [--data DIR]`: one queue
 * of many that were filled message by message, drained alone by a broker that has just started; beside it queues that were filled
 * alone. It is what a consumer meets that was away for a night.
 *
 * Between filling and killing the broker is left alone until its files have not changed for three seconds, which lets it do what it does by itself
 * when nothing else is to be done, and the line says how long that took; `--rest S` waits so many seconds instead, `--rest 0` not at all.
 *
 * The files of the broker are taken out of the system's cache before each drain (GNU `dd` does that, file by file, so that others on the machine
 * keep theirs), so that what is read comes from the disk, as it does where there is more of it than memory.
 *
 * Figures are messages a second: filling, draining (the median of nine queues; of some hundred at once), and publishing while queue after
 * queue is drained, interleaved ones and ones that were filled alone: both take the broker's one thread.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { installed, type RestartablePeer, startEntrepot, startRabbitmq } from '../conformance/peers/index.ts';
import { Link } from './load/link.ts';

const { values } = parseArgs({
  options: {
    queues: { type: 'string', default: '1000' },
    each: { type: 'string', default: '300' },
    body: { type: 'string', default: '1024' },
    peers: { type: 'string', default: 'entrepot,rabbitmq' },
    rest: { type: 'string', default: '' },
    // Not for figures: everything is read from memory.
    prefetch: { type: 'string', default: '2000' },
    warm: { type: 'boolean', default: false },
    data: { type: 'string', default: tmpdir() },
  },
});
const queues = Number(values.queues);
const each = Number(values.each);
const bodyBytes = Number(values.body);
const prefetch = Number(values.prefetch);
if (![queues, each, bodyBytes, prefetch].every((n) => n >= 1) || queues < 10) {
  console.error('--queues takes a number from 10 on, --each, --body and --prefetch one from 1 on');
  process.exit(2);
}

const WINDOW = 4096;
const MIB = 1024 * 1024;
const QUIET_MS = 3000;
const REST_MAX_MS = 600_000;
/** Messages drained while one round of publishing goes on, about. */
const BESIDE = 60_000;
const ROUNDS = 3;
const FILES_EACH_TIME = 200;
const run = promisify(execFile);

const k = (rate: number): string => `${(rate / 1000).toFixed(1)} k/s`;
const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1]!;

function line(peer: string, what: string, figure: string): void {
  console.log(`${peer.padEnd(10)} ${what.padEnd(52)} ${figure}`);
}

/**
 * The system keeps nothing of these files in memory.
 * @param again it is so already but for what was read since: nothing is done where there are very many files, of which a queue has its own
 */
async function forgetFiles(directory: string, again = false): Promise<void> {
  if (values.warm) return;
  const paths: string[] = [];
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true && found.size > 0) paths.push(path);
  }
  if (again && paths.length > FILES_EACH_TIME) return;
  await run('sync', ['-f', directory]);
  for (const path of paths) await run('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/** Waits until nothing happens to the broker's files by itself; returns the seconds. */
async function atRest(directory: string): Promise<number> {
  if (values.rest !== '') {
    await wait(1000 * Number(values.rest));
    return Number(values.rest);
  }
  const begun = performance.now();
  let before = '';
  for (let changed = begun; performance.now() - changed < QUIET_MS && performance.now() - begun < REST_MAX_MS; ) {
    const files: string[] = [];
    for (const name of (await readdir(directory, { recursive: true })).sort()) {
      const found = await stat(join(directory, name)).catch(() => undefined);
      if (found?.isFile() === true) files.push(`${name} ${found.mtimeMs} ${found.size}`);
    }
    const now = files.join();
    if (now !== before) changed = performance.now();
    before = now;
    await wait(250);
  }
  return (performance.now() - begun) / 1000;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** What a broker stands on: itself, and where its files are. */
interface Bench {
  readonly peer: RestartablePeer;
  readonly directory: string;
}

async function start(kind: string): Promise<Bench> {
  if (kind === 'entrepot') {
    await mkdir(values.data, { recursive: true });
    const directory = await mkdtemp(join(values.data, 'entrepot-interleaved-'));
    return { peer: await startEntrepot({ data: directory }), directory };
  }
  const peer = await startRabbitmq();
  const environment = await readFile(`/proc/${peer.pid}/environ`, 'latin1');
  return { peer, directory: /RABBITMQ_MNESIA_BASE=([^\0]*)/.exec(environment)![1]! };
}

async function measure(kind: string, { peer, directory }: Bench): Promise<Figures> {
  const names = Array.from({ length: queues }, (_, i) => `turn-${i}`);
  const beside = Math.max(1, Math.min(Math.floor(queues / 8), Math.ceil(BESIDE / each)));
  const alone = Array.from({ length: 10 + ROUNDS * beside }, (_, i) => `alone-${i}`);
  const job = { bodyBytes, window: WINDOW };
  const link = await Link.open(peer.amqpPort);
  await link.declare([...alone, ...names, 'beside', 'warm']);
  await link.publish({ ...job, keys: ['warm'], count: Math.min(50_000, 10 * each) });
  // Each is filled by itself, with something of the others' between it and the next.
  let single = 0;
  for (const name of alone) single = await link.publish({ ...job, keys: [name], count: each });
  line(kind, `filling one queue with ${each} x ${bodyBytes} B`, k(single));
  const fill = await link.publish({ ...job, keys: names, count: queues * each });
  line(kind, `filling ${queues} queues message by message, ${each} each`, k(fill));
  line(kind, 'resident memory after that', `${Math.round((await residentBytes(peer.pid)) / MIB)} MiB`);
  link.close();
  line(kind, 'at rest after', `${(await atRest(directory)).toFixed(0)} s`);
  line(kind, 'resident memory after that', `${Math.round((await residentBytes(peer.pid)) / MIB)} MiB`);

  await peer.restart();
  const client = await Link.open(peer.amqpPort);
  const drain = async (queue: string, forget = true): Promise<number> => {
    if (forget) await forgetFiles(directory, true);
    const before = names.indexOf(queue);
    const order = before < 0 ? {} : { first: before, step: queues };
    const { rate, disorder } = await client.drain({ queue, count: each, prefetch, ...order });
    if (disorder > 0) throw new Error(`${disorder} messages of ${queue} came out of order`);
    return rate;
  };
  const middle = async (of: readonly string[]): Promise<number> => {
    await forgetFiles(directory);
    const rates: number[] = [];
    for (const queue of of) rates.push(await drain(queue));
    return median(rates);
  };
  await drain('alone-0'); // warm
  const whole = await middle(alone.slice(1, 10));
  line(kind, 'draining a queue that was filled alone', k(whole));
  // Spread over all, and none of those that are drained below.
  const tenth = Math.floor(queues / 10);
  const part = await middle([5, 1, 9, 3, 7, 2, 8, 4, 6].map((at) => names[at * tenth + tenth - 1]!));
  line(kind, `draining one of ${queues}`, `${k(part)} (${(part / whole).toFixed(3)} x alone)`);
  line(kind, 'resident memory after that', `${Math.round((await residentBytes(peer.pid)) / MIB)} MiB`);

  // Publishing beside drains, in turn with publishing alone.
  const left = names.filter((_, i) => (i + 1) % tenth !== 0);
  const publisher = await Link.open(peer.amqpPort);
  const publish = (count: number): Promise<number> => publisher.publish({ ...job, keys: ['beside'], count });
  const count = kind === 'entrepot' ? 200_000 : 20_000;
  await publish(count);
  const rates: { by: number[]; turn: number[]; alone: number[] } = { by: [], turn: [], alone: [] };
  const publishBeside = async (from: string[]): Promise<number> => {
    await forgetFiles(directory, true);
    let publishing = true;
    const draining = (async () => {
      while (publishing && from.length > 0) await drain(from.shift()!, false);
    })();
    const rate = await publish(count);
    publishing = false;
    await draining;
    return rate;
  };
  const aloneLeft = alone.slice(10);
  for (let round = 0; round < ROUNDS; round++) {
    rates.by.push(await publish(count));
    rates.turn.push(await publishBeside(left.splice(0, beside)));
    rates.alone.push(await publishBeside(aloneLeft.splice(0, beside)));
  }
  const [by, besideTurn, besideAlone] = [median(rates.by), median(rates.turn), median(rates.alone)];
  line(kind, 'publishing alone', k(by));
  line(
    kind,
    `publishing while ${beside} that were filled alone are drained`,
    `${k(besideAlone)} (${(besideAlone / by).toFixed(3)} x)`,
  );
  line(
    kind,
    `publishing while ${beside} of ${queues} are drained`,
    `${k(besideTurn)} (${(besideTurn / by).toFixed(3)} x, ${(besideTurn / besideAlone).toFixed(3)} x of beside those)`,
  );
  await forgetFiles(directory);
  const many = left.splice(0, 100);
  const { rate: together } = await client.drain({ queue: many, count: many.length * each, prefetch: 100 });
  line(kind, `draining ${many.length} of ${queues} at once`, k(together));
  client.close();
  publisher.close();
  return { fill, whole, part };
}

interface Figures {
  readonly fill: number;
  readonly whole: number;
  readonly part: number;
}

const figures = new Map<string, Figures>();
let failed = false;
for (const kind of values.peers.split(',')) {
  if (kind !== 'entrepot' && installed('rabbitmq') === undefined) {
    console.log(`${kind}: not installed`);
    continue;
  }
  const bench = await start(kind);
  try {
    figures.set(kind, await measure(kind, bench));
  } catch (error) {
    failed = true;
    console.log(`${kind} failed: ${(error as Error).message}\n${bench.peer.transcript().slice(-2000)}`);
  } finally {
    await bench.peer.stop();
    if (kind === 'entrepot') await rm(bench.directory, { recursive: true, force: true });
  }
}
const [ours, theirs] = [figures.get('entrepot'), figures.get('rabbitmq')];
if (ours !== undefined && theirs !== undefined) {
  line('beside', `draining one of ${queues}, RabbitMQ's as 1`, `${(ours.part / theirs.part).toFixed(2)} x`);
  line('beside', "filling, RabbitMQ's as 1", `${(ours.fill / theirs.fill).toFixed(2)} x`);
}
process.exit(failed ? 1 : 0);
