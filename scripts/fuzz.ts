/**
 * `node scripts/fuzz.ts NAME [--inputs N] [--seconds N] [--seed S] [--threads N]`: damaged conversations against one
 * protocol's adapter and a broker in memory (`test/fuzz/`). 1,000,000 unless said, or as many as there is time for, on one
 * thread; Ctrl-C ends it in order. Fails on anything thrown, an error of the adapter's own, a call over 50 ms, memory that
 * stays; exits 1 then, and says with which inputs.
 *
 * `--seed S --only I` runs that one input again.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { FuzzHarness } from '../test/fuzz/harness.ts';
import { inputOf } from '../test/fuzz/mutate.ts';
import type { FuzzResult } from '../test/fuzz/run.ts';
import { targets } from '../test/fuzz/targets.ts';
import type { FuzzWork } from '../test/fuzz/worker.ts';

const PROGRESS_MS = 10_000;
/** An input that is still the same after this long never ends. */
const STUCK_MS = 60_000;

function usage(problem: string): never {
  console.error(
    `${problem}\nusage: fuzz ${Object.keys(targets).join('|')} [--inputs N] [--seconds N] [--seed S] [--threads N] [--only I]`,
  );
  process.exit(2);
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    usage(`--${name} takes a whole number from ${least} on, not "${text}"`);
  return value;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    inputs: { type: 'string', default: '1000000' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const name = positionals[0] ?? '';
const target = targets[name];
if (target === undefined || positionals.length > 1) usage(`"${positionals.join(' ')}" is no target`);
const seed = whole('seed', values.seed, 0);

if (values.only !== undefined) {
  const index = whole('only', values.only, 0);
  const input = inputOf(target, seed, index);
  console.log(`${input.bytes.length} bytes, cut at ${input.cuts.join(' ') || 'no place'}`);
  console.log(input.bytes.subarray(0, 4096).toString('hex').replace(/.{64}/g, '$&\n'));
  const harness = await FuzzHarness.open(target);
  const { longestMs, longestCall } = await harness.converse(input);
  await harness.close();
  console.log(`held; the longest call was ${longestCall}, ${longestMs.toFixed(1)} ms`);
  process.exit(0);
}

const inputs = whole('inputs', values.inputs, 1);
const threads = Math.min(whole('threads', values.threads, 1), inputs);
const startedMs = performance.now();
const done = new Array<number>(threads).fill(0);
const results: FuzzResult[] = [];
const places: Float64Array[] = [];
const told = new Set<string>();
let stopped = false;

function stop(): void {
  stopped = true;
  for (const at of places) at[1] = 1;
}

function tell(failures: readonly string[]): void {
  for (const failure of failures) {
    if (!told.has(failure)) console.log(failure);
    told.add(failure);
  }
}

process.once('SIGINT', stop);
if (values.seconds !== undefined) setTimeout(stop, whole('seconds', values.seconds, 1) * 1_000).unref();

const runs = Array.from({ length: threads }, (_, thread) => {
  const from = Math.floor((inputs * thread) / threads);
  const until = Math.floor((inputs * (thread + 1)) / threads);
  const at = new Float64Array(new SharedArrayBuffer(16));
  places.push(at);
  const work: FuzzWork = { name, seed, from, inputs: until - from, at };
  const worker = new Worker(new URL('../test/fuzz/worker.ts', import.meta.url), { workerData: work });
  let lastAt = -1;
  let sinceMs = performance.now();
  const watch = setInterval(() => {
    if (at[0] !== lastAt) {
      lastAt = at[0]!;
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs > STUCK_MS) {
      console.error(`--seed ${seed} --only ${lastAt}: does not end`);
      process.exit(1);
    }
  }, 1_000);
  return new Promise<void>((resolve, reject) => {
    worker.on('message', (message: { done?: number; failures?: string[]; result?: FuzzResult }) => {
      tell(message.failures ?? []);
      if (message.done !== undefined) done[thread] = message.done;
      if (message.result !== undefined) results.push(message.result);
    });
    worker.on('error', (error) => {
      console.error(`--seed ${seed} --only ${at[0]}: ended the thread`);
      reject(error);
    });
    worker.on('exit', () => {
      clearInterval(watch);
      resolve();
    });
  });
});
const progress = setInterval(() => {
  const sum = done.reduce((a, b) => a + b, 0);
  const perSecond = Math.round((sum * 1000) / (performance.now() - startedMs));
  console.log(`${sum} of ${inputs} inputs, ${perSecond}/s`);
}, PROGRESS_MS);
await Promise.all(runs);
clearInterval(progress);

const failures = results.flatMap((result) => result.failures);
const sum = results.reduce((a, result) => a + result.inputs, 0);
const bytes = results.reduce((a, result) => a + result.bytes, 0);
const longestMs = Math.max(...results.map((result) => result.longestMs));
const kept = results.map((r) => r.memoryLastBytes - r.memoryFirstBytes);
tell(failures);
console.log(
  `${name}: ${sum} inputs, ${(bytes / 1e6).toFixed(0)} MB, in ${((performance.now() - startedMs) / 1000).toFixed(0)} s; ` +
    `longest call ${longestMs.toFixed(1)} ms; memory ${kept.map((n) => `${(n / 1e6).toFixed(1)} MB`).join(', ')} more at the end; ` +
    `${failures.length === 0 && (stopped || sum === inputs) ? 'all held' : `WRONG: ${failures.length}`}`,
);
process.exit(failures.length === 0 && (stopped || sum === inputs) ? 0 : 1);
