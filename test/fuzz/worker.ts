/** One thread of `scripts/fuzz.ts`. Writes the input it is at where the main thread sees it, for inputs that never end. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './run.ts';
import { targets } from './targets.ts';

export interface FuzzWork {
  readonly name: string;
  readonly seed: number;
  readonly from: number;
  readonly inputs: number;
  /** One number: the input under way. */
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
  told: (done) => parentPort!.postMessage({ done }),
});
parentPort!.postMessage({ result });
