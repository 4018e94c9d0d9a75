/**
 * `node bench/tls.ts`: handshakes a second, and messages over TLS beside those of RabbitMQ and Mosquitto, where these are installed.
 *
 *   --repeat N    the best of N runs; default 1        --rows TEXT    only rows whose name holds this
 *
 * Handshakes are whole ones, never resumed, by two processes of `openssl s_time` at once; messages are driven by the project's own
 * generator over TLS 1.3, by one broker at a time.
 */
import { spawn } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { installed, startEntrepot, startMosquitto, startRabbitmq } from '../conformance/peers/index.ts';
import { freePorts, temporaryDirectory } from '../conformance/support/processes.ts';
import { Authority, type Issued, OPENSSL } from '../test/support/certificates.ts';
import { runLoad } from './load/run.ts';
import type { LoadProtocol, Work } from './load/work.ts';

const HANDSHAKE_SECONDS = 5;
const { values } = parseArgs({ options: { repeat: { type: 'string' }, rows: { type: 'string' } } });
const repeat = Number(values.repeat ?? 1);
const wanted = (name: string): boolean => name.includes(values.rows ?? '');

interface Secure {
  readonly amqp?: number;
  readonly mqtt?: number;
  stop(): Promise<void>;
}

const directory = await temporaryDirectory('tls');
await chmod(directory.path, 0o755);
const authority = new Authority(directory.path, 'authority');
const rsa = authority.issue('rsa', { kind: 'rsa2048', dns: ['localhost'] });
const ec = authority.issue('ec', { dns: ['localhost'] });
for (const file of [rsa.certificate, rsa.key, ec.certificate, ec.key]) await chmod(file, 0o644);

async function entrepot({ certificate, key }: Issued): Promise<Secure> {
  const [amqp, mqtt] = (await freePorts(2)) as [number, number];
  const broker = await startEntrepot({
    listen: [`amqps://127.0.0.1:${amqp}`, `mqtts://127.0.0.1:${mqtt}`],
    environment: { ENTREPOT_TLS_CERTIFICATE: certificate, ENTREPOT_TLS_KEY: key },
  });
  return { amqp, mqtt, stop: () => broker.stop() };
}

async function rabbitmq({ certificate, key }: Issued): Promise<Secure> {
  const [amqp, mqtt] = (await freePorts(2)) as [number, number];
  const broker = await startRabbitmq({
    settings: [
      `listeners.ssl.local = 127.0.0.1:${amqp}`,
      `mqtt.listeners.ssl.1 = 127.0.0.1:${mqtt}`,
      `ssl_options.cacertfile = ${authority.certificate}`,
      `ssl_options.certfile = ${certificate}`,
      `ssl_options.keyfile = ${key}`,
      'ssl_options.verify = verify_none',
    ],
  });
  return { amqp, mqtt, stop: () => broker.stop() };
}

async function mosquitto({ certificate, key }: Issued): Promise<Secure> {
  const [mqtt] = (await freePorts(1)) as [number];
  const settings = [`listener ${mqtt} 127.0.0.1`, `certfile ${certificate}`, `keyfile ${key}`];
  const broker = await startMosquitto({ settings });
  return { mqtt, stop: () => broker.stop() };
}

const BROKERS = {
  entrepot,
  ...(installed('rabbitmq') !== undefined && { rabbitmq }),
  ...(installed('mosquitto') !== undefined && { mosquitto }),
};

const AMQP: Partial<Work> = { publish: 'amqp', consume: 'amqp', persistent: true, acknowledge: true };
const MQTT: Partial<Work> = { publish: 'mqtt', consume: 'mqtt', acknowledge: true };
const ROWS: readonly {
  name: string;
  protocol: LoadProtocol & ('amqp' | 'mqtt');
  work: Partial<Work>;
  counts: Record<string, number>;
}[] = [
  {
    name: 'AMQP persistent, confirm, manual ack',
    protocol: 'amqp',
    work: AMQP,
    counts: { entrepot: 600_000, rabbitmq: 100_000 },
  },
  {
    name: 'MQTT QoS 1',
    protocol: 'mqtt',
    work: MQTT,
    counts: { entrepot: 600_000, rabbitmq: 40_000, mosquitto: 100_000 },
  },
];

async function messages(): Promise<void> {
  for (const row of ROWS.filter(({ name }) => wanted(name))) {
    for (const [name, start] of Object.entries(BROKERS)) {
      const count = row.counts[name];
      if (count === undefined) continue;
      const broker = await start(rsa);
      const port = broker[row.protocol]!;
      let best = 0;
      try {
        for (let run = 0; run <= repeat; run++) {
          const work: Work = {
            publish: 'amqp',
            consume: 'amqp',
            count: run === 0 ? Math.ceil(count / 10) : count,
            bodyBytes: 64,
            subscribers: 1,
            fanout: false,
            window: 1000,
            persistent: false,
            acknowledge: false,
            prefetch: 1000,
            publishOnly: false,
            filters: false,
            destination: `tls${run}`,
            ...row.work,
          };
          const { rate, complete } = await runLoad(work, { publish: port, consume: port, secure: true });
          if (complete !== 1) throw new Error(`${name}: ${complete} of the messages came`);
          if (run > 0) best = Math.max(best, rate);
        }
      } finally {
        await broker.stop();
      }
      process.stdout.write(`${row.name.padEnd(40)} ${name.padEnd(10)} ${Math.round(best)} messages/s\n`);
    }
  }
}

/** Connections that one process has made and left again. */
function shakeHands(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const args = ['s_time', '-connect', `127.0.0.1:${port}`, '-new', '-time', String(HANDSHAKE_SECONDS)];
    const child = spawn(OPENSSL!, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += String(chunk)));
    child.on('error', reject);
    child.on('close', () => resolve(Number(/(\d+) connections in \d+ real seconds/.exec(text)?.[1])));
  });
}

async function handshakes(): Promise<void> {
  for (const [kind, issued] of Object.entries({ 'RSA-2048': rsa, 'P-256': ec })) {
    const row = `handshakes, ${kind}`;
    if (!wanted(row)) continue;
    for (const [name, start] of Object.entries(BROKERS)) {
      const broker = await start(issued);
      const counts = await Promise.all([shakeHands(broker.mqtt!), shakeHands(broker.mqtt!)]);
      await broker.stop();
      const rate = (counts[0]! + counts[1]!) / HANDSHAKE_SECONDS;
      process.stdout.write(`${row.padEnd(40)} ${name.padEnd(10)} ${Math.round(rate)} a second\n`);
    }
  }
}

try {
  await messages();
  await handshakes();
} finally {
  await directory.remove();
}
