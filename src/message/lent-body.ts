/**
 * A body that outlives the bytes it came in: copied once, out of its publisher's chunk, for all who are sent it. They write it from
 * here (`Output.appendBody`), however many they are, and the last one gives the memory back.
 */
import { giveBack, takeBuffer } from './buffer-pool.ts';
import type { MessageView } from './message.ts';
import { type Pinnable, PinnedMemory } from './pinned-memory.ts';

export class LentBody implements Pinnable {
  private readonly memory: PinnedMemory;

  /** Copies the body of `view`, which shows the copy from now on. Call `release` when `view` does so no more. */
  constructor(view: MessageView) {
    const bytes = view.bodyEnd - view.bodyStart;
    const buffer = takeBuffer(bytes);
    view.body.copy(buffer, 0, view.bodyStart, view.bodyEnd);
    view.body = buffer;
    view.bodyStart = 0;
    view.bodyEnd = bytes;
    view.memory = this;
    this.memory = new PinnedMemory(buffer.length, true, () => giveBack(buffer));
    this.memory.hold();
  }

  pinned(): PinnedMemory {
    return this.memory;
  }

  release(): void {
    this.memory.release();
  }
}
