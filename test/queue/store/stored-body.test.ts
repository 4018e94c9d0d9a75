/** Large bodies in a store: how they lie in its blocks, and what comes back, however they arrive. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import { Sequence } from '../../../src/log/sequence.ts';
import { TransientStore } from '../../../src/log/transient/transient-store.ts';
import { StoredBody } from '../../../src/queue/store/stored-body.ts';
import { MemoryFiles } from '../../log/memory-files.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const EXTENT_BYTES_MIN = 32 * KIB;

function openStore(): Promise<TransientStore> {
  const services = { files: new MemoryFiles(), turn: new Turn(), clock: new ManualClock() };
  return TransientStore.open({ ...services, directory: null });
}

/** Bytes that tell where they belong. */
function bytesOf(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE(i, i);
  return bytes.fill(7, length - (length % 4));
}

function write(store: TransientStore, sequence: Sequence, bytes: Buffer, pieces: Iterable<number>): StoredBody {
  const body = new StoredBody(store, false, sequence, bytes.length, 9);
  let at = 0;
  for (const n of pieces) {
    if (at === bytes.length) break;
    const end = Math.min(bytes.length, at + n);
    body.append(bytes, at, end);
    at = end;
  }
  if (at < bytes.length) body.append(bytes, at, bytes.length);
  return body;
}

function readBack(body: StoredBody): Buffer {
  const reader = body.read();
  const pieces: Buffer[] = [];
  while (reader.remaining > 0) {
    expect(reader.next(100_000)).toBe(true);
    pieces.push(Buffer.from(reader.buffer.subarray(reader.start, reader.end)));
  }
  reader.close();
  return Buffer.concat(pieces);
}

it('comes back as it came in pieces of any length, in no more extents than its length allows', async () => {
  const store = await openStore();
  const sequence = new Sequence();
  fc.assert(
    fc.property(
      fc.integer({ min: 128 * KIB + 1, max: 3 * MIB }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.constant(131_064), fc.constant(4_088)), {
        minLength: 1,
      }),
      (length, pieces) => {
        const bytes = bytesOf(length);
        const body = write(store, sequence, bytes, pieces);
        expect(body.missing).toBe(0);
        expect(body.seqs.length).toBeLessThanOrEqual(Math.ceil(length / EXTENT_BYTES_MIN));
        expect(body.sizes.reduce((sum, n) => sum + n, 0)).toBe(length);
        expect(readBack(body).equals(bytes)).toBe(true);
        body.finish();
      },
    ),
    { numRuns: 100 },
  );
});

it('fills blocks to the end, though no eight frames of the usual length fit into one', async () => {
  for (const piece of [131_064, 64 * KIB, 256 * KIB]) {
    const store = await openStore();
    const sequence = new Sequence();
    const bodies = Array.from({ length: 32 }, () => write(store, sequence, bytesOf(MIB), Array(16).fill(piece)));
    expect(store.residentBytes).toBeLessThanOrEqual(34 * MIB);
    for (const body of bodies) expect(readBack(body).equals(bytesOf(MIB))).toBe(true);
  }
});
