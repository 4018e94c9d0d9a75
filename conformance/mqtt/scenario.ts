/**
 * A scenario: what a client does over the wire, what it must see, and which normative statements of the specification say
 * so. The same scenario runs against every broker; what a statement leaves open it does not judge but reports, as the text
 * it returns, so that brokers can be compared there too.
 */
import { Harness, type Need, type Target } from './harness.ts';
import type { Level } from './received.ts';

export interface Scenario {
  readonly name: string;
  readonly level: Level;
  /** Statements that it shows to hold, as `3.1.2-1`; of the version that `level` says. */
  readonly checks: readonly string[];
  readonly needs?: Need;
  /** Throws what is wrong. A text that it gives says what was seen where the specification leaves a choice. */
  readonly run: (harness: Harness) => Promise<unknown>;
}

type Run = Scenario['run'];
type Options = Pick<Scenario, 'needs'>;

export const v3 = (name: string, run: Run): Scenario => ({ name, level: 3, checks: [], run });
export const v4 = (name: string, checks: string, run: Run, options: Options = {}): Scenario => ({
  name,
  level: 4,
  checks: ids(checks),
  run,
  ...options,
});
export const v5 = (name: string, checks: string, run: Run, options: Options = {}): Scenario => ({
  name,
  level: 5,
  checks: ids(checks),
  run,
  ...options,
});
/** The same in 3.1.1 and 5.0, which number their statements differently. */
export const both = (name: string, checks4: string, checks5: string, run: Run, options: Options = {}): Scenario[] => [
  v4(name, checks4, run, options),
  v5(name, checks5, run, options),
];

const ids = (text: string): string[] => text.split(/\s+/).filter((id) => id !== '');

/** As it is printed, and named in the list of differences. */
export const titleOf = (scenario: Scenario): string => `${VERSIONS[scenario.level]}: ${scenario.name}`;
export const VERSIONS: Readonly<Record<Level, string>> = { 3: '3.1', 4: '3.1.1', 5: '5.0' };

/** `passed` with what was seen where the specification leaves a choice, `failed` with why, or `lacking` what it needs. */
export type Result =
  | { readonly outcome: 'passed'; readonly seen: string }
  | { readonly outcome: 'failed'; readonly why: string }
  | { readonly outcome: 'lacking' };

export async function play(scenario: Scenario, target: Target): Promise<Result> {
  if (!target.levels.includes(scenario.level)) return { outcome: 'lacking' };
  if (scenario.needs !== undefined && !target.offers.includes(scenario.needs)) return { outcome: 'lacking' };
  const harness = new Harness(target, scenario.level);
  try {
    const seen = await scenario.run(harness);
    return { outcome: 'passed', seen: typeof seen === 'string' ? seen : '' };
  } catch (error) {
    return { outcome: 'failed', why: (error as Error).message };
  } finally {
    harness.end();
  }
}

/** So many at once: most of them wait for something most of the time. */
const TOGETHER = 12;

/** Plays them all; results in the order of the scenarios. */
export async function playAll(scenarios: readonly Scenario[], target: Target): Promise<readonly Result[]> {
  const results: Result[] = new Array(scenarios.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < scenarios.length) {
      const at = next++;
      results[at] = await play(scenarios[at]!, target);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  return results;
}
