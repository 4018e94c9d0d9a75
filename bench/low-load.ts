/**
 * `node bench/low-load.ts --gauge PATH`: what one message costs a broker that has little to do: 10,000 messages a second of 64 B from
 * one publisher to one consumer, so that most turns of its loop carry one message. Processor time of the broker a message, and the
 * latency that the load generator sees; beside the brokers that are installed, another checkout of this one, and two relays that only
 * read and write, in Node and in C (`limit/`): what those cost is the system's share, and no broker can be under it.
 *
 *   --gauge PATH      the neutral load generator (needed: it keeps a rate)      --rounds N   the median of N; default 3
 *   --before PATH     a checkout of another version, beside this one            --seconds N  of each cell; default 6
 *   --rows TEXT       only rows whose name holds this                           --rate N     messages a second; default 10,000
 *
 * Processor time is read from /proc, in ticks of 10 ms: Linux only.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { installed, startEntrepot, startMosquitto, startNats, startRabbitmq } from '../conformance/peers/index.ts';
import { freePorts, startChild, temporaryDirectory } from '../conformance/support/processes.ts';
import { startBareRelay, startRelay } from './limit/start.ts';

const { values } = parseArgs({
  options: {
    gauge: { type: 'string' },
    before: { type: 'string' },
    rows: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '10000' },
  },
});
const { gauge, before } = values;
const rate = Number(values.rate);
const count = rate * Number(values.seconds);
const rounds = Number(values.rounds);
if (gauge === undefined || !(count >= 1000) || !(rounds >= 1)) {
  console.error('see the head of bench/low-load.ts: it needs --gauge PATH');
  process.exit(2);
}

type Protocol = 'amqp' | 'mqtt' | 'stomp';
type Column = 'now' | 'before' | 'rabbitmq' | 'mosquitto' | 'nats' | 'node relay' | 'C relay';
interface Subject {
  readonly pid: number;
  port(protocol: Protocol): number;
  stop(): Promise<void>;
}
interface Cell {
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const OURS: readonly Column[] = ['now', 'before'];
const ROWS: readonly { name: string; protocol: Protocol; words: readonly string[]; columns: readonly Column[] }[] = [
  { name: 'AMQP no-ack', protocol: 'amqp', words: ['--autoack', '1'], columns: [...OURS, 'rabbitmq'] },
  {
    name: 'AMQP confirmed, acknowledged',
    protocol: 'amqp',
    words: ['--confirm', '1', '--persistent', '1', '--autoack', '0', '--prefetch', '1000'],
    columns: [...OURS, 'rabbitmq'],
  },
  {
    name: 'MQTT QoS 0',
    protocol: 'mqtt',
    words: ['--autoack', '1'],
    columns: [...OURS, 'mosquitto', 'nats', 'node relay', 'C relay'],
  },
  {
    name: 'MQTT QoS 1',
    protocol: 'mqtt',
    words: ['--confirm', '1', '--autoack', '0'],
    columns: [...OURS, 'mosquitto', 'nats'],
  },
  { name: 'STOMP auto', protocol: 'stomp', words: ['--autoack', '1'], columns: [...OURS, 'rabbitmq'] },
];

interface Ports {
  readonly pid: number;
  readonly amqpPort: number;
  readonly mqttPort: number;
  readonly stompPort: number;
  stop(): Promise<void>;
}

const broker = (peer: Ports): Subject => ({
  pid: peer.pid,
  port: (protocol) => peer[`${protocol}Port`],
  stop: () => peer.stop(),
});

/** With what every version knows, however old. */
async function startOther(checkout: string): Promise<Subject> {
  const data = await temporaryDirectory('data');
  const [amqp, mqtt, stomp] = (await freePorts(3)) as [number, number, number];
  const ports = { amqp, mqtt, stomp };
  const child = await startChild({
    name: 'before',
    command: process.execPath,
    arguments: [
      join(checkout, 'src', 'main.ts'),
      ...['start', '--data', data.path],
      ...Object.entries(ports).flatMap(([protocol, port]) => ['--listen', `${protocol}://127.0.0.1:${port}`]),
    ],
    directory: checkout,
    readyLine: /\bReady in \d/,
  });
  return {
    pid: child.pid,
    port: (protocol) => ports[protocol],
    async stop() {
      await child.stop();
      await data.remove();
    },
  };
}

async function start(column: Column): Promise<Subject | undefined> {
  switch (column) {
    case 'now':
      return broker(await startEntrepot());
    case 'before':
      return before === undefined ? undefined : startOther(resolve(before));
    case 'rabbitmq':
      return installed('rabbitmq') === undefined ? undefined : broker(await startRabbitmq());
    case 'mosquitto':
      return installed('mosquitto') === undefined ? undefined : broker(await startMosquitto());
    case 'nats':
      return installed('nats') === undefined ? undefined : broker(await startNats());
    default: {
      const relay = await (column === 'C relay' ? startBareRelay() : startRelay());
      return relay && { pid: relay.pid, port: () => relay.port, stop: () => relay.stop() };
    }
  }
}

/** Microseconds, user's and system's. */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function measure(subject: Subject, row: (typeof ROWS)[number], name: string): Promise<Cell> {
  const at = String(subject.port(row.protocol));
  const run = async (
    messages: number,
    destination: string,
  ): Promise<{ received: number; lat_us: { p50: number; p99: number } }> => {
    const words = [
      '--pub',
      row.protocol,
      '--sub',
      row.protocol,
      '--pub-port',
      at,
      '--sub-port',
      at,
      '--size',
      '64',
      '--rate',
      String(rate),
    ];
    const all = [...words, '--count', String(messages), '--dest', destination, ...row.words];
    const { stdout } = await promisify(execFile)(gauge!, all, { timeout: 120_000 });
    return JSON.parse(stdout) as { received: number; lat_us: { p50: number; p99: number } };
  };
  // Code that is run so seldom takes long to be compiled.
  await run(rate * 10, `${name}warm`);
  const from = cpuUs(subject.pid);
  const seen = await run(count, name);
  if (seen.received < count * 0.9999) throw new Error(`${row.name}: ${seen.received} of ${count} came`);
  return { cpuUs: (cpuUs(subject.pid) - from) / count, p50Us: seen.lat_us.p50, p99Us: seen.lat_us.p99 };
}

const middle = (figures: readonly number[]): number =>
  [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)]!;

console.log(`${rate} messages a second of 64 B; µs of processor time a message (latency p50 / p99, µs)`);
for (const row of ROWS.filter(({ name }) => name.includes(values.rows))) {
  const cells = new Map<Column, Cell[]>();
  for (let round = 0; round < rounds; round++) {
    // Turned about, so that a machine that warms up favours nobody.
    for (const column of round % 2 === 0 ? row.columns : row.columns.toReversed()) {
      const subject = await start(column);
      if (subject === undefined) continue;
      try {
        cells.set(column, [...(cells.get(column) ?? []), await measure(subject, row, `low${process.pid}r${round}`)]);
      } finally {
        await subject.stop();
      }
    }
  }
  const told = row.columns
    .filter((column) => cells.has(column))
    .map((column) => {
      const of = (pick: (cell: Cell) => number): string => middle(cells.get(column)!.map(pick)).toFixed(1);
      return `${column} ${of((c) => c.cpuUs)} (${of((c) => c.p50Us)} / ${of((c) => c.p99Us)})`;
    });
  console.log(`  ${row.name.padEnd(30)}${told.join('   ')}`);
}
