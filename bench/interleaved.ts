/**
 * `node bench/interleaved.ts [--queues 1000] [--each 300] [--body 1024] [--peers entrepot,rabbitmq] [--rest S] [--data DIR]`: one queue
 * of many that were filled message by message, drained alone by a broker that has just started; beside it queues that were filled
 * alone. It is what a consumer meets that was away for a night.
 *
 * The files of the broker are taken out of the system's cache before each drain (GNU `dd` does that), so that what is read comes
 * from the disk, as it does where there is more of it than memory. `--rest` waits so many seconds between filling and killing,
 * which lets the broker do what it does by itself when nothing else is to be done.
 *
 * Figures are messages a second: filling, draining (the median of nine queues), and publishing while one is drained.
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
    rest: { type: 'string', default: '0' },
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
const run = promisify(execFile);

const k = (rate: number): string => `${(rate / 1000).toFixed(1)} k/s`;
const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1]!;

function line(peer: string, what: string, figure: string): void {
  console.log(`${peer.padEnd(10)} ${what.padEnd(52)} ${figure}`);
}

/** The system keeps nothing of these files in memory. */
async function forgetFiles(directory: string): Promise<void> {
  if (values.warm) return;
  await run('sync', ['-f', directory]);
  for (const name of await readdir(directory, { recursive: true })) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true) await run('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
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

async function measure(kind: string, { peer, directory }: Bench): Promise<void> {
  const names = Array.from({ length: queues }, (_, i) => `turn-${i}`);
  const alone = Array.from({ length: 10 }, (_, i) => `alone-${i}`);
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
  await wait(1000 * Number(values.rest));

  await peer.restart();
  await forgetFiles(directory);
  const client = await Link.open(peer.amqpPort);
  const drain = async (queue: string): Promise<number> => {
    await forgetFiles(directory);
    const before = names.indexOf(queue);
    const order = before < 0 ? {} : { first: before, step: queues };
    const { rate, disorder } = await client.drain({ queue, count: each, prefetch, ...order });
    if (disorder > 0) throw new Error(`${disorder} messages of ${queue} came out of order`);
    return rate;
  };
  const middle = async (of: readonly string[]): Promise<number> => {
    const rates: number[] = [];
    for (const queue of of) rates.push(await drain(queue));
    return median(rates);
  };
  await drain('alone-0'); // warm
  const whole = await middle(alone.slice(1));
  line(kind, 'draining a queue that was filled alone', k(whole));
  const part = await middle([5, 1, 9, 3, 7, 2, 8, 4, 6].map((at) => names[Math.floor((at / 10) * queues)]!));
  line(kind, `draining one of ${queues}`, `${k(part)} (${(part / whole).toFixed(3)} x alone)`);
  line(kind, 'resident memory after that', `${Math.round((await residentBytes(peer.pid)) / MIB)} MiB`);

  // Publishing beside a drain, in turn with publishing alone.
  const publisher = await Link.open(peer.amqpPort);
  const publish = (count: number): Promise<number> => publisher.publish({ ...job, keys: ['beside'], count });
  const count = kind === 'entrepot' ? 200_000 : 20_000;
  await publish(count);
  const rates: { by: number[]; beside: number[] } = { by: [], beside: [] };
  for (let round = 0; round < 3; round++) {
    rates.by.push(await publish(count));
    let publishing = true;
    const draining = (async () => {
      for (let i = 1; publishing; i++) await drain(names[(round * 200 + i) % queues]!);
    })();
    rates.beside.push(await publish(count));
    publishing = false;
    await draining;
  }
  const [by, beside] = [median(rates.by), median(rates.beside)];
  line(kind, 'publishing beside a drain', `${k(beside)} (${(beside / by).toFixed(3)} x of ${k(by)})`);
  client.close();
  publisher.close();
}

let failed = false;
for (const kind of values.peers.split(',')) {
  if (kind !== 'entrepot' && installed('rabbitmq') === undefined) {
    console.log(`${kind}: not installed`);
    continue;
  }
  const bench = await start(kind);
  try {
    await measure(kind, bench);
  } catch (error) {
    failed = true;
    console.log(`${kind} failed: ${(error as Error).message}\n${bench.peer.transcript().slice(-2000)}`);
  } finally {
    await bench.peer.stop();
    if (kind === 'entrepot') await rm(bench.directory, { recursive: true, force: true });
  }
}
process.exit(failed ? 1 : 0);
