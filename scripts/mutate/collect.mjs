// Loaded by every process and thread of the run that learns which tests reach which functions (reach.ts): the planted calls
// of `__hit` end up in one file a test file. Plain JavaScript, since a test may start whatever Node there is.
import { appendFileSync } from 'node:fs';
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
}
