/**
 * A broker that npm has started (`npx entrepot start`, `npm start` in a clone) ends with it: npm hands signals to a shell, which hands on nothing,
 * so that a broker whose npm was told to stop ran on. Started in any other way it may outlive whoever did.
 */

import { type Clock, Timer } from '../clock/clock.ts';

/** How often it is looked. */
const LOOK_MS = 500;

/** @param gone called once, when the process that has started this one is gone */
export function watchNpm(environment: NodeJS.ProcessEnv, clock: Clock, gone: () => void): void {
  const { npm_lifecycle_event: event, npm_package_name: name } = environment;
  if (event !== 'npx' && !(event === 'start' && name === 'entrepot')) return;
  const caller = process.ppid;
  const looking = new Timer(() => {
    if (process.ppid === caller) clock.schedule(looking, LOOK_MS);
    else gone();
  });
  clock.schedule(looking, LOOK_MS);
}
