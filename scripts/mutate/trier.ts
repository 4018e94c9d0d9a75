/**
 * Tries faults: plants one and runs tests in one process, all in the same worker (modules are loaded once, not for each file),
 * until one fails. That counts if the file fails by itself, too, and passes where no fault is planted.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Fault } from './faults.ts';
import { tookMs } from './order.ts';
import type { Planting } from './planting.ts';
import type { Reach } from './reach.ts';
import { type Outcome, runTests } from './trial.ts';

/** A file gets this much longer than it took before, and so much on top, before a fault counts as an endless loop. */
const LIMIT_FACTOR = 6;
const LIMIT_EXTRA_MS = 12_000;
/** The same for a single test, and what one takes at most where it is not known. */
const TEST_FACTOR = 5;
const TEST_EXTRA_MS = 5_000;
const TEST_UNKNOWN_MS = 1_000;

export interface Tried {
  readonly noticedBy: string | null;
  /** Test files that ran without noticing. */
  readonly passed: readonly string[];
}

export class Trier {
  readonly #copy: string;
  readonly #planting: Planting;
  readonly #reach: Reach;
  readonly #config: string;
  readonly #knownPath: string;
  /** Whether a test file passes where no fault is planted, as far as it was asked. */
  readonly #sound: Map<string, boolean>;

  constructor(copy: string, planting: Planting, reach: Reach, config: string, knownPath: string) {
    this.#copy = copy;
    this.#planting = planting;
    this.#reach = reach;
    this.#config = config;
    this.#knownPath = knownPath;
    const known = existsSync(knownPath) ? (JSON.parse(readFileSync(knownPath, 'utf8')) as [string, boolean][]) : [];
    this.#sound = new Map(known);
  }

  #run(tests: readonly string[]): Promise<Outcome> {
    const longestMs = tests.map(
      (test) => this.#reach.longest[test] ?? Math.min(tookMs(this.#reach, test), TEST_UNKNOWN_MS),
    );
    return runTests(this.#copy, this.#config, tests, {
      bail: true,
      limitMs: (test) => tookMs(this.#reach, test) * LIMIT_FACTOR + LIMIT_EXTRA_MS,
      testMs: Math.round(Math.max(...longestMs) * TEST_FACTOR + TEST_EXTRA_MS),
    });
  }

  async #isSound(file: string, fault: Fault): Promise<boolean> {
    const known = this.#sound.get(file);
    if (known !== undefined) return known;
    this.#planting.restore();
    const without = await this.#run([file]);
    this.#planting.plant([fault]);
    const sound = without.noticedBy === null;
    if (!sound && without.file === null) throw new Error(`no test can be run in ${this.#copy}: ${without.noticedBy}`);
    if (!sound) console.log(`    ${file} fails without a fault, too, and is left out from now on`);
    this.#know([file], sound);
    return sound;
  }

  #know(tests: readonly string[], sound: boolean): void {
    for (const test of tests) this.#sound.set(test, sound);
    writeFileSync(this.#knownPath, JSON.stringify([...this.#sound]));
  }

  async try(fault: Fault, tests: readonly string[]): Promise<Tried> {
    const passed: string[] = [];
    let left = tests.filter((test) => this.#sound.get(test) !== false);
    this.#planting.plant([fault]);
    try {
      while (left.length > 0) {
        const outcome = await this.#run(left);
        // Of a run that ends before a file has begun: the first.
        const file = outcome.file ?? left[0]!;
        let { noticedBy } = outcome;
        passed.push(...outcome.passed);
        // What passes in spite of a fault would pass without.
        this.#know(outcome.passed, true);
        if (noticedBy === null) break;
        const alone = outcome.file === left[0] && !noticedBy.endsWith(': timeout');
        if (!alone) ({ noticedBy } = await this.#run([file]));
        if (noticedBy !== null && (await this.#isSound(file, fault))) return { noticedBy, passed };
        if (noticedBy === null) {
          console.log(`    ${file} fails behind others only, or once only`);
          passed.push(file);
        }
        left = left.filter((test) => test !== file && !outcome.passed.includes(test));
      }
    } finally {
      this.#planting.restore();
    }
    return { noticedBy: null, passed };
  }
}
