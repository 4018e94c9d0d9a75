/** What a run shows, in figures: scenarios passed by each broker, differences, and the statements of the specification. */
import { differenceOf } from './differences/differences.ts';
import type { Level } from './received.ts';
import { type Result, type Scenario, titleOf, VERSIONS } from './scenario.ts';
import { NOT_SHOWN, STATEMENTS } from './statements/statements.ts';

export interface Coverage {
  readonly version: string;
  readonly statements: number;
  /** By a scenario that passed. */
  readonly shown: number;
  /** The others: number, what it is about, why not. */
  readonly missing: readonly string[];
}

/** Which statements this broker is shown to keep. */
export function coverageOf(scenarios: readonly Scenario[], results: readonly Result[], level: Level): Coverage {
  const shown = new Set<string>();
  for (const [i, scenario] of scenarios.entries()) {
    if (scenario.level === level && results[i]!.outcome === 'passed') for (const id of scenario.checks) shown.add(id);
  }
  const all = STATEMENTS[level];
  const missing = [...all].filter(([id]) => !shown.has(id));
  return {
    version: VERSIONS[level],
    statements: all.size,
    shown: all.size - missing.length,
    missing: missing.map(([id, about]) => {
      const why = NOT_SHOWN[`${level}: ${id}`] ?? 'no scenario that passes';
      return `[MQTT-${id}] ${about}: ${why}`;
    }),
  };
}

/** Numbers in scenarios that are in no table: a slip of the pen. */
export const unknownStatements = (scenarios: readonly Scenario[]): string[] =>
  scenarios.flatMap((scenario) =>
    scenario.checks.filter((id) => !STATEMENTS[scenario.level].has(id)).map((id) => `${titleOf(scenario)}: ${id}`),
  );

export interface Compared {
  /** Not the same result, or not the same choice, and not listed. */
  readonly unexplained: readonly string[];
  /** Listed, and the same after all. */
  readonly stale: readonly string[];
  readonly differences: number;
}

/** This broker beside a peer: the same, or a listed difference. */
export function compare(
  peer: string,
  scenarios: readonly Scenario[],
  ours: readonly Result[],
  theirs: readonly Result[],
): Compared {
  const unexplained: string[] = [];
  const stale: string[] = [];
  let differences = 0;
  for (const [i, scenario] of scenarios.entries()) {
    const [our, their] = [ours[i]!, theirs[i]!];
    if (our.outcome === 'lacking' || their.outcome === 'lacking') continue;
    const same = say(our) === say(their);
    const listed = differenceOf(peer, scenario) !== undefined;
    if (!same) differences++;
    if (!same && !listed) unexplained.push(`${titleOf(scenario)}\n  ours:   ${say(our)}\n  theirs: ${say(their)}`);
    if (same && listed) stale.push(titleOf(scenario));
  }
  return { unexplained, stale, differences };
}

const say = (result: Result): string => {
  if (result.outcome === 'failed') return 'failed';
  return result.outcome === 'passed' ? `passed${result.seen === '' ? '' : `: ${result.seen}`}` : result.outcome;
};
