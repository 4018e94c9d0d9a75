/**
 * Traces a broker while it confirms messages in each protocol, and judges the trace. A kill leaves the page cache whole,
 * so no number of kills can tell a broker that syncs from one that only writes; the order of its system calls can.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { connectStomp } from '../clients/stomp.ts';
import { startEntrepot } from '../peers/index.ts';
import { until, within } from '../support/inbox.ts';
import { temporaryDirectory } from '../support/processes.ts';
import { parseTrace } from './strace.ts';
import { type Expected, judge, type Verdict } from './verdict.ts';

/** Unconfirmed at a time: more than one, so that several share a sync, few enough for many syncs. */
const WINDOW = 8;

export const straceInstalled = (): boolean => spawnSync('strace', ['-V']).status === 0;

export async function traceConfirms(count: number): Promise<Verdict[]> {
  const directory = await temporaryDirectory('trace');
  const file = join(directory.path, 'trace');
  const data = join(realpathSync(directory.path), 'data');
  const calls = 'openat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync';
  const broker = await startEntrepot({
    data,
    // -D: the tracer is the broker's child and not its parent, so that our signals reach the broker.
    under: [
      'strace',
      '-D',
      '-f',
      '-ttt',
      '-T',
      '-xx',
      '-yy',
      '-s',
      '4000000',
      '-e',
      `trace=${calls}`,
      '-o',
      file,
      '--',
    ],
    // File and socket calls by way of io_uring would be invisible here.
    environment: { UV_USE_IO_URING: '0' },
  });
  try {
    const operator = await amqp.connect(`amqp://guest:guest@127.0.0.1:${broker.amqpPort}`);
    const channel = await operator.createConfirmChannel();
    await channel.assertQueue('trace', { durable: true });
    await channel.bindQueue('trace', 'amq.topic', 'trace.#');

    const expected: Expected[] = [];
    const byTag = new Map<string, string>();
    await windowed(count, (i, done) => {
      const id = `<trace-amqp-${i}>`;
      byTag.set(String(i + 1), id);
      channel.publish('amq.topic', 'trace.amqp', Buffer.from(id), { persistent: true }, (error) => done(error));
    });
    expected.push({ protocol: 'amqp', port: broker.amqpPort, messages: byTag });
    await operator.close();

    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.mqttPort}`, {
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    const byPacket = new Map<string, string>();
    device.on('packetsend', (packet) => {
      if (packet.cmd === 'publish') byPacket.set(String(packet.messageId), packet.payload.toString());
    });
    await windowed(count, (i, done) => {
      device.publish('trace/mqtt', `<trace-mqtt-${i}>`, { qos: 1 }, (error) => done(error));
    });
    expected.push({ protocol: 'mqtt', port: broker.mqttPort, messages: byPacket });
    await device.endAsync();

    const stomp = await connectStomp(broker.stompPort);
    const byReceipt = new Map<string, string>();
    await windowed(count, (i, done) => {
      const id = `<trace-stomp-${i}>`;
      // stompit numbers its receipts from 1; these are the only frames on the connection that ask for one.
      byReceipt.set(String(i + 1), id);
      stomp.publishTopic(['trace', 'stomp'], { body: Buffer.from(id) }).then(() => done(null), done);
    });
    expected.push({ protocol: 'stomp', port: broker.stompPort, messages: byReceipt });
    await stomp.close();

    await broker.stop();
    await until(() => existsSync(file) && /\+\+\+ (exited|killed)[^\n]*\n$/.test(tail(file)), 'the trace is complete');
    const trace = parseTrace(readFileSync(file, 'latin1'));
    return expected.map((one) => judge(trace, data, one));
  } finally {
    await broker.stop();
    await directory.remove();
  }
}

const tail = (file: string): string => readFileSync(file, 'latin1').slice(-500);

/** Does `count` things, a few at a time; resolves when all are done. */
function windowed(count: number, start: (i: number, done: (error?: unknown) => void) => void): Promise<void> {
  const all = new Promise<void>((resolve, reject) => {
    let started = 0;
    let finished = 0;
    const next = (): void => {
      const i = started++;
      start(i, (error) => {
        if (error !== null && error !== undefined) return reject(error as Error);
        if (++finished === count) resolve();
        else if (started < count) next();
      });
    };
    while (started < Math.min(WINDOW, count)) next();
  });
  return within(all, 120_000, () => 'the confirms did not come');
}
