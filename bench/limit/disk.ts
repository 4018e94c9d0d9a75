/**
 * `node bench/limit/disk.ts [--data DIR] [--bytes MIB]`: how fast large bodies are confirmed, beside what the disk can do with the
 * same bytes: written to a growing file and synced after so many as the publisher has open. Both in the same directory, in turn;
 * the median of three rounds. What is confirmed is not consumed, so that nothing but the way to the disk is looked at.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEntrepot } from '../../conformance/peers/index.ts';
import { Link } from '../load/link.ts';
import { writeAndSync } from './write-and-sync.ts';

const { values } = parseArgs({
  options: { data: { type: 'string', default: tmpdir() }, bytes: { type: 'string', default: '512' } },
});
const MIB = 1024 * 1024;
const total = Number(values.bytes) * MIB;
/** Open at a time. */
const OPEN_BYTES = 8 * MIB;
const SIZES = [16 * 1024, 64 * 1024, 256 * 1024, MIB];
const ROUNDS = 3;

const median = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[of.length >> 1]!;

await mkdir(values.data, { recursive: true });
const directory = await mkdtemp(join(values.data, 'entrepot-limit-'));
const broker = await startEntrepot({ data: join(directory, 'data') });
try {
  const link = await Link.open(broker.amqpPort);
  await link.declare(SIZES.map(String));
  await writeAndSync(directory, total, OPEN_BYTES / 2);
  for (const bodyBytes of SIZES) {
    const rates: { disk: number[]; broker: number[] } = { disk: [], broker: [] };
    for (let round = 0; round < ROUNDS; round++) {
      rates.disk.push(await writeAndSync(directory, total, OPEN_BYTES / 2));
      const window = Math.max(2, OPEN_BYTES / bodyBytes);
      const job = { keys: [String(bodyBytes)], bodyBytes, window, plain: true };
      const rate = await link.publish({ ...job, count: Math.ceil(total / bodyBytes) });
      rates.broker.push((rate * bodyBytes) / 1e6);
    }
    const [disk, ours] = [median(rates.disk), median(rates.broker)];
    const share = (ours / disk).toFixed(2);
    const each = `${Math.round((ours * 1e6) / bodyBytes)} a second`;
    console.log(
      `${String(bodyBytes / 1024).padStart(5)} KiB confirmed ${ours.toFixed(0).padStart(6)} MB/s (${each}), write and fdatasync ${disk.toFixed(0).padStart(6)} MB/s: ${share} x`,
    );
  }
  link.close();
} finally {
  await broker.stop();
  await rm(directory, { recursive: true, force: true });
}
