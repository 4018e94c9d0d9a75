/**
 * All MQTT scenarios: this broker always; Mosquitto and aedes beside it when the peers are asked for (`npm run conformance`)
 * and installed, and then: the same result, or a listed difference. Counts, and how much of the specification is shown, are
 * printed at the end.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare, coverageOf, unknownStatements } from './report.ts';
import { playAll, type Result, titleOf } from './scenario.ts';
import { CHAPTERS, SCENARIOS } from './scenarios/index.ts';
import { available, startTarget, type TargetName } from './targets.ts';

const asked = process.env['CONFORMANCE_PEERS'] === 'all';
const lines: string[] = [];

async function playOn(name: TargetName): Promise<readonly Result[]> {
  const target = await startTarget(name);
  try {
    const results = await playAll(SCENARIOS, target);
    const count = (outcome: Result['outcome']): number => results.filter((r) => r.outcome === outcome).length;
    const lacking = count('lacking') > 0 ? `, ${count('lacking')} not for it` : '';
    lines.push(`  ${name} ${target.version}: ${count('passed')} passed, ${count('failed')} failed${lacking}`);
    return results;
  } finally {
    await target.stop();
  }
}

describe('MQTT scenarios', () => {
  let ours: readonly Result[];
  beforeAll(async () => {
    lines.push(`MQTT: ${SCENARIOS.length} scenarios, ${Object.keys(CHAPTERS).length} chapters`);
    ours = await playOn('entrepot');
  }, 120_000);

  afterAll(() => {
    for (const level of [4, 5] as const) {
      const { version, statements, shown, missing } = coverageOf(SCENARIOS, ours, level);
      lines.push(`  ${version}: ${shown} of ${statements} normative statements on servers shown`);
      for (const line of missing) lines.push(`    not: ${line}`);
    }
    console.log(lines.join('\n'));
  });

  it('name statements that there are', () => expect(unknownStatements(SCENARIOS)).toEqual([]));
  it('have titles of their own', () => expect(new Set(SCENARIOS.map(titleOf)).size).toBe(SCENARIOS.length));

  for (const [chapter, its] of Object.entries(CHAPTERS)) {
    describe(`${chapter}, on this broker`, () => {
      for (const scenario of its) {
        it(`${titleOf(scenario)} [${scenario.checks.map((id) => `MQTT-${id}`).join(' ')}]`, () => {
          const result = ours[SCENARIOS.indexOf(scenario)]!;
          expect(result.outcome === 'failed' ? result.why : result.outcome).toBe('passed');
        });
      }
    });
  }

  for (const peer of ['mosquitto', 'aedes'] as const) {
    it.skipIf(!asked || !available(peer))(
      `${peer}: the same, or a listed difference`,
      { timeout: 180_000 },
      async () => {
        const theirs = await playOn(peer);
        const { unexplained, stale, differences } = compare(peer, SCENARIOS, ours, theirs);
        lines.push(`    ${differences} differences, in conformance/mqtt/differences/`);
        expect(unexplained).toEqual([]);
        expect(stale).toEqual([]);
      },
    );
  }
});
