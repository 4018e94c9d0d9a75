/**
 * `node conformance/mqtt/main.ts [--targets entrepot,mosquitto,aedes] [--only TEXT] [--seen]`: plays the MQTT scenarios on
 * each broker and prints what did not pass; `--seen` also prints what was seen where the specification leaves a choice.
 */
import { parseArgs } from 'node:util';
import { playAll, type Result, titleOf } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { available, startTarget, TARGETS, type TargetName } from './targets.ts';

const { values } = parseArgs({
  options: {
    targets: { type: 'string', default: TARGETS.join(',') },
    only: { type: 'string', default: '' },
    seen: { type: 'boolean', default: false },
  },
});
const scenarios = SCENARIOS.filter((scenario) => titleOf(scenario).includes(values.only));
const results = new Map<string, readonly Result[]>();
for (const name of values.targets.split(',') as TargetName[]) {
  if (!TARGETS.includes(name)) throw new Error(`no target is called "${name}": ${TARGETS.join(', ')}`);
  if (!available(name)) {
    console.log(`${name} is not installed here`);
    continue;
  }
  const target = await startTarget(name);
  const startedMs = performance.now();
  try {
    results.set(name, await playAll(scenarios, target));
  } finally {
    await target.stop();
  }
  const count = (outcome: Result['outcome']): number =>
    results.get(name)!.filter((result) => result.outcome === outcome).length;
  console.log(
    `${name} ${target.version}: ${count('passed')} passed, ${count('failed')} failed, ${count('lacking')} not for it, ` +
      `${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
  );
}
for (const [i, scenario] of scenarios.entries()) {
  const lines = [...results].flatMap(([name, all]) => {
    const result = all[i]!;
    if (result.outcome === 'failed') return [`    ${name}: FAILED ${result.why.replaceAll('\n', ' ')}`];
    return values.seen && result.outcome === 'passed' && result.seen !== '' ? [`    ${name}: ${result.seen}`] : [];
  });
  if (lines.length > 0) console.log(`${titleOf(scenario)}\n${lines.join('\n')}`);
}
process.exit(0);
