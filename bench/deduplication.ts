/**
 * `node bench/deduplication.ts`: what it costs that a queue takes each message once, by its message id: the same messages into a queue
 * that does, beside one that does not. All are new ones, so each is looked up, taken, and its id written down.
 *
 *   --rounds N   rounds of both; default 5        --scale N   N times the messages; default 1        --json FILE   write the figures
 *
 * One broker; the two take turns, so that whatever the machine does meanwhile befalls both. What is told is the median of either, and
 * the median of what each round's two were to each other; and the same of the processor time that a message has cost the broker.
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
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);

const ROWS: readonly { name: string; count: number; work: Partial<Work> }[] = [
  { name: 'transient, auto-ack', count: 600_000, work: {} },
  { name: 'persistent, confirms', count: 250_000, work: { persistent: true, window: 1000, acknowledge: true } },
];

interface Run {
  /** Messages a second. */
  readonly rate: number;
  /** Of the broker's processor time, a message. */
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

async function run(row: (typeof ROWS)[number], share: number, once: boolean): Promise<Run> {
  const work: Work = {
    ...ORDINARY,
    ...{ publish: 'amqp', consume: 'amqp', messageIds: true, once },
    ...row.work,
    count: Math.round(row.count * share * Number(values.scale)),
    destination: `bench${process.pid}x${++runs}`,
  };
  const before = cpuUs();
  const measured = await runLoad(work, { publish: peer.amqpPort, consume: peer.amqpPort });
  if (measured.complete < 0.9999) throw new Error(`${row.name}: ${measured.complete} of the messages came`);
  return { rate: measured.rate, cpuUs: (cpuUs() - before) / work.count };
}

const median = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
const figures: object[] = [];
try {
  console.log('| | messages a second | taken once | once / plain | µs of processor time | taken once | plain / once |');
  console.log('|---|---:|---:|---:|---:|---:|---:|');
  for (const row of ROWS) {
    const plain: Run[] = [];
    const once: Run[] = [];
    await run(row, 0.25, false);
    await run(row, 0.25, true);
    for (let i = 0; i < rounds; i++) {
      // Who goes first changes from round to round.
      if (i % 2 === 0) plain.push(await run(row, 1, false));
      once.push(await run(row, 1, true));
      if (i % 2 === 1) plain.push(await run(row, 1, false));
    }
    const rates = [plain, once].map((all) => median(all.map(({ rate }) => rate)));
    const times = [plain, once].map((all) => median(all.map((one) => one.cpuUs)));
    const ratio = median(once.map(({ rate }, i) => rate / plain[i]!.rate));
    const timeRatio = median(once.map((one, i) => plain[i]!.cpuUs / one.cpuUs));
    figures.push({
      row: row.name,
      plain: rates[0],
      once: rates[1],
      ratio,
      plainUs: times[0],
      onceUs: times[1],
      timeRatio,
    });
    const shown = [...rates.map((rate) => `${Math.round(rate! / 1000)} k`), ratio.toFixed(2)];
    console.log(`| ${[row.name, ...shown, ...times.map((us) => us!.toFixed(2)), timeRatio.toFixed(2)].join(' | ')} |`);
  }
} finally {
  await peer.stop();
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
