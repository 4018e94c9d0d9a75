/**
 * `node bench/order.ts`: what order costs: 10,000 groups, 10,000 tenants, a strict queue, and a storm of failures, each beside the same
 * messages through a queue that was told nothing, to 16 consumers that settle each delivery by itself.
 *
 *   --rounds N   rounds of both; default 5        --scale N   N times the messages; default 1
 *   --only TEXT  rows whose names have it         --json FILE   write the figures
 *
 * One broker; the two take turns. What is told is the median of either, the median of what each round's two were to each other, and the same
 * of the processor time that a message has cost the broker. Of the storm it is deliveries that count.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startEntrepot } from '../conformance/peers/entrepot.ts';
import { ORDINARY } from './load/rows.ts';
import { runLoad } from './load/run.ts';
import type { Work } from './load/work.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);

interface Row {
  readonly name: string;
  readonly count: number;
  /** Of both. */
  readonly both: Partial<Work>;
  readonly work: Partial<Work>;
  /** Deliveries that a message takes, in the row's own work. */
  readonly deliveries: number;
}

const SIXTEEN = { subscribers: 16, prefetch: 100, acknowledge: true, settleEach: { failures: 0, retryMs: 0 } };
const ROWS: readonly Row[] = [
  {
    ...{ name: '10,000 groups, 16 consumers', count: 300_000, deliveries: 1 },
    ...{ both: { ...SIXTEEN, keys: 10_000 }, work: { order: 'groups' } },
  },
  {
    ...{ name: '10,000 tenants, 16 consumers', count: 300_000, deliveries: 1 },
    ...{ both: { ...SIXTEEN, keys: 10_000 }, work: { order: 'fair' } },
  },
  {
    ...{ name: '10 tenants, 16 consumers', count: 300_000, deliveries: 1 },
    ...{ both: { ...SIXTEEN, keys: 10 }, work: { order: 'fair' } },
  },
  { ...{ name: 'strict order', count: 60_000, deliveries: 1 }, ...{ both: SIXTEEN, work: { order: 'strict' } } },
  {
    ...{ name: 'each fails 3 times', count: 150_000, deliveries: 4, both: SIXTEEN },
    work: { settleEach: { failures: 3, retryMs: 0 } },
  },
  {
    ...{ name: 'each fails 3 times, persistent', count: 100_000, deliveries: 4 },
    ...{ both: { ...SIXTEEN, persistent: true, window: 1000 }, work: { settleEach: { failures: 3, retryMs: 0 } } },
  },
];

interface Run {
  /** Deliveries a second. */
  readonly rate: number;
  /** Of the broker's processor time, a delivery. */
  readonly cpuUs: number;
}

const peer = await startEntrepot();
let runs = 0;

/** Clock ticks of 10 ms, user's and system's; 0 where the system does not tell. */
function cpuUs(): number {
  if (process.platform !== 'linux') return 0;
  const fields = readFileSync(`/proc/${peer.pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Of the broker, MB. */
function residentMb(): number {
  if (process.platform !== 'linux') return 0;
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${peer.pid}/status`, 'latin1'))![1]) / 1024);
}

async function run(row: Row, share: number, ordered: boolean): Promise<Run> {
  const work: Work = {
    ...ORDINARY,
    ...{ publish: 'amqp', consume: 'amqp' },
    ...row.both,
    ...(ordered ? row.work : {}),
    count: Math.round(row.count * share * Number(values.scale)),
    destination: `bench${process.pid}x${++runs}`,
  };
  const before = cpuUs();
  const measured = await runLoad(work, { publish: peer.amqpPort, consume: peer.amqpPort });
  if (measured.complete < 0.9999) throw new Error(`${row.name}: ${measured.complete} of the messages came`);
  const deliveries = ordered ? row.deliveries : 1;
  return { rate: measured.rate * deliveries, cpuUs: (cpuUs() - before) / work.count / deliveries };
}

const median = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
const figures: object[] = [];
try {
  console.log('| | deliveries a second | so | so / plain | µs of processor time | so | plain / so | resident MB |');
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const row of ROWS.filter(({ name }) => name.includes(values.only))) {
    const plain: Run[] = [];
    const so: Run[] = [];
    await run(row, 0.25, false);
    await run(row, 0.25, true);
    for (let i = 0; i < rounds; i++) {
      // Who goes first changes from round to round.
      if (i % 2 === 0) plain.push(await run(row, 1, false));
      so.push(await run(row, 1, true));
      if (i % 2 === 1) plain.push(await run(row, 1, false));
    }
    const rates = [plain, so].map((all) => median(all.map(({ rate }) => rate)));
    const times = [plain, so].map((all) => median(all.map((one) => one.cpuUs)));
    const ratio = median(so.map(({ rate }, i) => rate / plain[i]!.rate));
    const timeRatio = median(so.map((one, i) => plain[i]!.cpuUs / one.cpuUs));
    figures.push({ row: row.name, plain: rates[0], so: rates[1], ratio, plainUs: times[0], soUs: times[1], timeRatio });
    const shown = [...rates.map((rate) => `${Math.round(rate! / 1000)} k`), ratio.toFixed(2)];
    const spent = [...times.map((us) => us!.toFixed(2)), timeRatio.toFixed(2), residentMb()];
    console.log(`| ${[row.name, ...shown, ...spent].join(' | ')} |`);
  }
} finally {
  await peer.stop();
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
