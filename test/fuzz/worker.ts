/** One thread of `scripts/fuzz.ts`. Writes the input it is at where the main thread sees it, for inputs that never end. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './run.ts';
import { targets } from './targets.ts';

export interface FuzzWork {
  readonly name: string;
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  /** Two numbers: the input under way, and whether it is to stop. */
  readonly at: Float64Array;
}

const { name, seed, from, inputs, at } = workerData as FuzzWork;
const result = await fuzz(targets[name]!, {
  seed,
  from,
  inputs,
  began: (index) => {
    at[0] = index;
  },
  told: (done, failures) => parentPort!.postMessage({ done, failures }),
  stop: () => at[1] !== 0,
});
parentPort!.postMessage({ result });
