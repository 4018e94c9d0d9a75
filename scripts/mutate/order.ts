/** In which order the tests that reach a fault are run: what is most likely to notice it for its time comes first. */
import type { Fault } from './faults.ts';
import { type Reach, testsReaching } from './reach.ts';
import type { Result } from './results.ts';

/** What a test file takes that is not known, and what each takes besides its tests, in ms. */
const UNKNOWN_MS = 1_000;
const EACH_MS = 250;
/** Guesses: how likely a test of the same name notices a fault, one of the same folder, one for each folder further off. */
const SAME_NAME = 0.6;
const SAME_FOLDER = 0.35;
const FURTHER = 0.6;
/** One that has noticed another fault of the same function, of the same file. */
const SAME_FUNCTION = 0.7;
const SAME_FILE = 0.45;

export const tookMs = (reach: Reach, test: string): number => reach.took[test] ?? UNKNOWN_MS;

/** How likely a test notices, by the names alone. */
function byName(file: string, test: string): number {
  const of = file.replace(/^src\//, '').split('/');
  const against = test.replace(/^(test|conformance)\//, '').split('/');
  if (test.startsWith('conformance/')) against.unshift('protocols');
  const name = of.at(-1)!.replace(/\.ts$/, '');
  if (against.at(-1)!.startsWith(`${name}.`)) return SAME_NAME;
  const folders = of.length - 1;
  let same = 0;
  while (same < folders && same < against.length - 1 && of[same] === against[same]) same++;
  return SAME_FOLDER * FURTHER ** (folders - same);
}

/** The test files that reach a fault in the order in which to run them. */
export function orderedTests(reach: Reach, fault: Fault, before: readonly Result[]): string[] {
  const likely = new Map<string, number>();
  for (const { fault: other, noticedBy } of before) {
    if (other.file !== fault.file || noticedBy === null) continue;
    const test = noticedBy.slice(0, noticedBy.indexOf(': '));
    const so = other.where === fault.where ? SAME_FUNCTION : SAME_FILE;
    likely.set(test, Math.max(likely.get(test) ?? 0, so));
  }
  const worth = (test: string): number =>
    Math.max(byName(fault.file, test), likely.get(test) ?? 0) / (EACH_MS + tookMs(reach, test));
  return testsReaching(reach, fault.file, fault.where)
    .map((test) => ({ test, worth: worth(test) }))
    .sort((a, b) => b.worth - a.worth || (a.test < b.test ? -1 : 1))
    .map(({ test }) => test);
}
