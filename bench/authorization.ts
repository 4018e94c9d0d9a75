/**
 * `node bench/authorization.ts`: what it costs that somebody asks who may do what: each row of the tables by a user with patterns of
 * permissions and of topics, beside the same by `guest`, who may do everything.
 *
 *   --rows TEXT     only rows whose name holds this            --gauge PATH   drive with this neutral load generator
 *   --rounds N      brokers, one after the other; default 3    --pairs N      pairs of runs of each; default 8
 *   --scale N       N times the messages; default 0.1          --json FILE    write the figures as well
 *   --receiving     what subscribers may be handed is asked, too, as of users with roles
 *
 * Two processes of one build differ by a tenth for as long as they live: by what the engine made of them first, and where their memory lies.
 * So both users are served by one broker, in turns, with and without rules next to one another, and what is told is the median of what
 * the pairs say: messages a second, and the processor time that a message has cost the broker, which says more where the machine is busy
 * with other things. Beside them stands how far it may be off: half of the middle half of the pairs, over the root of their number.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePorts, startChild, temporaryDirectory } from '../conformance/support/processes.ts';
import { MEMBER, USER } from './authorization/broker.ts';
import { runGauge } from './load/gauge.ts';
import { ORDINARY, ROWS, type Row } from './load/rows.ts';
import { runLoad } from './load/run.ts';
import type { Work } from './load/work.ts';

const MAIN = fileURLToPath(new URL('./authorization/broker.ts', import.meta.url));
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    pairs: { type: 'string', default: '8' },
    scale: { type: 'string', default: '0.1' },
    gauge: { type: 'string' },
    json: { type: 'string' },
    receiving: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const pairs = Number(values.pairs);
const scale = Number(values.scale);
const ruled = values.receiving ? MEMBER : USER;

interface Run {
  /** Messages a second. */
  readonly rate: number;
  /** Of the broker's processor time, a message; 0 where the system does not tell. */
  readonly cpuUs: number;
}

/** Clock ticks of 10 ms, user's and system's. */
function cpuUs(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

interface Served {
  readonly pid: number;
  readonly amqp: number;
  readonly mqtt: number;
  readonly stomp: number;
  stop(): Promise<void>;
}

async function startBroker(): Promise<Served> {
  const data = await temporaryDirectory('authorization');
  const [amqp, mqtt, stomp] = (await freePorts(3)) as [number, number, number];
  const listen = [`amqp://127.0.0.1:${amqp}`, `mqtt://127.0.0.1:${mqtt}`, `stomp://127.0.0.1:${stomp}`];
  const child = await startChild({
    name: 'broker',
    command: process.execPath,
    arguments: [MAIN, '--data', data.path, ...listen.flatMap((address) => ['--listen', address])],
    directory: data.path,
    readyLine: /Ready in/,
  });
  const stop = async (): Promise<void> => {
    await child.stop();
    await data.remove();
  };
  return { pid: child.pid, amqp, mqtt, stomp, stop };
}

let runs = 0;
async function run(broker: Served, row: Row, count: number, user: string): Promise<Run> {
  const ports = { publish: broker[row.work.publish], consume: broker[row.work.consume] };
  const destination = `bench${process.pid}x${++runs}`;
  const work: Work = { ...ORDINARY, ...row.work, count: Math.max(100, Math.round(count)), destination, user };
  const before = cpuUs(broker.pid);
  const measured =
    values.gauge === undefined || work.filters ? await runLoad(work, ports) : await runGauge(values.gauge, work, ports);
  if (measured.complete < 0.9999) throw new Error(`${row.name}: ${measured.complete} of the messages came`);
  const messages = work.count * (work.fanout ? work.subscribers : 1);
  return { rate: measured.rate, cpuUs: (cpuUs(broker.pid) - before) / messages };
}

/** The middle one, and how far that may be off. */
function middle(all: readonly number[]): { readonly median: number; readonly error: number } {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { median: at(0.5), error: (at(0.75) - at(0.25)) / 2 / Math.sqrt(sorted.length) };
}

interface Pair {
  readonly off: Run;
  readonly on: Run;
}

async function pairsOf(row: Row): Promise<Pair[]> {
  const count = row.counts.entrepot! * scale;
  const all: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    const broker = await startBroker();
    try {
      for (const user of ['guest', ruled, 'guest', ruled]) await run(broker, row, count / 2, user);
      for (let i = 0; i < pairs; i++) {
        // Who goes first changes from pair to pair.
        const first = await run(broker, row, count, i % 2 === 0 ? 'guest' : ruled);
        const second = await run(broker, row, count, i % 2 === 0 ? ruled : 'guest');
        all.push(i % 2 === 0 ? { off: first, on: second } : { off: second, on: first });
      }
    } finally {
      await broker.stop();
    }
  }
  return all;
}

const figures: object[] = [];
console.log(
  '|  | messages a second without rules | with rules | with / without | µs of processor time | with rules | without / with |',
);
console.log('|---|---:|---:|---:|---:|---:|---:|');
for (const row of ROWS.filter(({ name }) => name.toLowerCase().includes(values.rows.toLowerCase()))) {
  const all = await pairsOf(row);
  const of = (pick: (pair: Pair) => number) => middle(all.map(pick));
  const rates = [of(({ off }) => off.rate), of(({ on }) => on.rate)];
  const times = [of(({ off }) => off.cpuUs), of(({ on }) => on.cpuUs)];
  const rate = of(({ off, on }) => on.rate / off.rate);
  const time = of(({ off, on }) => off.cpuUs / on.cpuUs);
  figures.push({ row: row.name, rates, times, rate, time });
  const shown = ({ median, error }: typeof rate): string => `${median.toFixed(2)} ± ${error.toFixed(2)}`;
  const cells = [
    ...rates.map(({ median }) => `${Math.round(median / 1000)} k`),
    shown(rate),
    ...times.map(({ median }) => median.toFixed(2)),
    shown(time),
  ];
  console.log(`| ${row.name} | ${cells.join(' | ')} |`);
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
