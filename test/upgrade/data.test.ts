/**
 * Data directories of earlier versions: each is opened, and everything in it is there. `npm run fixture` writes one by this version:
 * `test/fixtures/data-VERSION-2-stopped.json.gz`, and `-killed`, as a kill would have left it. Those without the 2 are older, and hold
 * what `contents.ts` has made alone.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { nodeFiles } from '../../src/log/files/files.ts';
import { dumpLog } from '../../src/log/read/offline.ts';
import { logsIn } from '../../src/vhost/journal/offline.ts';
import * as RECORD_TYPES from '../../src/vhost/journal/records/types.ts';
import { startTestBroker, withTemporaryDirectory } from '../support/broker.ts';
import { check, OPTIONS } from './contents.ts';
import { checkLater, LATER_OPTIONS } from './later.ts';
import { unpack } from './packed.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const found = readdirSync(FIXTURES).filter((name) => /^data-.*\.json\.gz$/.test(name));

it('there are some, small ones', () => {
  expect(found.length).toBeGreaterThanOrEqual(2);
  for (const name of found) expect(readFileSync(join(FIXTURES, name)).length).toBeLessThan(100_000);
});

it.each(found)('%s is opened, and everything is there', { timeout: 60_000 }, async (name) => {
  const isLater = /-2-/.test(name);
  const options = isLater ? LATER_OPTIONS : OPTIONS;
  await withTemporaryDirectory(async (data) => {
    unpack(readFileSync(join(FIXTURES, name)), data);
    const broker = await startTestBroker({ data, ...options });
    try {
      await check(broker, isLater ? await checkLater(broker) : 0);
    } finally {
      await broker.close();
    }
    // What it has written over it is read by itself as well.
    const again = await startTestBroker({ data, ...options });
    expect(again.users.get('keeper')).toBeDefined();
    await again.close();
  });
});

it('they hold every type of record that there is: one that is added wants a new fixture', async () => {
  const types = new Set<number>();
  for (const name of found) {
    await withTemporaryDirectory(async (data) => {
      unpack(readFileSync(join(FIXTURES, name)), data);
      for (const { directory } of await logsIn(data)) {
        await dumpLog({ files: nodeFiles, directory }, ({ type }) => {
          types.add(type);
          return true;
        });
      }
    });
  }
  const missing = Object.entries(RECORD_TYPES).filter(([, type]) => !types.has(type));
  expect(missing.map(([name]) => name)).toEqual([]);
});
