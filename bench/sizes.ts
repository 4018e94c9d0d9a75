/**
 * `node bench/sizes.ts`: what a body costs by its size, from 16 B to 64 MiB, in every protocol and from one into another, beside
 * the brokers that are installed here; beside a bare relay (`limit/relay.ts`), which does nothing but read and write; and where
 * it is synced beside the disk (`limit/write-and-sync.ts`), which is given the same bytes, as many at a time as may be unconfirmed, and not more than 4 MiB.
 *
 *   --rows TEXT,…     only rows whose names hold one of these     --peers a,b   relay, disk, before, entrepot, rabbitmq, mosquitto, nats
 *   --before PATH     another checkout, in a column of its own
 *   --sizes 4k,1m     only these; default: all                    --megabytes N of bodies a cell; default 400
 *   --gauge PATH      drive with this neutral load generator      --repeat N    the best of N runs; default 1
 *   --json FILE       write the figures as well                   --count-max N messages a cell at most; default 300,000
 *
 * A cell is megabytes (10^6) of bodies a second, and messages a second. Brokers run one at a time. What a gigabyte costs in seconds of
 * processor time is the broker's own part, and moves less than rates do where others are at work.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  installed,
  type Peer,
  startEntrepot,
  startMosquitto,
  startNats,
  startRabbitmq,
} from '../conformance/peers/index.ts';
import { startRelay } from './limit/start.ts';
import { writeAndSync } from './limit/write-and-sync.ts';
import { runGauge } from './load/gauge.ts';
import { ORDINARY } from './load/rows.ts';
import { runLoad } from './load/run.ts';
import type { LoadProtocol, Work } from './load/work.ts';

type Column = 'entrepot' | 'before' | 'rabbitmq' | 'mosquitto' | 'nats' | 'relay' | 'disk';

interface SizeRow {
  readonly name: string;
  readonly work: Partial<Work> & { publish: LoadProtocol; consume: LoadProtocol };
  /** Who can do it. */
  readonly peers: readonly Column[];
}

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [16, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB];
const CONFIRMED = { window: 1000, persistent: true, acknowledge: true } as const;
const CROSSINGS: readonly (readonly [LoadProtocol, LoadProtocol])[] = [
  ['amqp', 'mqtt'],
  ['amqp', 'stomp'],
  ['mqtt', 'amqp'],
  ['mqtt', 'stomp'],
  ['stomp', 'amqp'],
  ['stomp', 'mqtt'],
];
const ROWS: readonly SizeRow[] = [
  { name: 'relay', work: { publish: 'mqtt', consume: 'mqtt' }, peers: ['relay'] },
  { name: 'AMQP no-ack', work: { publish: 'amqp', consume: 'amqp' }, peers: ['entrepot', 'rabbitmq'] },
  {
    name: 'AMQP persistent, confirmed, acknowledged',
    work: { publish: 'amqp', consume: 'amqp', ...CONFIRMED },
    peers: ['entrepot', 'rabbitmq', 'disk'],
  },
  {
    name: 'MQTT QoS 0',
    work: { publish: 'mqtt', consume: 'mqtt' },
    peers: ['entrepot', 'rabbitmq', 'mosquitto', 'nats'],
  },
  {
    name: 'MQTT QoS 1',
    work: { publish: 'mqtt', consume: 'mqtt', window: 20, acknowledge: true },
    peers: ['entrepot', 'rabbitmq', 'mosquitto', 'nats'],
  },
  {
    name: 'MQTT QoS 0, 1 to 100',
    work: { publish: 'mqtt', consume: 'mqtt', subscribers: 100, fanout: true },
    peers: ['entrepot', 'mosquitto', 'nats'],
  },
  { name: 'STOMP auto', work: { publish: 'stomp', consume: 'stomp' }, peers: ['entrepot', 'rabbitmq'] },
  {
    name: 'STOMP persistent, receipts, client-individual',
    work: { publish: 'stomp', consume: 'stomp', ...CONFIRMED },
    peers: ['entrepot', 'rabbitmq', 'disk'],
  },
  ...CROSSINGS.map(
    ([publish, consume]): SizeRow => ({
      name: `${publish.toUpperCase()} in, ${consume.toUpperCase()} out`,
      work: { publish, consume },
      peers: ['entrepot', 'rabbitmq'],
    }),
  ),
];
const COLUMNS: readonly Column[] = ['relay', 'disk', 'before', 'entrepot', 'rabbitmq', 'mosquitto', 'nats'];
const PEERS: readonly Column[] = ['rabbitmq', 'mosquitto', 'nats'];
/** What a window of messages may amount to: a client keeps them in memory. */
const WINDOW_BYTES_MAX = 64 * MIB;
const COUNT_MIN = 8;
/** What the disk is given at a time. */
const PIECE_BYTES_MAX = 4 * MIB;
/** Clock ticks a second in /proc. */
const TICKS = 100;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    sizes: { type: 'string' },
    peers: { type: 'string', default: COLUMNS.join(',') },
    before: { type: 'string' },
    gauge: { type: 'string' },
    megabytes: { type: 'string', default: '400' },
    'count-max': { type: 'string', default: '300000' },
    repeat: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});

function sizeOf(text: string): number {
  const [, digits, unit] = /^(\d+)([km]?)$/i.exec(text.trim()) ?? [];
  if (digits === undefined) throw new Error(`no size: ${text}`);
  return Number(digits) * (unit === undefined || unit === '' ? 1 : unit.toLowerCase() === 'k' ? KIB : MIB);
}
const sizeText = (bytes: number): string =>
  bytes >= MIB ? `${bytes / MIB} MiB` : bytes >= KIB ? `${bytes / KIB} KiB` : `${bytes} B`;

const wanted = values.rows.toLowerCase().split(',');
const rows = ROWS.filter((row) => row.name === 'relay' || wanted.some((text) => row.name.toLowerCase().includes(text)));
const sizes = values.sizes === undefined ? SIZES : values.sizes.split(',').map(sizeOf);
const asked = values.peers.split(',').map((name) => name.trim());
const bytesOfCell = Number(values.megabytes) * 1e6;
const countMax = Number(values['count-max']);

type Ports = Readonly<Record<LoadProtocol, number>>;
interface Running {
  readonly ports: Ports;
  /** Whose processor time is counted; undefined: nobody's. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

async function start(column: Exclude<Column, 'disk'>): Promise<Running> {
  if (column === 'relay') {
    const relay = await startRelay();
    return { ports: { amqp: -1, mqtt: relay.port, stomp: -1 }, pid: relay.pid, stop: () => relay.stop() };
  }
  const begin = {
    entrepot: startEntrepot,
    before: () => startEntrepot({ checkout: values.before! }),
    rabbitmq: startRabbitmq,
    mosquitto: startMosquitto,
    nats: startNats,
  };
  const peer: Peer = await begin[column]();
  return {
    ports: { amqp: peer.amqpPort, mqtt: peer.mqttPort, stomp: peer.stompPort },
    pid: PEERS.includes(column) ? undefined : peer.pid,
    stop: () => peer.stop(),
  };
}

/** Seconds of processor time that the process has used. */
function processorSeconds(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Open confirms: as many as the row says, and no more than a client would keep in memory. */
function windowOf(row: SizeRow, bodyBytes: number): number {
  return Math.min(row.work.window ?? 0, Math.max(4, Math.floor(WINDOW_BYTES_MAX / bodyBytes)));
}

interface Cell {
  /** Messages a second. */
  readonly rate: number;
  /** Seconds of the broker's processor time that a gigabyte of bodies took; NaN: not known. */
  readonly seconds: number;
}

let runs = 0;
async function measure({ ports, pid }: Running, row: SizeRow, bodyBytes: number, share: number): Promise<Cell> {
  const subscribers = row.work.subscribers ?? 1;
  const count = Math.min(countMax, Math.max(COUNT_MIN, Math.round(bytesOfCell / bodyBytes))) / subscribers;
  const work: Work = {
    ...ORDINARY,
    ...row.work,
    window: windowOf(row, bodyBytes),
    bodyBytes,
    count: Math.max(COUNT_MIN, Math.round(count * share)),
    destination: `sizes${process.pid}x${++runs}`,
  };
  const to = { publish: ports[work.publish], consume: ports[work.consume] };
  const before = processorSeconds(pid);
  const { rate, complete } =
    values.gauge === undefined ? await runLoad(work, to) : await runGauge(values.gauge, work, to);
  if (complete < 0.9999) throw new Error(`${(100 * complete).toFixed(1)} % came`);
  return { rate, seconds: (processorSeconds(pid) - before) / ((work.count * subscribers * bodyBytes) / 1e9) };
}

/** The disk, given the same bytes. */
async function measureDisk(row: SizeRow, bodyBytes: number, directory: string): Promise<Cell> {
  const open = windowOf(row, bodyBytes) * bodyBytes;
  const bytes = Math.min(bytesOfCell, countMax * bodyBytes);
  const rate = await writeAndSync(directory, bytes, Math.max(bodyBytes, Math.min(PIECE_BYTES_MAX, open)));
  return { rate: (rate * 1e6) / bodyBytes, seconds: Number.NaN };
}

const figures: Record<string, Record<string, Partial<Record<Column, Cell>>>> = {};

/** All of one column. @param cell measures once; @param warm whether it is to be done once before it counts */
async function fill(
  column: Column,
  warm: boolean,
  cell: (row: SizeRow, size: number, share: number) => Promise<Cell>,
): Promise<void> {
  for (const row of rows) {
    if (!row.peers.includes(column === 'before' ? 'entrepot' : column)) continue;
    for (const size of sizes) {
      const cells = ((figures[row.name] ??= {})[sizeText(size)] ??= {});
      try {
        if (warm) await cell(row, size, 0.2);
        for (let i = 0; i < Number(values.repeat); i++) {
          const one = await cell(row, size, 1);
          const best = cells[column];
          cells[column] =
            best === undefined
              ? one
              : { rate: Math.max(best.rate, one.rate), seconds: Math.min(best.seconds, one.seconds) };
        }
      } catch (error) {
        console.error(`${column}: ${row.name}, ${sizeText(size)}: ${(error as Error).message}`);
      }
    }
  }
}

for (const column of COLUMNS) {
  const does = (row: SizeRow): boolean => row.peers.includes(column === 'before' ? 'entrepot' : column);
  if (!asked.includes(column) || !rows.some(does) || (column === 'before' && values.before === undefined)) continue;
  if (column === 'disk') {
    const directory = await mkdtemp(join(tmpdir(), 'entrepot-sizes-'));
    await fill(column, false, (row, size) => measureDisk(row, size, directory));
    await rm(directory, { recursive: true });
    continue;
  }
  if (column !== 'relay' && column !== 'before' && installed(column) === undefined) {
    console.error(`${column} is not installed here; its column stays empty.`);
    continue;
  }
  const running = await start(column);
  try {
    await fill(column, true, (row, size, share) => measure(running, row, size, share));
  } finally {
    await running.stop();
  }
}

function cellText({ rate }: Cell, bytes: number): string {
  const messages = rate >= 10_000 ? `${(rate / 1000).toFixed(0)} k` : rate.toFixed(rate < 100 ? 1 : 0);
  return `${((rate * bytes) / 1e6).toFixed(0)} (${messages})`;
}
const times = (one: Cell | undefined, other: Cell | undefined): string =>
  one === undefined || other === undefined ? '' : (one.rate / other.rate).toFixed(2);
const seconds = (cell: Cell | undefined): string =>
  cell === undefined || Number.isNaN(cell.seconds) ? '' : cell.seconds.toFixed(2);

const shown = COLUMNS.filter((column) =>
  Object.values(figures).some((row) => Object.values(row).some((at) => at[column] !== undefined)),
);
console.log('MB/s (messages a second); ours divided by the others; seconds of processor time a gigabyte\n');
const heads = ['work', 'body', ...shown, '/ best peer', '/ before', '/ relay', '/ disk', 's/GB', 'before'];
console.log(`| ${heads.join(' | ')} |`);
console.log(`|---|---|${'--:|'.repeat(heads.length - 2)}`);
for (const row of rows) {
  for (const size of sizes) {
    const at = figures[row.name]?.[sizeText(size)];
    if (at === undefined || row.name === 'relay') continue;
    const alone = row.work.subscribers === undefined;
    const relay = alone ? figures['relay']?.[sizeText(size)]?.relay : undefined;
    const all = { ...at, ...(relay !== undefined && { relay }) };
    const peers = PEERS.flatMap((column) => at[column] ?? []);
    const best = peers.sort((a, b) => b.rate - a.rate)[0];
    const cells = shown.map((column) => (all[column] === undefined ? '' : cellText(all[column], size)));
    const ours = at.entrepot;
    const ratios = [times(ours, best), times(ours, at.before), times(ours, relay), times(ours, at.disk)];
    console.log(
      `| ${[row.name, sizeText(size), ...cells, ...ratios, seconds(ours), seconds(at.before)].join(' | ')} |`,
    );
  }
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
