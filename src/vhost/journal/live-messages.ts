/**
 * Finds the messages that somebody still needs: of a stretch of the log before a segment is copied forward, or of some that were
 * spilled before those that live are written again. The answer is gathered in slices over several turns; what is released
 * meanwhile may still be in it, what is needed always is, because nothing new ever refers to a message that nobody referred to.
 */
import { Slices } from '../../clock/slices.ts';
import type { Turn } from '../../clock/turn.ts';
import type { MessageStore } from '../../queue/store/message-store.ts';
import type { RetainedIndex } from '../../queue/store/retained-index.ts';
import type { Delays } from '../timers/delays.ts';
import type { Registry } from '../topology/registry.ts';

const QUEUES_A_SLICE = 500;

export interface LiveParts {
  readonly registry: Registry;
  readonly retained: RetainedIndex;
  readonly delays: Delays;
  readonly store: MessageStore;
}

/** Of all messages with numbers from `first` to `last`. */
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
  gather(parts, turn, first, last, mark, () =>
    done((seq) => seq >= first && seq <= last && (bits[(seq - first) >> 3]! & (1 << ((seq - first) & 7))) !== 0),
  );
}

/** Of these alone, whose numbers go up: they may be few and far apart. */
export function liveAmong(
  parts: LiveParts,
  turn: Turn,
  seqs: readonly number[],
  done: (isLive: (seq: number) => boolean) => void,
): void {
  const marked = new Uint8Array(seqs.length);
  let next = 0;
  const indexOf = (seq: number): number => {
    // Mostly they are asked in order.
    if (seqs[next] === seq) return next++;
    let low = 0;
    let high = seqs.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const there = seqs[middle]!;
      if (there === seq) {
        next = middle + 1;
        return middle;
      }
      if (there < seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  };
  const mark = (seq: number): void => {
    const at = indexOf(seq);
    if (at >= 0) marked[at] = 1;
  };
  gather(parts, turn, seqs[0] ?? 0, seqs[seqs.length - 1] ?? 0, mark, () =>
    done((seq) => {
      const at = indexOf(seq);
      return at >= 0 && marked[at] === 1;
    }),
  );
}

function gather(
  parts: LiveParts,
  turn: Turn,
  first: number,
  last: number,
  mark: (seq: number) => void,
  done: () => void,
): void {
  // What is retained or large may be referred to by a new queue meanwhile; but then it is here already.
  for (const message of parts.retained.all()) mark(message.seq);
  parts.delays.forEach(mark);
  parts.store.forEachExtent(mark);
  parts.store.forEachLarge(mark);
  for (const messages of parts.store.unplaced) messages.forEach(mark);
  // A queue that a crash empties may hold durable messages too, if another queue made them so.
  // Those that are being deleted still hold what they have not let go of.
  const { queues: there, leaving } = parts.registry;
  const queues = [...there.values(), ...leaving];
  let next = 0;
  new Slices(turn, () => {
    for (const end = Math.min(queues.length, next + QUEUES_A_SLICE); next < end; next++) {
      queues[next]!.contents.forEachIn(first, last, mark);
    }
    if (next < queues.length) return false;
    done();
    return true;
  }).start();
}
