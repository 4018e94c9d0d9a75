/**
 * `node bench/sizes.ts`: what a body costs by its size, from 16 B to 64 MiB, in every protocol and from one into another, beside
 * the brokers that are installed here and beside a bare relay (`limit/relay.ts`), which does nothing but read and write.
 *
 *   --rows TEXT       only rows whose name holds this             --peers a,b   entrepot, rabbitmq, mosquitto, nats
 *   --sizes 4k,1m     only these; default: all                    --megabytes N of bodies a cell; default 400
 *   --gauge PATH      drive with this neutral load generator      --repeat N    the best of N runs; default 1
 *   --json FILE       write the figures as well                   --count-max N messages a cell at most; default 300,000
 *
 * A cell is messages a second, and megabytes (10^6) of bodies a second. Brokers run one at a time.
 */
import { writeFile } from 'node:fs/promises';
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
import { runGauge } from './load/gauge.ts';
import { ORDINARY } from './load/rows.ts';
import { runLoad } from './load/run.ts';
import type { LoadProtocol, Work } from './load/work.ts';

type Column = 'entrepot' | 'rabbitmq' | 'mosquitto' | 'nats' | 'relay';

interface SizeRow {
  readonly name: string;
  readonly work: Partial<Work> & { publish: LoadProtocol; consume: LoadProtocol };
  /** Who else can do it. */
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
    peers: ['entrepot', 'rabbitmq'],
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
    peers: ['entrepot', 'rabbitmq'],
  },
  ...CROSSINGS.map(
    ([publish, consume]): SizeRow => ({
      name: `${publish.toUpperCase()} in, ${consume.toUpperCase()} out`,
      work: { publish, consume },
      peers: ['entrepot', 'rabbitmq'],
    }),
  ),
];
const COLUMNS: readonly Column[] = ['relay', 'entrepot', 'rabbitmq', 'mosquitto', 'nats'];
/** What a window of messages may amount to: a client keeps them in memory. */
const WINDOW_BYTES_MAX = 64 * MIB;
const COUNT_MIN = 8;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    sizes: { type: 'string' },
    peers: { type: 'string', default: COLUMNS.join(',') },
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
  stop(): Promise<void>;
}

async function start(column: Column): Promise<Running> {
  if (column === 'relay') {
    const relay = await startRelay();
    return { ports: { amqp: -1, mqtt: relay.port, stomp: -1 }, stop: () => relay.stop() };
  }
  const begin = { entrepot: startEntrepot, rabbitmq: startRabbitmq, mosquitto: startMosquitto, nats: startNats };
  const peer: Peer = await begin[column]();
  return {
    ports: { amqp: peer.amqpPort, mqtt: peer.mqttPort, stomp: peer.stompPort },
    stop: () => peer.stop(),
  };
}

/** Open confirms: as many as the row says, and no more than a client would keep in memory. */
function windowOf(row: SizeRow, bodyBytes: number): number {
  return Math.min(row.work.window ?? 0, Math.max(4, Math.floor(WINDOW_BYTES_MAX / bodyBytes)));
}

let runs = 0;
async function measure(ports: Ports, row: SizeRow, bodyBytes: number, share: number): Promise<number> {
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
  const { rate, complete } =
    values.gauge === undefined ? await runLoad(work, to) : await runGauge(values.gauge, work, to);
  if (complete < 0.9999) throw new Error(`${(100 * complete).toFixed(1)} % came`);
  return rate;
}

const figures: Record<string, Record<string, Partial<Record<Column, number>>>> = {};
for (const column of COLUMNS) {
  if (!asked.includes(column) || !rows.some((row) => row.peers.includes(column))) continue;
  if (column !== 'relay' && installed(column) === undefined) {
    console.error(`${column} is not installed here; its column stays empty.`);
    continue;
  }
  const running = await start(column);
  try {
    for (const row of rows) {
      if (!row.peers.includes(column)) continue;
      for (const size of sizes) {
        const cells = ((figures[row.name] ??= {})[sizeText(size)] ??= {});
        try {
          await measure(running.ports, row, size, 0.2);
          for (let i = 0; i < Number(values.repeat); i++) {
            cells[column] = Math.max(cells[column] ?? 0, await measure(running.ports, row, size, 1));
          }
        } catch (error) {
          console.error(`${column}: ${row.name}, ${sizeText(size)}: ${(error as Error).message}`);
        }
      }
    }
  } finally {
    await running.stop();
  }
}

function cell(rate: number | undefined, bytes: number): string {
  if (rate === undefined) return '';
  const messages = rate >= 10_000 ? `${(rate / 1000).toFixed(0)} k` : rate.toFixed(rate < 100 ? 1 : 0);
  return `${messages} (${((rate * bytes) / 1e6).toFixed(0)})`;
}

for (const row of rows) {
  const cells = figures[row.name];
  if (cells === undefined) continue;
  const columns = COLUMNS.filter((column) => Object.values(cells).some((at) => at[column] !== undefined));
  console.log(`\n${row.name}: messages a second (MB/s)\n`);
  console.log(`| body | ${columns.join(' | ')} | of the relay |`);
  console.log(`|---|${columns.map(() => '--:|').join('')}--:|`);
  for (const size of sizes) {
    const at = cells[sizeText(size)] ?? {};
    const relay = figures['relay']?.[sizeText(size)]?.relay;
    const subscribers = row.work.subscribers ?? 1;
    const ratio = relay === undefined || at.entrepot === undefined ? '' : `${(at.entrepot / relay).toFixed(2)} ×`;
    console.log(
      `| ${sizeText(size)} | ${columns.map((column) => cell(at[column], size)).join(' | ')} | ${subscribers > 1 ? '' : ratio} |`,
    );
  }
}
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(figures, undefined, 2));
