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

/** A slice is over after so many queues, or after so long: how much is found in one depends on how long it is. */
const QUEUES_A_SLICE = 500;
const SLICE_MS = 0.5;
/** After so many queues the clock is asked. */
const CHECK_QUEUES = 8;

export interface LiveParts {
  readonly registry: Registry;
  readonly retained: RetainedIndex;
  readonly delays: Delays;
  readonly store: MessageStore;
}

/** Messages of more numbers than these are not told apart by their queues: 8 MiB. */
const GROUPED_MAX = 2 * 1024 * 1024;

/**
 * Of all messages with numbers from `first` to `last`. A message's group is the queue that will hand it out: one of them, if there are
 * several; 0 if it is in none.
 */
export function liveMessages(
  parts: LiveParts,
  turn: Turn,
  first: number,
  last: number,
  done: (isLive: (seq: number) => boolean, groupOf: (seq: number) => number) => void,
): void {
  const bits = new Uint8Array(((last - first) >> 3) + 1);
  const groups = new Uint32Array(last - first < GROUPED_MAX ? last - first + 1 : 0);
  const mark = (seq: number, group: number): void => {
    if (seq < first || seq > last) return;
    const at = seq - first;
    bits[at >> 3] = bits[at >> 3]! | (1 << (at & 7));
    if (group > 0 && at < groups.length) groups[at] = group;
  };
  gather(parts, turn, first, last, mark, () =>
    done(
      (seq) => seq >= first && seq <= last && (bits[(seq - first) >> 3]! & (1 << ((seq - first) & 7))) !== 0,
      (seq) => groups[seq - first] ?? 0,
    ),
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
  mark: (seq: number, group: number) => void,
  done: () => void,
): void {
  const markAlone = (seq: number): void => mark(seq, 0);
  // What is retained or large may be referred to by a new queue meanwhile; but then it is here already.
  for (const message of parts.retained.all()) markAlone(message.seq);
  parts.delays.forEach(markAlone);
  parts.store.forEachExtent(markAlone);
  parts.store.forEachLarge(markAlone);
  for (const messages of parts.store.unplaced) messages.forEach(markAlone);
  // A queue that a crash empties may hold durable messages too, if another queue made them so.
  // Those that are being deleted still hold what they have not let go of.
  const { queues: there, leaving } = parts.registry;
  const queues = [...there.values(), ...leaving];
  let next = 0;
  const markOfQueue = (seq: number): void => mark(seq, next + 1);
  new Slices(turn, () => {
    const untilMs = turn.nowMs() + SLICE_MS;
    for (const end = Math.min(queues.length, next + QUEUES_A_SLICE); next < end; ) {
      queues[next]!.contents.forEachIn(first, last, markOfQueue);
      next++;
      if (next % CHECK_QUEUES === 0 && turn.nowMs() > untilMs) break;
    }
    if (next < queues.length) return false;
    done();
    return true;
  }).start();
}
