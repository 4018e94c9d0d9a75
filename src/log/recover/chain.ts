/**
 * The chain of segments to replay: it begins with the last checkpoint known to be on the disk, or another one that is whole,
 * with every segment from there to the last one. Refuses when there is none.
 */
import { join } from 'node:path';
import { LogRefused } from '../events.ts';
import { readFully } from '../files/files.ts';
import { align8, BatchHeader, readBatch } from '../format/batch.ts';
import { RECORD_CHECKPOINT_BEGIN, RECORD_CHECKPOINT_END } from '../format/own-records.ts';
import { payloadBytesAt, SEQUENCED_HEADER_BYTES, UNSEQUENCED, UNSEQUENCED_HEADER_BYTES } from '../format/record.ts';
import { SEGMENT_HEADER_BYTES, segmentName } from '../format/segment.ts';
import type { ChainLink, FoundSegment, SegmentScan, SurveyOptions } from './found-segment.ts';

export interface ChainCandidates {
  /** All segment files, in order; and the last one that has a sound batch. */
  readonly found: readonly FoundSegment[];
  readonly tail: FoundSegment;
  /** The segment where replay may begin, as the tail has it. */
  readonly checkpoint: number;
  /** Reads what the batches of a segment say. */
  scan(file: FoundSegment): Promise<SegmentScan>;
}

/**
 * Finds the segment to begin with: where the last checkpoint known to be on disk begins; if that one is damaged, an older
 * or newer one that is whole, together with every segment from there on. Refuses when there is none.
 */
export async function chooseChain(
  options: SurveyOptions,
  logId: Buffer | null,
  segments: ChainCandidates,
): Promise<ChainLink[]> {
  const { found, tail, scan, checkpoint } = segments;
  const named = new Set<number>();
  for (let number = checkpoint; number > 0 && !named.has(number); ) {
    named.add(number);
    const file = found.find((candidate) => candidate.number === number);
    number = file === undefined ? 0 : (file.header?.checkpoint ?? (await scan(file)).checkpoint);
  }
  let reason: string | undefined;
  const others = found.map(({ number }) => number).filter((number) => !named.has(number) && number <= tail.number);
  for (const start of [...named, ...others.reverse()]) {
    const chain = await follow(options, segments, start);
    const wrong = typeof chain === 'string' ? chain : await verify(options, logId, chain, found[0]!);
    if (typeof chain !== 'string' && wrong === undefined) {
      if (start !== checkpoint) {
        options.report({ kind: 'checkpoint-damaged', segment: checkpoint, instead: start });
      }
      return chain;
    }
    reason ??= wrong;
  }
  throw new LogRefused(reason ?? `${options.directory}: no checkpoint is there to begin with`);
}

/** Follows the links back from the tail to `start`; or says which segment is not there. */
async function follow(
  options: SurveyOptions,
  { found, tail, scan }: ChainCandidates,
  start: number,
): Promise<ChainLink[] | string> {
  const byNumber = new Map(found.map((file) => [file.number, file]));
  const chain: ChainLink[] = [];
  let file: FoundSegment = tail;
  for (;;) {
    let previous: number;
    if (file.header !== undefined) {
      previous = file.header.previous;
      chain.unshift({ found: file, firstBatch: file.header.firstBatch });
      if (file.header.generation > 0) return `${file.path} was compacted: what it said about older messages is gone`;
    } else {
      // Its batches say what its header does not, all but the link: that is to the file before.
      const { number } = file;
      const { firstBatch, generation } = await scan(file);
      chain.unshift({ found: file, firstBatch });
      if (generation > 0) return `${file.path} was compacted: what it said about older messages is gone`;
      previous = found.filter((other) => other.number < number).at(-1)?.number ?? 0;
    }
    if (file.number === start) return chain;
    const path = join(options.directory, segmentName(previous < start ? start : previous));
    if (previous < start) return `${path} is missing: the log begins with it`;
    const before = byNumber.get(previous);
    if (before === undefined) return `${path} is missing: segment ${file.number} goes on where it ended`;
    file = before;
  }
}

/** Looks whether a whole checkpoint begins the chain; says what is wrong if not. The first segment of all needs none. */
async function verify(
  options: SurveyOptions,
  logId: Buffer | null,
  chain: readonly ChainLink[],
  oldest: FoundSegment,
): Promise<string | undefined> {
  const first = chain[0]!.found;
  if (first.header === undefined ? first === oldest : first.header.previous === 0) return undefined;
  const damaged = `${first.path}: the checkpoint that begins there is damaged, and no other can take its place`;
  let expected = chain[0]!.firstBatch;
  let begun = false;
  for (const { found, firstBatch } of chain) {
    if (firstBatch !== expected) return damaged;
    for await (const batch of batchesOf(options, logId, found)) {
      if (batch.header.number !== expected) return damaged;
      expected++;
      for (const { type, start } of unsequencedRecords(batch)) {
        if (!begun) {
          if (type !== RECORD_CHECKPOINT_BEGIN) return damaged;
          begun = true;
        }
        if (type === RECORD_CHECKPOINT_END && batch.buffer.readUInt32LE(start) === first.number) return undefined;
      }
    }
  }
  return damaged;
}

/** The sound batches of a segment, in order; the same object each time. */
async function* batchesOf(
  options: SurveyOptions,
  logId: Buffer | null,
  found: FoundSegment,
): AsyncGenerator<{ readonly buffer: Buffer; readonly header: BatchHeader }> {
  const { blockBytes, sizeBytes } = found;
  const buffer = Buffer.allocUnsafeSlow(blockBytes);
  const batch = { buffer, header: new BatchHeader() };
  const file = await options.files.open(found.path, 'read');
  try {
    for (let index = 0; index * blockBytes < sizeBytes; index++) {
      const length = await readFully(file, buffer, blockBytes, index * blockBytes);
      let at = index === 0 ? SEGMENT_HEADER_BYTES : 0;
      while (readBatch(buffer, at, length, logId, found.number, batch.header)) {
        yield batch;
        at = align8(batch.header.end);
      }
    }
  } finally {
    await file.close();
  }
}

function* unsequencedRecords(batch: { readonly buffer: Buffer; readonly header: BatchHeader }) {
  const { buffer, header } = batch;
  const record = { type: 0, start: 0 };
  for (let at = header.payloadStart; at < header.end; ) {
    const type = buffer[at]!;
    const payloadBytes = payloadBytesAt(buffer, at);
    at += type < UNSEQUENCED ? SEQUENCED_HEADER_BYTES : UNSEQUENCED_HEADER_BYTES;
    if (type >= UNSEQUENCED) {
      record.type = type;
      record.start = at;
      yield record;
    }
    at += payloadBytes;
  }
}
