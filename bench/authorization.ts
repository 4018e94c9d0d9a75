/**
 * `node bench/authorization.ts`: what it costs that somebody asks who may do what: each row of the tables by a user with patterns of
 * permissions and of topics, beside the same by `guest`, who may do everything.
 *
 *   --rows TEXT     only rows whose name holds this            --gauge PATH   drive with this neutral load generator
 *   --rounds N      rounds of both; default 5                  --scale N      N times the messages; default 0.2
 *   --json FILE     write the figures as well
 *
 * Two processes of one build differ by a tenth for as long as they live: by what the engine made of them first, and where their memory lies.
 * So each run has a broker of its own, warmed by a fifth of the work, and with and without rules take turns. What is told is the median
 * of either: messages a second, and the processor time that a message has cost the broker, which says more where the machine is busy with
 * other things; and how far either spread, as half the way from the least to the most, in parts of the median.
 */
import { readFileSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type EntrepotPeer, startEntrepot } from '../conformance/peers/entrepot.ts';
import { temporaryDirectory } from '../conformance/support/processes.ts';
import { createBroker } from '../src/index.ts';
import { runGauge } from './load/gauge.ts';
import { ORDINARY, ROWS, type Row } from './load/rows.ts';
import { runLoad } from './load/run.ts';
import type { Work } from './load/work.ts';

const USER = 'worker';
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '0.2' },
    gauge: { type: 'string' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const scale = Number(values.scale);

/** Patterns that match this bench's names and no others, with alternatives and variables in them, as people write them. */
const PERMISSIONS = {
  configure: '^(bench[0-9]+x.*|amq\\.gen-.*)$',
  write: '^(amq\\.(default|topic)|bench[0-9]+x.*|amq\\.gen-.*)$',
  read: '^(amq\\.(default|topic)|bench[0-9]+x.*|amq\\.gen-.*)$',
};
const TOPIC_PERMISSIONS = {
  write: '^bench[0-9]+x[0-9]+(\\.plant\\.[0-9]{4}\\..*)?$',
  read: '^bench[0-9]+x[0-9]+(\\.[*]\\.[0-9]{4}\\.#)?$',
};

/** A data directory with the user; the password's hash is the broker's own, so that none is made anew while it is measured. */
async function makeRuled(place: string): Promise<void> {
  const broker = await createBroker({ listen: ['amqp://127.0.0.1:0'], data: place });
  await broker.users.put(USER, { password: USER });
  await broker.users.setPermissions(USER, '/', PERMISSIONS);
  await broker.users.setTopicPermissions(USER, '/', 'amq.topic', TOPIC_PERMISSIONS);
  await broker.close();
}

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

interface Figure {
  readonly median: number;
  /** Half the way from the least to the most, in parts of the median. */
  readonly spread: number;
}

interface Figures {
  readonly rate: Figure;
  readonly cpuUs: Figure;
}

let runs = 0;
async function run(peer: EntrepotPeer, row: Row, count: number, user: string): Promise<Run> {
  const port = { amqp: peer.amqpPort, mqtt: peer.mqttPort, stomp: peer.stompPort };
  const ports = { publish: port[row.work.publish], consume: port[row.work.consume] };
  const destination = `bench${process.pid}x${++runs}`;
  const work: Work = { ...ORDINARY, ...row.work, count: Math.max(100, Math.round(count)), destination, user };
  const before = cpuUs(peer.pid);
  const measured =
    values.gauge === undefined || work.filters ? await runLoad(work, ports) : await runGauge(values.gauge, work, ports);
  if (measured.complete < 0.9999) throw new Error(`${row.name}: ${measured.complete} of the messages came`);
  const messages = work.count * (work.fanout ? work.subscribers : 1);
  return { rate: measured.rate, cpuUs: (cpuUs(peer.pid) - before) / messages };
}

const median = (all: readonly number[]): number => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]!;

const data = await temporaryDirectory('authorization');
await makeRuled(join(data.path, 'on'));
const figures: { row: string; off: Figures; on: Figures }[] = [];

/** A run of the row with a broker that has done nothing before but a fifth of it. */
async function fresh(row: Row, count: number, ruled: boolean): Promise<Run> {
  const place = join(data.path, `run-${runs}`);
  if (ruled) await cp(join(data.path, 'on'), place, { recursive: true });
  const peer = await startEntrepot({ data: place });
  try {
    const user = ruled ? USER : 'guest';
    await run(peer, row, count / 5, user);
    return await run(peer, row, count, user);
  } finally {
    await peer.stop();
    await rm(place, { recursive: true, force: true });
  }
}

function figuresOf(all: readonly Run[]): Figures {
  const of = (numbers: readonly number[]) => ({
    median: median(numbers),
    spread: (Math.max(...numbers) - Math.min(...numbers)) / 2 / median(numbers),
  });
  return { rate: of(all.map(({ rate }) => rate)), cpuUs: of(all.map((one) => one.cpuUs)) };
}

try {
  console.log(
    '|  | messages a second without rules | with rules | with / without | µs of processor time | with rules | without / with | spread |',
  );
  console.log('|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const row of ROWS.filter(({ name }) => name.toLowerCase().includes(values.rows.toLowerCase()))) {
    const count = row.counts.entrepot! * scale;
    const without: Run[] = [];
    const within: Run[] = [];
    for (let i = 0; i < rounds; i++) {
      // Who goes first changes from round to round.
      if (i % 2 === 0) without.push(await fresh(row, count, false));
      within.push(await fresh(row, count, true));
      if (i % 2 === 1) without.push(await fresh(row, count, false));
    }
    const [off, on] = [figuresOf(without), figuresOf(within)];
    figures.push({ row: row.name, off, on });
    const rates = [off, on].map(({ rate }) => `${Math.round(rate.median / 1000)} k`);
    const times = [off, on].map(({ cpuUs }) => cpuUs.median.toFixed(2));
    const ratios = [on.rate.median / off.rate.median, off.cpuUs.median / on.cpuUs.median].map((ratio) =>
      ratio.toFixed(2),
    );
    const spread = `± ${Math.max(off.cpuUs.spread, on.cpuUs.spread).toFixed(2)}`;
    console.log(
      `| ${row.name} | ${rates.join(' | ')} | ${ratios[0]} | ${times.join(' | ')} | ${ratios[1]} | ${spread} |`,
    );
  }
} finally {
  await data.remove();
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
