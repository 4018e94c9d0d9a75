/**
 * Which of the messages in a stretch of the log somebody still needs: asked before a segment is copied forward. The answer
 * is gathered in slices over several turns; what is let go meanwhile may still be in it, what is needed always is, because
 * nothing new ever refers to a message that nobody referred to.
 */
import { Slices } from '../clock/slices.ts';
import type { Turn } from '../clock/turn.ts';
import type { MessageStore } from '../queue/message-store.ts';
import type { Delays } from './delays.ts';
import type { RetainedMessages } from './retained-messages.ts';
import type { Topology } from './topology.ts';

const QUEUES_A_SLICE = 500;

export interface LiveParts {
  readonly topology: Topology;
  readonly retained: RetainedMessages;
  readonly delays: Delays;
  readonly store: MessageStore;
}

export function liveMessages(
  parts: LiveParts,
  turn: Turn,
  first: number,
  last: number,
  done: (isLive: (seq: number) => boolean) => void,
): void {
  const bits = new Uint8Array(((last - first) >> 3) + 1);
  const mark = (seq: number): void => {
    if (seq < first || seq > last) return;
    const at = seq - first;
    bits[at >> 3] = bits[at >> 3]! | (1 << (at & 7));
  };
  // What is retained or large may be referred to by a new queue meanwhile; but then it is here already.
  for (const message of parts.retained.index.all()) mark(message.seq);
  parts.delays.forEach(mark);
  parts.store.forEachExtent(mark);
  parts.store.forEachLarge(mark);
  // A queue that a crash empties may hold durable messages too, if another queue made them so.
  const queues = [...parts.topology.queues.values()];
  let next = 0;
  new Slices(turn, () => {
    for (const end = Math.min(queues.length, next + QUEUES_A_SLICE); next < end; next++) {
      queues[next]!.forEachIn(first, last, mark);
    }
    if (next < queues.length) return false;
    done((seq) => seq >= first && seq <= last && (bits[(seq - first) >> 3]! & (1 << ((seq - first) & 7))) !== 0);
    return true;
  }).start();
}
