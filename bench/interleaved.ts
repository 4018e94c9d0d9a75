/**
 * `node bench/interleaved.ts [--sizes 1000x300,100x100000] [--body 1024] [--peers entrepot,rabbitmq] [--rest S] [--data DIR]`: one queue
 * of many that were filled message by message, drained alone by a broker that has just started; beside it queues that were filled
 * alone. It is what a consumer meets that was away for a night. A size is so many queues, and so many messages in each.
 *
 * Between filling and killing the broker is left alone until its files have not changed for three seconds, which lets it do what it does by itself
 * when nothing else is to be done, and a line says how long that took; `--rest S` waits so many seconds instead. Before that, and after, a client
 * that publishes one message at a time tells how long it waits for its confirms.
 *
 * The files of the broker are taken out of the system's cache before each drain, so that what is read comes from the disk, as it does where there
 * is more of it than memory; `--warm` leaves them, which is not for figures.
 *
 * A peer gets so many messages at most (`--peer-messages`): less queues, as long as ours. The load comes from this process, which takes its share
 * of a small machine. Everything is printed as it comes, and as one table in the end.
 */
import { mkdir, mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installed, startEntrepot, startRabbitmq } from '../conformance/peers/index.ts';
import { type Bench, type Figures, measure, type Size } from './interleaved/measure.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000x300,100x100000' },
    body: { type: 'string', default: '1024' },
    peers: { type: 'string', default: 'entrepot,rabbitmq' },
    'peer-messages': { type: 'string', default: '2000000' },
    rest: { type: 'string', default: '' },
    prefetch: { type: 'string', default: '2000' },
    warm: { type: 'boolean', default: false },
    data: { type: 'string', default: tmpdir() },
  },
});
const bodyBytes = Number(values.body);
const prefetch = Number(values.prefetch);
const peerMessages = Number(values['peer-messages']);
const sizes = values.sizes.split(',').map((text): Size => {
  const [queues, each] = text.split('x').map(Number);
  return { queues: queues!, each: each!, bodyBytes };
});
const numbers = [bodyBytes, prefetch, peerMessages, ...sizes.flatMap(({ queues, each }) => [queues, each])];
if (!numbers.every((n) => n >= 1) || sizes.some(({ queues }) => queues < 10)) {
  console.error(
    '--sizes takes QUEUESxMESSAGES, at least ten queues; --body, --prefetch and --peer-messages a number from 1 on',
  );
  process.exit(2);
}

/** What a message takes on the disk besides its body, about; and while segments are written again. */
const OVERHEAD_BYTES = 200;
const SPARE_BYTES = 1024 * 1024 * 1024;

async function start(kind: string): Promise<Bench> {
  if (kind === 'entrepot') {
    await mkdir(values.data, { recursive: true });
    const directory = await mkdtemp(join(values.data, 'entrepot-interleaved-'));
    return { kind, peer: await startEntrepot({ data: directory, readyTimeoutMs: 120_000 }), directory };
  }
  const peer = await startRabbitmq();
  const environment = await readFile(`/proc/${peer.pid}/environ`, 'latin1');
  return { kind, peer, directory: /RABBITMQ_MNESIA_BASE=([^\0]*)/.exec(environment)![1]! };
}

interface Column {
  readonly title: string;
  readonly figures: Figures;
}

const columns: Column[] = [];
let failed = false;
for (const asked of sizes) {
  for (const kind of values.peers.split(',')) {
    if (kind !== 'entrepot' && installed('rabbitmq') === undefined) {
      console.log(`${kind}: not installed`);
      continue;
    }
    const fewer = Math.max(10, Math.min(asked.queues, Math.floor(peerMessages / asked.each)));
    const size = kind === 'entrepot' ? asked : { ...asked, queues: fewer };
    const title = `${kind} ${size.queues} x ${size.each}`;
    const { bavail, bsize } = await statfs(values.data);
    const needed = size.queues * size.each * (size.bodyBytes + OVERHEAD_BYTES) + SPARE_BYTES;
    if (bavail * bsize < needed) {
      console.log(
        `${title}: the disk has ${Math.floor((bavail * bsize) / 2 ** 30)} GiB, and it takes ${Math.ceil(needed / 2 ** 30)}`,
      );
      failed = true;
      continue;
    }
    const bench = await start(kind);
    const say = (what: string, figure: string): void => console.log(`${title.padEnd(24)} ${what.padEnd(56)} ${figure}`);
    const beside = kind === 'entrepot' ? 200_000 : 20_000;
    const restSeconds = values.rest === '' ? Number.NaN : Number(values.rest);
    try {
      const figures = await measure(bench, size, { prefetch, restSeconds, warm: values.warm, beside, say });
      columns.push({ title, figures });
    } catch (error) {
      failed = true;
      console.log(`${title} failed: ${(error as Error).message}\n${bench.peer.transcript().slice(-2000)}`);
    } finally {
      await bench.peer.stop();
      if (kind === 'entrepot') await rm(bench.directory, { recursive: true, force: true });
    }
  }
}

/** Rates in thousands a second; the others as they are. */
function shown(what: string, value: number | undefined): string {
  if (value === undefined) return '';
  if (what.includes(' / ')) return value.toFixed(2);
  if (what.includes('memory') || what.includes('rest after')) return value.toFixed(0);
  return what.includes('p50') || what.includes('p99') ? value.toFixed(2) : (value / 1000).toFixed(1);
}

console.log('\nthousands of messages a second, MiB, milliseconds, seconds');
const rows = [...new Set(columns.flatMap(({ figures }) => [...figures.keys()]))];
console.log(`| | ${columns.map(({ title }) => title).join(' | ')} |`);
console.log(`|---|${'---|'.repeat(columns.length)}`);
for (const what of rows) {
  console.log(`| ${what} | ${columns.map(({ figures }) => shown(what, figures.get(what))).join(' | ')} |`);
}
process.exit(failed ? 1 : 0);
