/**
 * Runs inputs one after the other and judges them: nothing thrown, no error of the adapter's own, no call that takes too
 * long, no memory that stays.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FuzzHarness } from './harness.ts';
import { inputOf } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** A call longer than this is a hang. Slow ones are tried again by processor time: a busy machine is no adapter's fault. */
export const HANG_MS = 50;
const HANG_TRIES = 4;
/** What clients declare stays in the broker; a new one keeps the inputs apart from what is long past. */
const INPUTS_PER_WORLD = 1_000;
/** Memory is looked at every so many worlds, after the garbage has been collected. */
const WORLDS_PER_LOOK = 5;
/** What is alive may differ by this much from look to look without anything being kept. */
const MEMORY_GROWTH_MAX = 16 * 1024 * 1024;

export interface FuzzOptions {
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  /** Hears of every input before it runs. */
  readonly began?: (index: number) => void;
  /** Hears now and then how far it is, and what has failed by then. */
  readonly told?: (done: number, failures: readonly string[]) => void;
  /** Asked at the same times: enough. */
  readonly stop?: () => boolean;
  /** Stops after so many failures. Default 10. */
  readonly failuresMax?: number;
}

export interface FuzzResult {
  inputs: number;
  bytes: number;
  readonly failures: string[];
  longestMs: number;
  /** What was alive at the first look and at the last, in bytes; 0 for runs too short to tell. */
  memoryFirstBytes: number;
  memoryLastBytes: number;
}

export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, from, inputs } = options;
  const result: FuzzResult = {
    inputs: 0,
    bytes: 0,
    failures: [],
    longestMs: 0,
    memoryFirstBytes: 0,
    memoryLastBytes: 0,
  };
  const failuresMax = options.failuresMax ?? 10;
  const failed = (index: number, what: string): void => {
    result.failures.push(`--seed ${seed} --only ${index}: ${what}`);
  };
  // Adapters make errors of what they are sent; where those were made interests nobody, and costs much time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  let harness = await FuzzHarness.open(target);
  for (let worlds = 0; result.inputs < inputs && result.failures.length < failuresMax; worlds++) {
    const until = Math.min(inputs, result.inputs + INPUTS_PER_WORLD);
    for (; result.inputs < until && result.failures.length < failuresMax; result.inputs++) {
      const index = from + result.inputs;
      options.began?.(index);
      const input = inputOf(target, seed, index);
      result.bytes += input.bytes.length;
      try {
        const { longestMs, longestCall } = await harness.converse(input);
        if (longestMs > HANG_MS && (await hangs(target, seed, index))) {
          failed(index, `${longestCall} took ${longestMs.toFixed(0)} ms`);
        }
        if (longestMs < HANG_MS) result.longestMs = Math.max(result.longestMs, longestMs);
      } catch (error) {
        failed(index, error instanceof Error ? error.message : String(error));
        harness = await FuzzHarness.open(target);
      }
    }
    await harness.close();
    if (worlds % WORLDS_PER_LOOK === 0) {
      const bytes = await aliveBytes();
      // The first look sees caches and compiled code that still grow.
      if (worlds === WORLDS_PER_LOOK) result.memoryFirstBytes = bytes;
      result.memoryLastBytes = bytes;
    }
    options.told?.(result.inputs, result.failures);
    if (options.stop?.() === true) break;
    if (result.inputs < inputs) harness = await FuzzHarness.open(target);
  }
  Error.stackTraceLimit = stackTraceLimit;
  const grown = result.memoryLastBytes - result.memoryFirstBytes;
  if (result.memoryFirstBytes > 0 && grown > MEMORY_GROWTH_MAX) {
    result.failures.push(`--seed ${seed}: ${grown} bytes stayed after ${result.inputs} inputs`);
  }
  return result;
}

/** Whether this input takes too much of the processor's time every time, in a broker of its own. */
async function hangs(target: FuzzTarget, seed: number, index: number): Promise<boolean> {
  for (let i = 0; i < HANG_TRIES; i++) {
    const harness = await FuzzHarness.open(target, processorMs);
    const { longestMs } = await harness.converse(inputOf(target, seed, index));
    await harness.close();
    if (longestMs <= HANG_MS) return false;
  }
  return true;
}

/** What this thread has worked: others that want the processor too do not count. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

let collect: (() => void) | undefined;

/** Bytes that are still referred to. */
async function aliveBytes(): Promise<number> {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  // Twice: memory behind array buffers is given back a turn after its owners have been found dead.
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
