/** A broker, an abuser and a bystander, in a process each. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startEntrepot } from '../../conformance/peers/index.ts';
import { Bystander, type Latency } from './bystander.ts';
import { CASES } from './cases/index.ts';
import type { Ports } from './wire.ts';

const ABUSER = fileURLToPath(new URL('abuser.ts', import.meta.url));

export interface Outcome extends Latency {
  /** From SIGTERM to the end of the broker's process. */
  readonly stopMs: number;
  /** The same bystander's 99th percentile just before, when nobody abused anything: its own. */
  readonly idleP99Ms: number;
  /** The most that the broker has had in memory. */
  readonly residentPeakBytes: number;
}

/** What is abused. */
export interface Target {
  readonly ports: Ports;
  /** Where the bystander comes in. */
  readonly bystanderPort: number;
  readonly pid: number;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface AbuseOptions {
  readonly size?: number;
  /** How long the bystander's work is measured. */
  readonly measuredMs?: number;
  /** How long before that it is measured alone. */
  readonly idleMs?: number;
  /**
   * The abuser gets a processor only where nobody else wants it (`nice -n 19`): then it takes none from broker and bystander, and what the
   * bystander waits for is the broker alone.
   */
  readonly yielding?: boolean;
  /** Starts what is abused. Default: this broker. */
  readonly start?: (environment: Record<string, string>) => Promise<Target>;
}

async function startBroker(environment: Record<string, string>): Promise<Target> {
  const broker = await startEntrepot({ environment });
  const { amqpPort: amqp, mqttPort: mqtt, stompPort: stomp, redisPort: redis, httpPort: http } = broker;
  return {
    ports: { amqp, mqtt, stomp, redis, http },
    bystanderPort: amqp,
    pid: broker.pid,
    stop: () => broker.stop(),
    kill: () => broker.kill(),
  };
}

/** One abuse from beginning to end, with a broker of its own. */
export async function abused(
  index: number,
  { size = 1, measuredMs = 2_000, idleMs = 300, yielding = false, start = startBroker }: AbuseOptions = {},
): Promise<Outcome> {
  const { residentMaxBytes, environment: more } = CASES[index]!;
  // Without a bound of the case's own, its size says how much is held.
  const environment: Record<string, string> =
    residentMaxBytes === undefined
      ? { ENTREPOT_LIMITS_UNSETTLED: '0' }
      : { ENTREPOT_MEMORY_HIGH_WATERMARK: String(residentMaxBytes) };
  const target = await start({ ...environment, ...more });
  let abuser: ChildProcess | undefined;
  try {
    const command = [process.execPath, ABUSER, String(index), JSON.stringify(target.ports), String(size)];
    if (yielding) command.unshift('nice', '-n', '19');
    abuser = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    await said(abuser, 'prepared');
    const bystander = await Bystander.open(target.bystanderPort);
    await bystander.work(100, 2_000);
    const idle = await bystander.work(idleMs, 2_000);
    abuser.stdin!.write('begin\n');
    const latency = await bystander.work(measuredMs, 10_000);
    if (abuser.exitCode !== null) throw new Error('the abuser has gone: nothing was abused for long');
    const residentPeakBytes = peakBytes(target.pid);
    const before = performance.now();
    await target.stop();
    const stopMs = performance.now() - before;
    bystander.close();
    return { ...latency, stopMs, idleP99Ms: idle.p99Ms, residentPeakBytes };
  } finally {
    abuser?.kill('SIGKILL');
    await target.kill().catch(() => {});
  }
}

function peakBytes(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))!;
  return Number(kilobytes) * 1024;
}

async function said(child: ChildProcess, word: string): Promise<void> {
  let text = '';
  const gone = once(child, 'exit').then(() => {
    throw new Error(`the abuser has gone before it said '${word}'`);
  });
  gone.catch(() => {});
  await Promise.race([
    gone,
    (async () => {
      while (!text.includes(word)) text += String((await once(child.stdout!, 'data'))[0]);
    })(),
  ]);
}
