/**
 * What the log takes when JetStream carries it too, beside what JetStream takes alone: `node bench/replication.ts [directory] [seconds]`. It starts
 * three nats-servers of its own on loopback, whose stores lie in the directory for temporary files; so does everything on one machine, which a
 * cluster does not. Figures are for one publisher whose window is so many bytes of records that are not confirmed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../src/clock/clock.ts';
import { Turn } from '../src/clock/turn.ts';
import type { Engine } from '../src/cluster/engine.ts';
import { openJetStream } from '../src/cluster/jetstream/engine.ts';
import { type Leadership, Member } from '../src/cluster/member.ts';
import { nodeFiles } from '../src/log/files/files.ts';
import { Log } from '../src/log/log.ts';
import { Sequence } from '../src/log/sequence.ts';
import { missing, NatsServers } from '../test/cluster/jetstream/servers.ts';

const WINDOW_BYTES = 2 * 1024 * 1024;
const why = missing();
if (why !== undefined) throw new Error(why);
const base = process.argv[2] ?? tmpdir();
const seconds = Number(process.argv[3] ?? 4);
const clock = new SystemClock();
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function line(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(52)} ${value}\n`);
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look().catch(() => null);
    if (found !== null) return found;
    await pause(100);
  }
}

const quantile = (sorted: readonly number[], q: number): string => sorted[Math.floor(sorted.length * q)]!.toFixed(2);

/** One append in flight, of this length. */
async function alone(engine: Engine, bytes: number): Promise<void> {
  const log = await engine.sharedLog(`alone ${bytes}`);
  const body = Buffer.alloc(bytes, 0x61);
  const times: number[] = [];
  const startedMs = performance.now();
  for (let last = 0; performance.now() - startedMs < seconds * 1000; last++) {
    const sentMs = performance.now();
    const stored = await log.append(last, body);
    if (stored.kind !== 'stored') throw new Error(JSON.stringify(stored));
    times.push(performance.now() - sentMs);
  }
  const rate = (times.length * bytes) / (performance.now() - startedMs) / 1000;
  times.sort((a, b) => a - b);
  line(
    `JetStream alone, ${bytes / 1024} KiB, one in flight`,
    `${rate.toFixed(1)} MB/s, p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)}`,
  );
  await log.discardBelow(times.length + 1);
}

/** Confirmed records of this length. */
async function confirmed(
  name: string,
  bytes: number,
  leadership: Leadership | undefined,
  perSecond = Number.POSITIVE_INFINITY,
): Promise<void> {
  const directory = await mkdtemp(join(base, 'entrepot-replication-'));
  const sequence = new Sequence();
  const waiting: { readonly mark: number; readonly count: number; readonly sentMs: number }[] = [];
  const times: number[] = [];
  let safe = 0;
  let sent = 0;
  const log = await Log.open({
    ...{
      files: nodeFiles,
      directory,
      sequence,
      clock,
      turn: new Turn(),
      replay: () => {},
      report: () => {},
      readAlone: () => false,
    },
    ...(leadership !== undefined && { replica: leadership.replica, logId: leadership.logId }),
    onSynced: (mark) => {
      const nowMs = performance.now();
      while (waiting.length > 0 && waiting[0]!.mark <= mark) {
        const { count, sentMs } = waiting.shift()!;
        safe += count;
        times.push(nowMs - sentMs);
      }
    },
    onFailed: (error) => {
      throw error;
    },
  });
  const startedMs = performance.now();
  for (let nowMs = startedMs; nowMs - startedMs < seconds * 1000; nowMs = performance.now()) {
    const allowed = Math.min((WINDOW_BYTES / bytes) | 0, 10_000) - (sent - safe);
    const due = Math.ceil(((nowMs - startedMs) / 1000) * perSecond) - sent;
    const count = Math.min(allowed, due, 1000);
    for (let i = 0; i < count; i++) {
      const seq = sequence.next++;
      const at = log.appendSequenced(1, seq, bytes);
      log.buffer.fill(0x61, at, at + bytes);
      log.addLive(seq, 1);
      log.release(seq, 1);
    }
    if (count > 0) {
      sent += count;
      waiting.push({ mark: log.mark, count, sentMs: nowMs });
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const rate = safe / (performance.now() - startedMs);
  times.sort((a, b) => a - b);
  line(
    name,
    `${(rate * 1000).toFixed(0)}/s, ${((rate * bytes) / 1000).toFixed(1)} MB/s, confirmed p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)}`,
  );
  await new Promise<void>((resolve) => log.close(resolve));
  await rm(directory, { recursive: true, force: true });
}

const servers = await NatsServers.start();
try {
  const engine = await until(() => openJetStream({ servers: servers.urls }, clock));
  await until(() => engine.sharedLog('first of all'));
  for (const kib of [64, 256]) await alone(engine, kib * 1024);
  let log = 0;
  for (const [bytes, perSecond] of [[1024], [64], [1024, 5000]] as const) {
    const what = `${bytes} B${perSecond === undefined ? '' : `, ${perSecond}/s`}`;
    await confirmed(`own disk alone, ${what}`, bytes, undefined, perSecond);
    let measured: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      measured = resolve;
    });
    const files = await mkdtemp(join(base, 'entrepot-follower-'));
    const member = new Member({
      ...{ engine, name: `log ${++log}`, node: 'bench', files: nodeFiles, directory: files, clock, report: () => {} },
      lead: async (leadership) => {
        await confirmed(`own disk and JetStream, ${what}`, bytes, leadership, perSecond);
        measured();
      },
      leave: async () => {},
    });
    await done;
    await member.stop();
    await rm(files, { recursive: true, force: true });
  }
  await engine.close();
} finally {
  await servers.close();
}
process.exit(0);
