/**
 * The packet identifiers of what was sent to a client and waits for its answer: which delivery each stands for, and how
 * far it has come.
 *
 *     QoS 1                         QoS 2
 *
 *     FREE                          FREE
 *      | PUBLISH                     | PUBLISH is due
 *      v                             v
 *     PUBLISHED_1                   RECORDING   (kept sessions: its record is on the way to disk)
 *      | PUBACK                      | record safe: PUBLISH
 *      v                             v
 *     FREE                          PUBLISHED_2
 *                                    | PUBREC: PUBREL follows
 *                                    v
 *                                   RELEASED
 *                                    | PUBCOMP
 *                                    v
 *                                   FREE
 *
 * A QoS 1 delivery of a share may end without its client: its lease has run out, or it was parked. PUBLISHED_1 is then ENDED_1, and the
 * identifier is in use until PUBACK comes, or a late one would be taken for that of another message.
 *
 * A lost connection makes all but RELEASED and ENDED_1 *dormant*: held, and not yet sent on the next connection.
 *
 * The table has a power of two of places, and identifier `p` lives in place `p & (places - 1)`; two identifiers that
 * differ there differ in a table twice as large as well, so it doubles without moving anything but places. Identifiers
 * go round from 1 to 65535, so that one is used again as late as can be.
 */
import type { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';

export const FREE = 0;
export const PUBLISHED_1 = 1;
export const RECORDING = 2;
export const PUBLISHED_2 = 3;
export const RELEASED = 4;
export const ENDED_1 = 5;
/** Added to a stage. */
export const DORMANT = 8;

const PLACES_MIN = 16;
const PLACES_MAX = 65_536;

export class PacketWindow {
  /** Identifiers in use. */
  size = 0;
  places = PLACES_MIN;
  /** By place: the identifier, or 0. */
  ids = new Uint16Array(PLACES_MIN);
  stages = new Uint8Array(PLACES_MIN);
  /** The delivery's slot at its consumer. */
  slots = new Int32Array(PLACES_MIN);
  /** The consumer that holds the delivery; null when there is none any more, or not yet after a restart. */
  consumers: (SubscriptionConsumer | null)[] = new Array(PLACES_MIN).fill(null);
  private nextId = 1;

  /** The place of an identifier in use, or -1. */
  find(id: number): number {
    const place = id & (this.places - 1);
    return this.ids[place] === id && this.stages[place] !== FREE ? place : -1;
  }

  /** Takes the next free identifier. Returns its place; `ids[place]` says which it is. */
  take(consumer: SubscriptionConsumer, slot: number, stage: number): number {
    if (this.size === this.places || this.size === 65_535) this.grow();
    let id = this.nextId;
    while (id === 0 || this.stages[id & (this.places - 1)] !== FREE) id = (id + 1) & 0xffff;
    this.nextId = (id + 1) & 0xffff;
    return this.put(id, consumer, slot, stage);
  }

  /** Enters an identifier that a former run of the broker, or of the session, has used. It must be free. */
  restore(id: number, stage: number): number {
    while (this.stages[id & (this.places - 1)] !== FREE) this.grow();
    if (id >= this.nextId) this.nextId = (id + 1) & 0xffff;
    return this.put(id, null, -1, stage);
  }

  free(place: number): void {
    this.stages[place] = FREE;
    this.ids[place] = 0;
    this.consumers[place] = null;
    this.size--;
  }

  /** Identifiers that are at `stage`, oldest first. */
  idsAt(stage: number): number[] {
    const found: number[] = [];
    for (let place = 0; place < this.places; place++) {
      if (this.stages[place] === stage) found.push(this.ids[place]!);
    }
    // The next one to be used lies before the oldest.
    return found.sort((a, b) => ((a - this.nextId) & 0xffff) - ((b - this.nextId) & 0xffff));
  }

  private put(id: number, consumer: SubscriptionConsumer | null, slot: number, stage: number): number {
    const place = id & (this.places - 1);
    this.ids[place] = id;
    this.stages[place] = stage;
    this.slots[place] = slot;
    this.consumers[place] = consumer;
    this.size++;
    return place;
  }

  private grow(): void {
    if (this.places === PLACES_MAX) throw new RangeError('all 65535 packet identifiers are in use');
    const { ids, stages, slots, consumers, places } = this;
    this.places = places * 2;
    this.ids = new Uint16Array(this.places);
    this.stages = new Uint8Array(this.places);
    this.slots = new Int32Array(this.places);
    this.consumers = new Array(this.places).fill(null);
    this.size = 0;
    for (let place = 0; place < places; place++) {
      if (stages[place] !== FREE) this.put(ids[place]!, consumers[place]!, slots[place]!, stages[place]!);
    }
  }
}
