/**
 * For how long consumers hold what they hold, told from what is looked at anyway: deliveries of a queue are numbered, and at each look the highest
 * number so far is noted. What has a number up to that one was delivered before that look. Nothing is noted for a delivery.
 *
 * Notes of the last minute stay; of older ones as many that each is known to an eighth of its age. NOTED_MAX queues at most.
 */
import type { QueueConsumer } from '../../queue/dispatch/consumer.ts';
import type { Queue } from '../../queue/queue.ts';

export const NOTED_MAX = 10_000;
/** Slots of a queue that are looked at: of more the oldest may be an older one. */
const SLOTS_MAX = 100_000;
const ALL_KEPT_MS = 60_000;

export interface OldestHeld {
  /** Its place in the queue. */
  readonly position: number;
  /** Milliseconds at least; undefined: it has come since the last look, or nobody has looked yet. */
  readonly heldMs: number | undefined;
}

interface Note {
  readonly atMs: number;
  readonly order: number;
}

interface Noted {
  readonly notes: Note[];
  look: number;
}

export class HeldSince {
  private readonly noted = new Map<Queue, Noted>();
  private looks = 0;

  get size(): number {
    return this.noted.size;
  }

  /** A look at all queues begins. */
  begin(): void {
    this.looks++;
  }

  /** Of one in which something is held. @param nowMs of the clock that only goes forward */
  note(queue: Queue, nowMs: number): void {
    const order = queue.unsettledDeliveries?.latestOrder;
    if (order === undefined) return;
    let noted = this.noted.get(queue);
    if (noted === undefined) {
      if (this.noted.size >= NOTED_MAX) return;
      noted = { notes: [], look: 0 };
      this.noted.set(queue, noted);
    }
    noted.look = this.looks;
    noted.notes.push({ atMs: nowMs, order });
    thin(noted.notes, nowMs);
  }

  /** The look has ended: where nothing was held there is nothing to know. */
  end(): void {
    for (const [queue, { look }] of this.noted) if (look !== this.looks) this.noted.delete(queue);
  }

  /** The oldest delivery that each consumer holds. */
  oldest(queue: Queue, nowMs: number): ReadonlyMap<QueueConsumer, OldestHeld> {
    const slots = queue.unsettledDeliveries;
    const found = new Map<QueueConsumer, OldestHeld>();
    if (slots === null) return found;
    const notes = this.noted.get(queue)?.notes ?? [];
    for (const [consumer, slot] of slots.oldest(SLOTS_MAX)) {
      const order = slots.orderOf(slot);
      const note = notes.find((one) => one.order >= order);
      found.set(consumer, {
        position: slots.seq(slot),
        heldMs: note === undefined ? undefined : nowMs - note.atMs,
      });
    }
    return found;
  }
}

/** Of three in a row that are close for their age the middle one goes. */
function thin(notes: Note[], nowMs: number): void {
  for (let at = notes.length - 2; at > 0; at--) {
    const ageMs = nowMs - notes[at]!.atMs;
    if (ageMs < ALL_KEPT_MS) continue;
    if (notes[at + 1]!.atMs - notes[at - 1]!.atMs <= ageMs / 8) notes.splice(at, 1);
  }
}
