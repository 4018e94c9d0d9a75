/**
 * Each feature of the settlement pipeline, in each protocol that has words for it, with client libraries. Prints the table; a cell that is
 * missing without a reason fails. Time is the test's own; `npm run matrix` has the same take as long as it takes a user.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURES } from './matrix/features/features.ts';
import { Scene } from './matrix/scene.ts';
import { openSide } from './matrix/sides/open.ts';
import { PROTOCOLS, type Protocol, type Side } from './matrix/sides/side.ts';

const REAL = process.env['MATRIX_TIME'] === 'real';
let scene: Scene;
const sides = new Map<Protocol, Side>();
const seen = new Map<string, string>();

beforeAll(async () => {
  scene = await Scene.open(REAL);
  for (const protocol of PROTOCOLS) sides.set(protocol, await openSide(scene, protocol));
});
afterAll(async () => {
  for (const side of sides.values()) await side.close();
  await scene.close();
});

describe.each(FEATURES.map((feature) => [feature.name, feature] as const))('%s', (name, feature) => {
  for (const protocol of PROTOCOLS) {
    const reason = feature.none?.[protocol];
    if (reason !== undefined) {
      seen.set(`${name} ${protocol}`, `– ${reason}`);
      continue;
    }
    it(`over ${protocol}`, { timeout: REAL ? 30_000 : 10_000 }, async () => {
      seen.set(`${name} ${protocol}`, await feature.run({ scene, side: sides.get(protocol)!, protocol }));
    });
  }
});

it('there is an answer, or a reason, for each feature in each protocol', () => {
  const rows = FEATURES.map(({ name }) => [
    name,
    ...PROTOCOLS.map((protocol) => seen.get(`${name} ${protocol}`) ?? '?'),
  ]);
  const all = [['', ...PROTOCOLS], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  console.log(
    all
      .map((row) =>
        row
          .map((text, i) => text.padEnd(widths[i]!))
          .join('  ')
          .trimEnd(),
      )
      .join('\n'),
  );
  expect(rows.flat()).not.toContain('?');
});
