/**
 * `node bench/limit/cold.ts [--data DIR] [--queues 1000] [--each 300]`: the reads of a cold drain and nothing else, as a floor for what
 * `bench/interleaved.ts` finds: messages of 1 KiB of one queue of many, out of a file that the system has nothing of in memory. They lie
 * in one block (filled alone), in a piece of each part of 32 MiB (brought together), or one by one between the others' (as they came).
 *
 * Eight reads are under way at a time, as in the broker, and nobody looks at what they bring. Figures are messages a second, the median of so many queues.
 */
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { forgetFiles } from '../interleaved/process.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: tmpdir() },
    queues: { type: 'string', default: '1000' },
    each: { type: 'string', default: '300' },
  },
});
const queues = Number(values.queues);
const each = Number(values.each);
const MIB = 1024 * 1024;
const MESSAGE_BYTES = 1024;
const PART_BYTES = 32 * MIB;
const UNDER_WAY = 8;
const DRAINED = 25;
const PAGE_BYTES = 4096;

interface Read {
  readonly position: number;
  readonly bytes: number;
}

/** Where the messages of a queue lie. */
const layouts: Readonly<Record<string, (queue: number) => Read[]>> = {
  'in one block': (queue) => pieces(queue * each * MESSAGE_BYTES, each * MESSAGE_BYTES, MIB),
  'brought together': (queue) => {
    const ofPart = Math.floor(PART_BYTES / queues);
    const parts = Math.ceil((queues * each * MESSAGE_BYTES) / PART_BYTES);
    const reads: Read[] = [];
    for (let part = 0; part < parts; part++) {
      reads.push(...pieces(part * PART_BYTES + queue * ofPart, ofPart, 64 * 1024));
    }
    return reads;
  },
  'as they came': (queue) =>
    Array.from({ length: each }, (_, i) => ({
      position: page((i * queues + queue) * MESSAGE_BYTES),
      bytes: PAGE_BYTES,
    })),
};

const page = (position: number): number => position - (position % PAGE_BYTES);

function pieces(position: number, bytes: number, most: number): Read[] {
  const reads: Read[] = [];
  for (let at = page(position); at < position + bytes; at += most) {
    reads.push({ position: at, bytes: Math.min(most, position + bytes - at) });
  }
  return reads;
}

await mkdir(values.data, { recursive: true });
const directory = await mkdtemp(join(values.data, 'entrepot-limit-'));
try {
  const file = await open(join(directory, 'read'), 'w+');
  const piece = Buffer.alloc(4 * MIB, 'x');
  for (let at = 0; at < queues * each * MESSAGE_BYTES + 2 * MIB; at += piece.length)
    await file.write(piece, 0, piece.length, at);
  await file.datasync();
  const buffers = Array.from({ length: UNDER_WAY }, () => Buffer.alloc(MIB));
  for (const [name, readsOf] of Object.entries(layouts)) {
    const rates: number[] = [];
    for (let i = 0; i < DRAINED; i++) {
      await forgetFiles(directory);
      const reads = readsOf(Math.floor((i * queues) / DRAINED));
      const startedMs = performance.now();
      const reader = async (buffer: Buffer): Promise<void> => {
        for (let next = reads.shift(); next !== undefined; next = reads.shift()) {
          await file.read(buffer, 0, next.bytes, next.position);
        }
      };
      await Promise.all(buffers.map(reader));
      rates.push((1000 * each) / (performance.now() - startedMs));
    }
    rates.sort((a, b) => a - b);
    const [least, middle, most] = [rates[0]!, rates[rates.length >> 1]!, rates[rates.length - 1]!].map((rate) =>
      (rate / 1000).toFixed(0),
    );
    console.log(`${name.padEnd(18)} ${readsOf(1).length} reads a queue: ${middle} k/s (${least} to ${most})`);
  }
  await file.close();
} finally {
  await rm(directory, { recursive: true, force: true });
}
