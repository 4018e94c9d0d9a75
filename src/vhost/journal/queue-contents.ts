/** What a queue holds, written into a checkpoint: its positions as they are packed, then what is in no order. */
import type { Log } from '../../log/log.ts';
import { writeU32, writeU48 } from '../../message/bytes.ts';
import { FLAG_DURABLE } from '../../queue/entry-flags.ts';
import { type Chunk, pack, unpack, unpackedRoom } from '../../queue/positions/packed-positions.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Journal } from './journal.ts';
import { RECORD_HELD, RECORD_POSITIONS } from './records.ts';

/** Entries in one record at most, so that no record outgrows a block. */
const HELD_MAX = 16_384;

/** What a queue holds, as of now. */
export function writePositions(journal: Journal, log: Log, queue: Queue): void {
  let kind = 0;
  queue.forEachChunk((chunk) => {
    const durable = durablePart(chunk);
    if (durable === undefined) return;
    writeChunk(journal, log, queue, kind, durable);
    kind = 1;
  });
  if (kind === 0) {
    const at = journal.append(RECORD_POSITIONS, 9);
    writeU32(log.buffer, at, queue.id);
    log.buffer[at + 4] = 0;
    writeU32(log.buffer, at + 5, 0);
  }
  writeHeld(journal, log, queue);
  queue.forEachDying((seq, flags, reason) => {
    if ((flags & FLAG_DURABLE) !== 0) journal.dying(queue, seq, flags, reason);
  });
  queue.forEachRetrying((seq, flags, dueMs) => {
    if ((flags & FLAG_DURABLE) !== 0) journal.retry(queue, seq, flags, dueMs);
  });
}

function writeChunk(journal: Journal, log: Log, queue: Queue, kind: number, chunk: Chunk): void {
  const runs = chunk.flagRuns.length / 2;
  const bytes = 23 + chunk.gaps.length + runs * 8;
  if (bytes > log.recordBytesMax) {
    for (const half of halves(chunk)) {
      writeChunk(journal, log, queue, kind, half);
      kind = 1;
    }
    return;
  }
  let at = journal.append(RECORD_POSITIONS, bytes);
  const buffer = log.buffer;
  writeU32(buffer, at, queue.id);
  buffer[at + 4] = kind;
  writeU32(buffer, at + 5, chunk.count);
  writeU48(buffer, at + 9, chunk.first);
  writeU32(buffer, at + 15, chunk.gaps.length);
  writeU32(buffer, at + 19, runs);
  buffer.set(chunk.gaps, at + 23);
  at += 23 + chunk.gaps.length;
  for (let i = 0; i < chunk.flagRuns.length; i++) writeU32(buffer, at + i * 4, chunk.flagRuns[i]!);
}

function writeHeld(journal: Journal, log: Log, queue: Queue): void {
  const seqs: number[] = [];
  const flagSets: number[] = [];
  queue.forEachHeld((seq, flags) => {
    // What a durable log does not have is not there after a restart.
    if ((flags & FLAG_DURABLE) === 0) return;
    seqs.push(seq);
    flagSets.push(flags);
  });
  const most = Math.min(HELD_MAX, Math.floor((log.recordBytesMax - 8) / 10));
  for (let from = 0; from < seqs.length; from += most) {
    const n = Math.min(most, seqs.length - from);
    const at = journal.append(RECORD_HELD, 8 + n * 10);
    const buffer = log.buffer;
    writeU32(buffer, at, queue.id);
    writeU32(buffer, at + 4, n);
    for (let i = 0; i < n; i++) {
      writeU48(buffer, at + 8 + i * 10, seqs[from + i]!);
      writeU32(buffer, at + 14 + i * 10, flagSets[from + i]!);
    }
  }
}

/** Transient messages wait in durable queues too, and are not there after a restart. */
function durablePart(chunk: Chunk): Chunk | undefined {
  let durable = 0;
  for (let i = 0; i < chunk.flagRuns.length; i += 2)
    if ((chunk.flagRuns[i + 1]! & FLAG_DURABLE) !== 0) durable += chunk.flagRuns[i]!;
  if (durable === chunk.count) return chunk;
  if (durable === 0) return undefined;
  const { seqs, flagSets } = unpackedRoom();
  unpack(chunk, { seqs, flagSets });
  let n = 0;
  for (let i = 0; i < chunk.count; i++) {
    if ((flagSets[i]! & FLAG_DURABLE) === 0) continue;
    seqs[n] = seqs[i]!;
    flagSets[n++] = flagSets[i]!;
  }
  return pack({ seqs, flagSets }, n);
}

function halves(chunk: Chunk): Chunk[] {
  const { seqs, flagSets } = unpackedRoom();
  unpack(chunk, { seqs, flagSets });
  const middle = chunk.count >> 1;
  return [
    pack({ seqs, flagSets }, middle),
    pack({ seqs: seqs.subarray(middle), flagSets: flagSets.subarray(middle) }, chunk.count - middle),
  ];
}
