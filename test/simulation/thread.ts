/** A thread of the simulation: runs the seeds it is sent, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { runHistory } from './history/history.ts';
import type { ThreadAnswer, ThreadData } from './run.ts';
import { type Sabotage, sabotages } from './sabotage.ts';

const { sabotage: name } = workerData as ThreadData;
const sabotage: Sabotage = name === undefined ? {} : sabotages[name];
sabotage.install?.();
const options = sabotage.files === undefined ? {} : { sabotage: sabotage.files };
const port = parentPort!;
const answer = (message: ThreadAnswer): void => port.postMessage(message);

let row = Promise.resolve();
port.on('message', (seed: number) => {
  row = row.then(async () => {
    answer({ begun: seed });
    answer({ report: await runHistory(seed, options) });
  });
});
