/**
 * Data directories of earlier versions: each is opened, and everything in it is there. `npm run fixture` writes one by this version:
 * `test/fixtures/data-VERSION-stopped.json.gz`, and `-killed`, as a kill would have left it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startTestBroker, withTemporaryDirectory } from '../support/broker.ts';
import { check, OPTIONS } from './contents.ts';
import { unpack } from './packed.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const found = readdirSync(FIXTURES).filter((name) => /^data-.*\.json\.gz$/.test(name));

it('there are some, small ones', () => {
  expect(found.length).toBeGreaterThanOrEqual(2);
  for (const name of found) expect(readFileSync(join(FIXTURES, name)).length).toBeLessThan(100_000);
});

it.each(found)('%s is opened, and everything is there', async (name) => {
  await withTemporaryDirectory(async (data) => {
    unpack(readFileSync(join(FIXTURES, name)), data);
    const broker = await startTestBroker({ data, ...OPTIONS });
    try {
      await check(broker);
    } finally {
      await broker.close();
    }
    // What it has written over it is read by itself as well.
    const again = await startTestBroker({ data, ...OPTIONS });
    expect(again.users.get('keeper')).toBeDefined();
    await again.close();
  });
});
