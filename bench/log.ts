/**
 * What the log itself can do, without a broker around it: `node bench/log.ts [directory]`. The directory should be on the
 * disk that is meant to be measured; it is removed afterwards.
 *
 * - appends end to end: a publisher with a window of unconfirmed records, as a connection with confirms is; - latency of a
 * lone record, which is what one flush costs; - look-ups, in processor time, so that what else the machine does counts less:
 * in order, by a second reader further back, and at random, all in memory; - recovery of what was written.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SystemClock } from '../src/clock/clock.ts';
import { Turn } from '../src/clock/turn.ts';
import { nodeFiles } from '../src/log/files/files.ts';
import { RecordRef } from '../src/log/format/record.ts';
import { Log } from '../src/log/log.ts';
import { Sequence } from '../src/log/sequence.ts';
import { TransientStore } from '../src/log/transient/transient-store.ts';

const WINDOW = 10_000;
const clock = new SystemClock();

function line(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(56)} ${value}\n`);
}

interface Opened {
  log: Log;
  sequence: Sequence;
  turn: Turn;
  /** Called with every synced mark. */
  onSynced: (mark: number) => void;
  records: number;
}

async function open(directory: string): Promise<Opened> {
  const opened = { sequence: new Sequence(), turn: new Turn(), onSynced: () => {}, records: 0 } as unknown as Opened;
  opened.log = await Log.open({
    files: nodeFiles,
    directory,
    sequence: opened.sequence,
    turn: opened.turn,
    clock,
    replay: () => {
      opened.records++;
    },
    onSynced: (mark) => opened.onSynced(mark),
    onFailed: (error) => {
      throw error;
    },
    checkpointDue: () => {
      const { log } = opened;
      log.beginCheckpoint();
      log.append(130, 64);
      log.endCheckpoint();
    },
    report: () => {},
  });
  opened.log.referencesCounted();
  return opened;
}

/** Appends `count` records with at most WINDOW unconfirmed, references added and taken away as a queue would. */
function publish(opened: Opened, count: number, bytes: number): Promise<number> {
  const { log, sequence } = opened;
  const body = Buffer.alloc(bytes, 0x61);
  const marks: number[] = [];
  const counts: number[] = [];
  let sent = 0;
  let confirmed = 0;
  const first = sequence.next;
  const started = performance.now();
  return new Promise((resolve) => {
    const pump = (): void => {
      const until = Math.min(count, confirmed + WINDOW);
      // A turn reads so much from its sockets and no more.
      const stop = Math.min(until, sent + 1000);
      if (sent === stop) return;
      const from = sent;
      for (; sent < stop; sent++) {
        const seq = sequence.next++;
        const at = log.appendSequenced(1, seq, bytes);
        if (bytes > 48) body.copy(log.buffer, at);
        else for (let i = 0; i < bytes; i++) log.buffer[at + i] = body[i]!;
        log.addLive(seq, 1);
      }
      marks.push(log.mark);
      counts.push(sent - from);
      if (sent < until) setImmediate(pump);
    };
    opened.onSynced = (mark) => {
      const idle = sent === Math.min(count, confirmed + WINDOW);
      while (marks.length > 0 && marks[0]! <= mark) {
        marks.shift();
        const n = counts.shift()!;
        for (let i = 0; i < n; i++) log.release(first + confirmed + i, 1);
        confirmed += n;
      }
      if (confirmed === count) {
        opened.onSynced = () => {};
        resolve(performance.now() - started);
      } else if (idle) setImmediate(pump);
    };
    pump();
  });
}

async function latency(opened: Opened, rounds: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const started = performance.now();
    await new Promise<void>((resolve) => {
      opened.onSynced = () => resolve();
      opened.log.appendSequenced(1, opened.sequence.next++, 64);
    });
    times.push(performance.now() - started);
  }
  opened.onSynced = () => {};
  return times.sort((a, b) => a - b);
}

function lookUps(log: Log | TransientStore, first: number, count: number): void {
  const ref = new RecordRef();
  const rounds = 20;
  const time = (name: string, next: (i: number) => number): void => {
    let found = 0;
    const started = process.cpuUsage().user;
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < count; i++) if (log.locate(first + next(i), ref)) found += ref.end - ref.start > 0 ? 1 : 0;
    }
    const ns = ((process.cpuUsage().user - started) * 1e3) / (rounds * count);
    if (found !== rounds * count) throw new Error(`${name}: found ${found} of ${rounds * count}`);
    line(`locate, ${name}`, `${ns.toFixed(1)} ns`);
  };
  time('in order', (i) => i);
  time('two readers in turn', (i) => (i & 1 ? i : (i + (count >> 1)) % count));
  time('at random', (i) => (i * 7919) % count);
  const started = process.cpuUsage().user;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < count; i++) log.addLive(first + i, 1);
    for (let i = 0; i < count; i++) log.release(first + i, 1);
  }
  line('addLive and release', `${(((process.cpuUsage().user - started) * 1e3) / (rounds * count)).toFixed(1)} ns`);
}

const base = await mkdtemp(join(process.argv[2] ?? '.', 'bench-log-'));
try {
  for (const [bytes, count] of [
    [64, 2_000_000],
    [1024, 400_000],
  ] as const) {
    const opened = await open(join(base, `log-${bytes}`));
    await publish(opened, count / 4, bytes); // warm
    for (let round = 0; round < 3; round++) {
      const ms = await publish(opened, count, bytes);
      const rate = (count / ms) * 1000;
      line(
        `append ${bytes} B, synced, window ${WINDOW}`,
        `${Math.round(rate / 1000)} k/s, ${Math.round((rate * (bytes + 10)) / 1e6)} MB/s`,
      );
    }
    if (bytes === 64) {
      const times = await latency(opened, 2000);
      line('one record alone, synced', `p50 ${times[1000]!.toFixed(2)} ms, p99 ${times[1980]!.toFixed(2)} ms`);
    }
    const first = opened.sequence.next;
    const kept = 100_000;
    for (let i = 0; i < kept; i++) {
      opened.log.addLive(opened.sequence.next, 1);
      opened.log.appendSequenced(1, opened.sequence.next++, 64);
      opened.log.addLive(first + i, 1);
    }
    if (bytes === 64) lookUps(opened.log, first, kept);
    await new Promise<void>((resolve) => opened.log.close(resolve));
    const started = performance.now();
    const again = await open(join(base, `log-${bytes}`));
    const ms = performance.now() - started;
    line('recovery', `${again.records} records in ${ms.toFixed(0)} ms, ${again.log.recovered.bytes} bytes`);
    await new Promise<void>((resolve) => again.log.close(resolve));
  }
  const turn = new Turn();
  const store = await TransientStore.open({ files: nodeFiles, directory: base, turn, clock });
  const count = 2_000_000;
  const body = Buffer.alloc(64, 0x61);
  const started = performance.now();
  for (let seq = 1; seq <= count; seq++) {
    const at = store.appendSequenced(1, seq, 64);
    body.copy(store.buffer, at);
    store.addLive(seq, 1);
    if (seq > 1000) store.release(seq - 1000, 1);
    if (seq % 1000 === 0) turn.end();
  }
  line('transient: append, addLive, release', `${(((performance.now() - started) * 1e6) / count).toFixed(0)} ns`);
  await new Promise<void>((resolve) => store.close(resolve));
} finally {
  await rm(base, { recursive: true, force: true });
  clock.stop();
}
