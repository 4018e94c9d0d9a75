/** The writes of one flush: the bytes of every block that has new ones, in as few writes as there are segments. */

import type { SegmentBlock } from '../blocks/segment.ts';
import { BATCH_HEADER_BYTES } from '../format/batch.ts';
import type { WriteJob } from './segment-files.ts';

/** Zeros where the next batch will begin, so that the log ends there whatever the file held before. */
const END_MARK = Buffer.alloc(BATCH_HEADER_BYTES);

/** Takes what is new in `dirty` blocks, which are in order. */
export function writeJobs(dirty: readonly SegmentBlock[]): WriteJob[] {
  const jobs: WriteJob[] = [];
  let job: WriteJob | undefined;
  for (const block of dirty) {
    const { blockBytes } = block.segment;
    const to = block.sealed ? blockBytes : block.end;
    if (job === undefined || job.segment !== block.segment) {
      job = { segment: block.segment, position: block.position + block.takenTo, buffers: [], bytes: 0 };
      jobs.push(job);
    }
    job.buffers.push(block.buffer.subarray(block.takenTo, to));
    job.bytes += to - block.takenTo;
    block.takenTo = to;
    if (!block.sealed && to < blockBytes) {
      const mark = END_MARK.subarray(0, blockBytes - to);
      job.buffers.push(mark);
      job.bytes += mark.length;
    }
  }
  return jobs;
}
