import { giveBack, type Pinnable, PinnedMemory, takeBuffer } from '../../../src/api/index.ts';

/**
 * The cache of the last at-most-once message as it was encoded, so that its next subscriber gets a copy of the bytes. There is
 * one for each encoder that several connections share.
 */
export class FanoutCache {
  /** `MessageView.serial` of the message; -1 before the first. */
  serial = -1;
  retained = false;
  /** The packet, but for a body that is written from where it lies: `buffer[at, at + length)`, in the output of whoever got it first. */
  buffer: Buffer = Buffer.alloc(0);
  at = 0;
  length = 0;
  /** All of it. */
  packetBytes = 0;
  /** Set where it is long: then it lies in memory of its own, and is written from there. */
  memory: Pinnable | null = null;

  /** A long packet is about to be written into `buffer`, from 0 on. The memory is free again when another is remembered and all have got this one. */
  takeMemory(bytes: number): Buffer {
    this.leaveMemory();
    const buffer = takeBuffer(bytes);
    const memory = new PinnedMemory(buffer.length, true, () => giveBack(buffer));
    memory.hold();
    this.memory = { pinned: () => memory };
    return buffer;
  }

  /** What is remembered is about to be another, which lies in an output. */
  leaveMemory(): void {
    const { memory } = this;
    if (memory === null) return;
    this.memory = null;
    this.serial = -1;
    memory.pinned().release();
  }
}
