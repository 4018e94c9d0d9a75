/**
 * `node bench/backlog.ts [--rows TEXT] [--scale N] [--data DIR]`: what the broker does with far more than fits its memory,
 * each figure beside its target. The work is the full one at scale 1 (10 million messages, 100,000 queues: 25 GB of disk and
 * an hour at most); `--scale 0.1` does a tenth. Data directories are made in DIR (default: the system's temporary one) and
 * removed.
 *
 * The load comes from this process over plain sockets (`load/link.ts`), so on a small machine it takes its share from
 * the broker, the same in each figure that is compared.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type EntrepotPeer, startEntrepot } from '../conformance/peers/index.ts';
import { Link } from './load/link.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    scale: { type: 'string', default: '1' },
    data: { type: 'string', default: tmpdir() },
  },
});
const scale = Number(values.scale);
if (!(scale > 0)) {
  console.error(`--scale takes a number above 0, not "${values.scale}"`);
  process.exit(2);
}

const WINDOW = 4096;
const PREFETCH = 2000;
const MIB = 1024 * 1024;
const SEGMENT_BYTES = 64 * MIB;

const scaled = (n: number, min = 1000): number => Math.max(min, Math.round(n * scale));
const k = (rate: number): string => `${(rate / 1000).toFixed(1)} k/s`;
const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(0)} %`;

function line(what: string, figure: string, target: string, met: boolean): void {
  console.log(`${what.padEnd(58)} ${figure.padStart(26)}   target ${target.padEnd(24)} ${met ? 'met' : 'NOT MET'}`);
}

async function residentBytes(peer: EntrepotPeer): Promise<number> {
  const status = await readFile(`/proc/${peer.pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

async function diskBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory, { recursive: true })) {
    // Segments come and go meanwhile.
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isFile() === true) bytes += found.blocks * 512;
  }
  return bytes;
}

type Row = (peer: EntrepotPeer) => Promise<void>;

/** Publishing and consuming at once: what a queue does that never grows. */
async function liveRate(peer: EntrepotPeer, bodyBytes: number, count: number): Promise<number> {
  const [publisher, consumer] = [await Link.open(peer.amqpPort), await Link.open(peer.amqpPort)];
  await publisher.declare(['live']);
  const drained = consumer.drain({ queue: 'live', count, prefetch: PREFETCH, first: 0 });
  await publisher.publish({ keys: ['live'], count, bodyBytes, window: WINDOW });
  const { rate } = await drained;
  publisher.close();
  consumer.close();
  return rate;
}

function backlog(messages: number, bodyBytes: number): Row {
  return async (peer) => {
    const count = scaled(messages);
    const what = `${(count / 1e6).toFixed(1)} M x ${bodyBytes} B`;
    const sample = Math.min(count / 4, bodyBytes > 500 ? 300_000 : 1_000_000);
    await liveRate(peer, bodyBytes, sample / 4); // warm
    const live = await liveRate(peer, bodyBytes, sample);
    const link = await Link.open(peer.amqpPort);
    await link.declare(['deep', 'fresh']);
    const job = { keys: ['deep'], bodyBytes, window: WINDOW };
    const empty = await link.publish({ ...job, count: sample });
    await link.publish({ ...job, count: count - 2 * sample, from: sample });
    const full = await link.publish({ ...job, count: sample, from: count - sample });
    const resident = await residentBytes(peer);
    line(`${what} waiting: resident memory`, `${Math.round(resident / MIB)} MiB`, '<= 300 MB', resident <= 300e6);
    const share = `${percent(full, empty)} of ${k(empty)}`;
    line(`${what}: publishing on top of it, of into empty`, share, '>= 90 %', full >= 0.9 * empty);
    // The same into an empty queue now: tells what the depth costs from what the disk and the machine do meanwhile.
    const fresh = await link.publish({ ...job, keys: ['fresh'], count: sample });
    const now = `${percent(full, fresh)} of ${k(fresh)}`;
    line(`${what}: publishing on top of it, of into empty now`, now, '>= 90 %', full >= 0.9 * fresh);
    link.close();

    await peer.kill();
    const downMs = performance.now();
    await peer.restart();
    const readyMs = performance.now() - downMs;
    const after = await Link.open(peer.amqpPort);
    const { firstMs, rate, disorder } = await after.drain({ queue: 'deep', count, prefetch: PREFETCH, first: 0 });
    const seconds = (readyMs + firstMs) / 1000;
    line(`${what}: first delivery after kill -9 and start`, `${seconds.toFixed(1)} s`, '<= 10 s', seconds <= 10);
    line(`${what}: draining, of live`, `${percent(rate, live)} of ${k(live)}`, '>= 60 %', rate >= 0.6 * live);
    line(`${what}: order`, `${disorder} out of place`, '0', disorder === 0);
    after.close();
  };
}

const manyQueues: Row = async (peer) => {
  const count = scaled(100_000);
  const before = await residentBytes(peer);
  const link = await Link.open(peer.amqpPort);
  const names = Array.from({ length: count }, (_, i) => `queue-${i}`);
  await link.declare(names);
  const each = ((await residentBytes(peer)) - before) / count;
  line(`${count} durable queues: memory each, idle`, `${(each / 1024).toFixed(2)} KiB`, '<= 2 KB', each <= 2000);
  link.close();
  await peer.kill();
  const downMs = performance.now();
  await peer.restart();
  const seconds = (performance.now() - downMs) / 1000;
  line(`${count} durable queues: start after kill -9`, `${seconds.toFixed(1)} s`, '<= 10 s', seconds <= 10);
  const eachAfter = ((await residentBytes(peer)) - before) / count;
  line(
    `${count} durable queues: memory each after the start`,
    `${(eachAfter / 1024).toFixed(2)} KiB`,
    '<= 2 KB',
    eachAfter <= 2000,
  );
};

const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1]!;

/** One and many in turn, so that what else the machine does meets both. */
async function compare(what: string, one: () => Promise<number>, many: () => Promise<number>): Promise<void> {
  const rates: { one: number[]; many: number[] } = { one: [], many: [] };
  for (let round = 0; round < 4; round++) {
    const [a, b] = [await one(), await many()];
    if (round === 0) continue; // warm
    rates.one.push(a);
    rates.many.push(b);
  }
  const share = `${percent(median(rates.many), median(rates.one))} of ${k(median(rates.one))}`;
  line(what, share, '>= 80 %', median(rates.many) >= 0.8 * median(rates.one));
}

const spread: Row = async (peer) => {
  const count = scaled(500_000, 40_000);
  const queues = Math.min(10_000, scaled(10_000));
  const [link, consumer] = [await Link.open(peer.amqpPort), await Link.open(peer.amqpPort)];
  const names = Array.from({ length: queues }, (_, i) => `spread-${i}`);
  const live = Array.from({ length: queues }, (_, i) => `live-${i}`);
  await link.declare(['one', 'one-live', ...names, ...live]);
  const job = { bodyBytes: 100, window: WINDOW, count, plain: true };
  for (const persistent of [true, false]) {
    const publish = (keys: readonly string[]) => () => link.publish({ ...job, persistent, keys });
    const what = `${persistent ? 'persistent' : 'transient'} into ${queues} queues, of into one`;
    await compare(what, publish(['one']), publish(names));
  }
  const through = (keys: readonly string[]) => async (): Promise<number> => {
    let consuming = (): void => {};
    const attached = new Promise<void>((resolve) => {
      consuming = resolve;
    });
    const drained = consumer.drain({ queue: keys, count, prefetch: PREFETCH, consuming });
    await attached;
    await link.publish({ ...job, keys });
    return (await drained).rate;
  };
  await compare(`through ${queues} queues and acknowledged, of one`, through(['one-live']), through(live));
  link.close();
  consumer.close();
};

/** A sample of `/metrics` of the one vhost there is. */
async function metric(peer: EntrepotPeer, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${peer.httpPort}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{vhost="/"\\} (.*)$`, 'm').exec(text)?.[1]);
}

const fanOut: Row = async (peer) => {
  const count = scaled(50_000);
  const bodyBytes = 4096;
  const link = await Link.open(peer.amqpPort);
  const names = Array.from({ length: 50 }, (_, i) => `copy-${i}`);
  await link.declare(names);
  await link.bind(names, 'amq.fanout');
  const appended = 'entrepot_log_appended_bytes_total';
  const before = await metric(peer, appended);
  const diskBefore = await diskBytes(peer.data);
  await link.publish({ keys: [''], exchange: 'amq.fanout', count, bodyBytes, window: WINDOW });
  const bodies = count * bodyBytes;
  const times = (bytes: number): string => `${(bytes / bodies).toFixed(2)} x`;
  const grown = (await metric(peer, appended)) - before;
  line(`1 to 50 queues, ${count} bodies: appended, of the bodies`, times(grown), '1 body', grown <= bodies * 1.1);
  const live = await metric(peer, 'entrepot_log_live_bytes');
  line(`1 to 50 queues, ${count} bodies: alive, of the bodies`, times(live), '1 body', live <= bodies * 1.1);
  const disk = (await diskBytes(peer.data)) - diskBefore;
  // What is prepared ahead of the writing is on the disk as well.
  const met = disk <= bodies * 1.1 + 2 * SEGMENT_BYTES;
  line(`1 to 50 queues, ${count} bodies: disk, of the bodies`, times(disk), '1 body (+ 2 segments)', met);
  link.close();
};

function oneOfMany(interleaved: boolean): Row {
  return async (peer) => {
    const queues = 1000;
    const each = scaled(2000, 200);
    const bodyBytes = 1024;
    const link = await Link.open(peer.amqpPort);
    const names = Array.from({ length: queues }, (_, i) => `turn-${i}`);
    const alone = ['alone-0', 'alone-1', 'alone-2'];
    await link.declare([...alone, ...names]);
    const job = { bodyBytes, window: WINDOW };
    for (const name of alone) await link.publish({ ...job, keys: [name], count: each });
    if (interleaved) await link.publish({ ...job, keys: names, count: queues * each });
    else for (const name of names) await link.publish({ ...job, keys: [name], count: each });
    const drain = (queue: string) => link.drain({ queue, count: each, prefetch: PREFETCH });
    // A few thousand messages are drained in no time: the middle of three says more than one.
    const middle = async (of: readonly string[]): Promise<number> => {
      const rates = [];
      for (const queue of of) rates.push((await drain(queue)).rate);
      return median(rates);
    };
    const whole = await middle(alone);
    const rate = await middle(['turn-500', 'turn-100', 'turn-900']);
    const how = interleaved ? 'message by message' : 'one after the other';
    const share = `${percent(rate, whole)} of ${k(whole)}`;
    line(`1 of 1,000 queues filled ${how}, of alone`, share, '>= 50 %', rate >= 0.5 * whole);
    link.close();
  };
}

const leftBehind: Row = async (peer) => {
  const bodyBytes = 1024;
  const count = scaled(5_000_000);
  const [old, publisher, consumer] = [
    await Link.open(peer.amqpPort),
    await Link.open(peer.amqpPort),
    await Link.open(peer.amqpPort),
  ];
  await old.declare(['old', 'fast']);
  await old.publish({ keys: ['old'], count: 1, bodyBytes, window: 1 });
  let most = 0;
  const watch = setInterval(() => {
    void diskBytes(peer.data).then((bytes) => {
      most = Math.max(most, bytes);
    });
  }, 500);
  const drained = consumer.drain({ queue: 'fast', count, prefetch: PREFETCH, first: 0 });
  await publisher.publish({ keys: ['fast'], count, bodyBytes, window: WINDOW });
  await drained;
  clearInterval(watch);
  const end = await diskBytes(peer.data);
  most = Math.max(most, end);
  const moved = `${((count * bodyBytes) / 1e9).toFixed(1)} GB`;
  const bound = 2 * SEGMENT_BYTES + 2 * bodyBytes;
  for (const [when, bytes] of [
    ['at the end', end],
    ['at most', most],
  ] as const) {
    const what = `1 message left, ${moved} moved beside it: disk ${when}`;
    line(what, `${Math.round(bytes / MIB)} MiB`, `<= ${(bound / MIB) | 0} MiB (2 segments)`, bytes <= bound);
  }
  const { disorder } = await old.drain({ queue: 'old', count: 1, prefetch: 1, first: 0 });
  line('1 message left: it is still there', `${disorder} wrong`, '0', disorder === 0);
  for (const link of [old, publisher, consumer]) link.close();
};

const ROWS: readonly (readonly [string, Row])[] = [
  ['backlog of 10 million x 1 KiB', backlog(10_000_000, 1024)],
  ['backlog of 100 million x 100 B', backlog(100_000_000, 100)],
  ['100,000 durable queues', manyQueues],
  ['spread over 10,000 queues', spread],
  ['fan-out stores one body', fanOut],
  ['one of 1,000 queues filled one after the other', oneOfMany(false)],
  ['one of 1,000 queues filled message by message', oneOfMany(true)],
  ['one message left behind', leftBehind],
];

let failed = false;
for (const [name, row] of ROWS.filter(([title]) => title.includes(values.rows))) {
  console.log(`-- ${name}${scale === 1 ? '' : ` (scale ${scale})`}`);
  await mkdir(values.data, { recursive: true });
  const directory = await mkdtemp(join(values.data, 'entrepot-backlog-'));
  let peer: EntrepotPeer | undefined;
  try {
    peer = await startEntrepot({ data: directory });
    await row(peer);
  } catch (error) {
    failed = true;
    console.log(`   failed: ${(error as Error).message}\n${peer?.transcript().slice(-2000) ?? ''}`);
  } finally {
    await peer?.kill();
    await rm(directory, { recursive: true, force: true });
  }
}
process.exit(failed ? 1 : 0);
