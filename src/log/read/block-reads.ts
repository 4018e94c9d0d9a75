/**
 * Reads whole blocks of the durable log back into memory. Every batch is verified again: what was sound when it was written or
 * recovered may have rotted since.
 */
import { indexBatch, type Waiting } from '../blocks/block.ts';
import type { ResidentBlocks } from '../blocks/resident-blocks.ts';
import type { SegmentBlock } from '../blocks/segment.ts';
import type { LogEvent } from '../events.ts';
import { align8, BatchHeader, findBatch, readBatch } from '../format/batch.ts';
import type { SegmentFiles } from '../write/segment-files.ts';

export interface BlockReadsOptions {
  readonly logId: Buffer;
  readonly files: SegmentFiles;
  readonly residents: ResidentBlocks<SegmentBlock>;
  report(event: LogEvent): void;
  /** The block was rewritten while it was read: what was asked for may lie in another one now. */
  moved(waiting: readonly Waiting[]): void;
  /** Memory is to be brought back within its budget at the end of the turn. */
  wake(): void;
}

export class BlockReads {
  private readonly options: BlockReadsOptions;

  constructor(options: BlockReadsOptions) {
    this.options = options;
  }

  /** Calls back at once if the block is in memory; else when it is, or cannot be. */
  load(block: SegmentBlock, waiting: Waiting): void {
    if (block.waiting !== undefined) {
      block.waiting.push(waiting);
      return;
    }
    block.waiting = [waiting];
    if (block.resident) block.loaded(undefined);
    else this.read(block);
  }

  private read(block: SegmentBlock): void {
    const { segment } = block;
    const { blockBytes, generation } = segment;
    const { residents, files } = this.options;
    // Of a compacted segment's block there may be little left.
    const whole = residents.blockBytes === blockBytes && block.end * 2 > blockBytes;
    const buffer = whole ? residents.take() : Buffer.allocUnsafeSlow(block.end);
    files.read(segment, block.position, buffer, block.end, (error, bytesRead) => {
      this.options.wake();
      if (segment.generation !== generation || block.gone) {
        residents.giveBack(buffer);
        const waiting = block.waiting!;
        block.waiting = undefined;
        this.options.moved(waiting);
        return;
      }
      if (error !== undefined) {
        residents.giveBack(buffer);
        block.loaded(error);
        return;
      }
      block.restore(buffer);
      this.index(block, bytesRead);
      residents.admit(block);
      block.loaded(undefined);
    });
  }

  /** Rebuilds a block's index from its sound batches and reports what is not sound. */
  private index(block: SegmentBlock, length: number): void {
    const { buffer, segment } = block;
    const { logId } = this.options;
    const limit = Math.min(block.end, length);
    const header = new BatchHeader();
    let at = block.start;
    let number = 0;
    while (at < block.end) {
      if (!readBatch(buffer, at, limit, logId, segment.number, header) || header.number <= number) {
        const found = findBatch(buffer, at, limit, logId, segment.number, number + 1, header);
        this.options.report({
          kind: 'rot',
          segment: segment.number,
          offset: block.position + at,
          batches: found && number > 0 ? header.number - number - 1 : 1,
          bytes: (found ? header.at : block.end) - at,
        });
        if (!found) return;
      }
      indexBatch(block, buffer, header);
      number = header.number;
      at = align8(header.end);
    }
  }
}
