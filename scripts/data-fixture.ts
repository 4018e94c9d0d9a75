/** Writes data directories by this version, for later ones to open: `npm run fixture`. One was stopped in order, one looks as a kill leaves it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../src/version.ts';
import { startTestBroker, withTemporaryDirectory } from '../test/support/broker.ts';
import { fill } from '../test/upgrade/contents.ts';
import { fillLater, LATER_OPTIONS } from '../test/upgrade/later.ts';
import { pack } from '../test/upgrade/packed.ts';

const FIXTURES = fileURLToPath(new URL('../test/fixtures/', import.meta.url));

await withTemporaryDirectory(async (data) => {
  const broker = await startTestBroker({ data, ...LATER_OPTIONS });
  await fill(broker);
  await fillLater(broker);
  const packed: Record<string, Buffer> = { killed: pack(data) };
  await broker.close();
  packed['stopped'] = pack(data);
  for (const [name, bytes] of Object.entries(packed)) {
    const path = join(FIXTURES, `data-${VERSION}-2-${name}.json.gz`);
    writeFileSync(path, bytes);
    process.stdout.write(`${path}: ${bytes.length} bytes\n`);
  }
});
