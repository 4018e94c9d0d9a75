/** A broker, an abuser and a bystander, in a process each. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startEntrepot } from '../../conformance/peers/index.ts';
import { Bystander, type Latency } from './bystander.ts';
import { CASES } from './cases/index.ts';

const ABUSER = fileURLToPath(new URL('abuser.ts', import.meta.url));

export interface Outcome extends Latency {
  /** From SIGTERM to the end of the broker's process. */
  readonly stopMs: number;
  /** The same bystander's 99th percentile just before, when nobody abused anything: its own. */
  readonly idleP99Ms: number;
  /** The most that the broker has had in memory. */
  readonly residentPeakBytes: number;
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
}

/** One abuse from beginning to end, with a broker of its own. */
export async function abused(
  index: number,
  { size = 1, measuredMs = 2_000, idleMs = 300, yielding = false }: AbuseOptions = {},
): Promise<Outcome> {
  const { residentMaxBytes } = CASES[index]!;
  // Without a bound of the case's own, its size says how much is held.
  const environment: Record<string, string> =
    residentMaxBytes === undefined
      ? { ENTREPOT_LIMITS_UNSETTLED: '0' }
      : { ENTREPOT_MEMORY_HIGH_WATERMARK: String(residentMaxBytes) };
  const broker = await startEntrepot({ environment });
  let abuser: ChildProcess | undefined;
  try {
    const { amqpPort: amqp, mqttPort: mqtt, stompPort: stomp, redisPort: redis, httpPort: http } = broker;
    const ports = { amqp, mqtt, stomp, redis, http };
    const command = [process.execPath, ABUSER, String(index), JSON.stringify(ports), String(size)];
    if (yielding) command.unshift('nice', '-n', '19');
    abuser = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    await said(abuser, 'prepared');
    const bystander = await Bystander.open(broker.amqpPort);
    await bystander.work(100, 2_000);
    const idle = await bystander.work(idleMs, 2_000);
    abuser.stdin!.write('begin\n');
    const latency = await bystander.work(measuredMs, 10_000);
    if (abuser.exitCode !== null) throw new Error('the abuser has gone: nothing was abused for long');
    const residentPeakBytes = peakBytes(broker.pid);
    const before = performance.now();
    await broker.stop();
    const stopMs = performance.now() - before;
    bystander.close();
    return { ...latency, stopMs, idleP99Ms: idle.p99Ms, residentPeakBytes };
  } finally {
    abuser?.kill('SIGKILL');
    await broker.kill().catch(() => {});
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
