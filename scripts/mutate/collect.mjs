// Loaded by every process and thread of the run that learns which tests reach which functions (reach.ts): the planted calls
// of `__hit` end up in one file a test file. Plain JavaScript, since a test may start whatever Node there is.
import processes from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const directory = process.env.MUTATE_REACH;
if (directory !== undefined) {
  const seen = new Set();
  let fresh = [];
  globalThis.__hit = (name) => {
    if (seen.has(name)) return;
    seen.add(name);
    fresh.push(name);
  };
  globalThis.__hitFlush = () => {
    const test = process.env.MUTATE_TEST;
    if (test === undefined || fresh.length === 0) return;
    appendFileSync(join(directory, encodeURIComponent(test)), `${fresh.join('\n')}\n`);
    fresh = [];
  };
  setInterval(globalThis.__hitFlush, 200).unref();
  process.on('exit', globalThis.__hitFlush);

  // A test may give a process an environment of its own: it is heard all the same.
  for (const name of ['spawn', 'spawnSync', 'execFile', 'execFileSync', 'fork']) {
    const original = processes[name];
    const withEnvironment = (...given) => {
      const { NODE_OPTIONS, MUTATE_REACH, MUTATE_TEST } = process.env;
      const heard = { NODE_OPTIONS, MUTATE_REACH, MUTATE_TEST };
      return original(...given.map((each) => (each?.env ? { ...each, env: { ...each.env, ...heard } } : each)));
    };
    // What `promisify` makes of them is a property of theirs.
    processes[name] = Object.defineProperties(withEnvironment, Object.getOwnPropertyDescriptors(original));
  }
  syncBuiltinESMExports();
}
