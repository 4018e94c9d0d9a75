/**
 * `node bench/compare.ts`: this broker beside those that are installed here, the same work in the same run, as a table.
 *
 *   --rows TEXT       only rows whose name holds this            --peers a,b   entrepot, rabbitmq, mosquitto, nats, activemq
 *   --gauge PATH      drive with this neutral load generator instead of the project's own
 *   --scale N         N times the messages; default 1            --repeat N    the best of N runs; default 1
 *   --json FILE       write the figures as well
 *
 * Brokers run one at a time, so that none competes with another for the machine; each is warmed up before a row. Absolute
 * figures are this machine's; what says something are the ratios.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs, styleText } from 'node:util';
import {
  installed,
  type Peer,
  startActivemq,
  startEntrepot,
  startMosquitto,
  startNats,
  startRabbitmq,
} from '../conformance/peers/index.ts';
import { runGauge } from './load/gauge.ts';
import { type BenchPeer, ORDINARY, ROWS, type Row } from './load/rows.ts';
import { runLoad } from './load/run.ts';
import type { Measured, Ports, Work } from './load/work.ts';

const PEERS: readonly BenchPeer[] = ['entrepot', 'rabbitmq', 'mosquitto', 'nats', 'activemq'];
const TITLES: Readonly<Record<BenchPeer, string>> = {
  entrepot: 'Entrepot',
  rabbitmq: 'RabbitMQ',
  mosquitto: 'Mosquitto',
  nats: 'NATS',
  activemq: 'ActiveMQ',
};
const START = {
  entrepot: startEntrepot,
  rabbitmq: startRabbitmq,
  mosquitto: startMosquitto,
  nats: startNats,
  activemq: startActivemq,
} as const;
const WARM_UP_SHARE = 0.25;

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    peers: { type: 'string', default: PEERS.join(',') },
    gauge: { type: 'string' },
    scale: { type: 'string', default: '1' },
    repeat: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const scale = Number(values.scale);
const repeat = Number(values.repeat);
const rows = ROWS.filter(
  (row) => values.rows === undefined || row.name.toLowerCase().includes(values.rows.toLowerCase()),
);
const asked = values.peers.split(',').map((name) => name.trim());
const unknown = asked.find((name) => !(PEERS as readonly string[]).includes(name));
if (unknown !== undefined || rows.length === 0 || !(scale > 0) || !(repeat >= 1)) {
  console.error(
    unknown === undefined
      ? 'nothing to run: see the head of bench/compare.ts'
      : `no peer is called "${unknown}": ${PEERS.join(', ')}`,
  );
  process.exit(2);
}

function portsOf(peer: Peer, row: Row): Ports {
  const port = { amqp: peer.amqpPort, mqtt: peer.mqttPort, stomp: peer.stompPort };
  return { publish: port[row.work.publish], consume: port[row.work.consume] };
}

let runs = 0;
async function measure(peer: Peer, row: Row, count: number): Promise<Measured> {
  const work: Work = {
    ...ORDINARY,
    ...row.work,
    count: Math.max(100, Math.round(count * scale)),
    destination: `bench${process.pid}x${++runs}`,
  };
  const ports = portsOf(peer, row);
  // The gauge has one topic; a subscriber each with a filter of its own is what the project's generator can do.
  return values.gauge === undefined || work.filters ? runLoad(work, ports) : runGauge(values.gauge, work, ports);
}

const figures = new Map<string, Partial<Record<BenchPeer, Measured | Error>>>(rows.map((row) => [row.name, {}]));
const versions: string[] = [];
for (const kind of PEERS) {
  if (!asked.includes(kind)) continue;
  if (installed(kind) === undefined) {
    console.error(`${kind} is not installed here; its column stays empty.`);
    continue;
  }
  const peer = await START[kind]();
  versions.push(`${kind} ${peer.version}`);
  try {
    for (const row of rows) {
      const count = row.counts[kind];
      if (count === undefined) continue;
      process.stderr.write(styleText('dim', `${kind}: ${row.name} …`));
      try {
        await measure(peer, row, count * WARM_UP_SHARE);
        let best: Measured | undefined;
        for (let i = 0; i < repeat; i++) {
          const one = await measure(peer, row, count);
          if (best === undefined || one.rate > best.rate) best = one;
        }
        figures.get(row.name)![kind] = best!;
        process.stderr.write(styleText('dim', ` ${Math.round(best!.rate)}/s\n`));
      } catch (error) {
        figures.get(row.name)![kind] = error as Error;
        process.stderr.write(` ${(error as Error).message}\n`);
      }
    }
  } finally {
    await peer.stop();
  }
}

// ------------------------------------------------------------------------------------------------------------- the table

function cell(figure: Measured | Error | undefined): string {
  if (figure === undefined) return '';
  if (figure instanceof Error) return 'failed';
  const rate = figure.rate >= 1e6 ? `${(figure.rate / 1e6).toFixed(2)} M` : `${(figure.rate / 1e3).toFixed(1)} k`;
  // A figure that left messages out, or brought some twice, is not a figure: it says so.
  const lost = figure.complete < 0.9999 ? ` (${(100 * figure.complete).toFixed(1)} % came)` : '';
  return `${rate}${lost}${figure.duplicates > 0 ? ` (${figure.duplicates} twice)` : ''}`;
}

const ratio = (ours: Measured | Error | undefined, theirs: Measured | Error | undefined): string =>
  ours === undefined || theirs === undefined || ours instanceof Error || theirs instanceof Error
    ? ''
    : `${(ours.rate / theirs.rate).toFixed(1)} ×`;

/** Columns for those that have a figure in some row. */
const others = PEERS.filter((kind) => kind !== 'entrepot' && rows.some((row) => figures.get(row.name)![kind]));
const head = [
  'messages a second',
  'Entrepot',
  ...others.flatMap((kind) => [TITLES[kind], 'ours / it']),
  'p50 / p99 µs',
];
const body = rows.map((row) => {
  const { entrepot, ...theirs } = figures.get(row.name)!;
  const latency =
    entrepot !== undefined && !(entrepot instanceof Error) && entrepot.p50Us !== undefined
      ? `${entrepot.p50Us} / ${entrepot.p99Us}`
      : '';
  const name = row.note === undefined ? row.name : `${row.name} (${row.note})`;
  const columns = others.flatMap((kind) => [
    cell(theirs[kind as keyof typeof theirs]),
    ratio(entrepot, theirs[kind as keyof typeof theirs]),
  ]);
  return [name, cell(entrepot), ...columns, latency];
});
const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column]!.length)));
const print = (line: readonly string[]): void =>
  console.log(
    `| ${line.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join(' | ')} |`,
  );
console.log(
  `\n${versions.join(', ')}; ${values.gauge === undefined ? "the project's own load generator" : 'the neutral gauge'}; ${availableParallelism()} × ${cpus()[0]?.model.trim()}\n`,
);
print(head);
console.log(
  `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`,
);
for (const line of body) print(line);
if (values.json !== undefined) {
  await writeFile(
    values.json,
    JSON.stringify(Object.fromEntries(figures), (_, v) => (v instanceof Error ? { error: v.message } : v), 2),
  );
}
