/**
 * Topic aliases towards one client of 5.0: which topic each number stands for on this connection [MQTT5 3.3.2.3.4].
 *
 * A topic's hash names its place, and the place its alias, so nothing is searched and nothing has to be thrown out: a
 * topic that finds another one in its place takes it over, which costs the three bytes that say so.
 */
import { equalsBytes } from '../../../src/api/index.ts';
import { hashBytes } from '../codec/text.ts';

const PLACES_MAX = 1024;
/** An alias takes three bytes: shorter topics are cheaper as they are. */
const TOPIC_BYTES_MIN = 4;

export class OutgoingAliases {
  private readonly topics: (Buffer | undefined)[];
  private readonly mask: number;
  /** The place of the topic last asked for; -1 for none. */
  private place = -1;
  /** Whether the client knows it. */
  known = false;

  /** @param aliasMax the highest alias the client takes, at least 1 */
  constructor(aliasMax: number) {
    let places = 1;
    while (places * 2 <= Math.min(aliasMax, PLACES_MAX)) places *= 2;
    this.topics = new Array<Buffer | undefined>(places).fill(undefined);
    this.mask = places - 1;
  }

  /** The alias of a topic, 0 for none; `known` says whether the topic may be left out. */
  find(buffer: Buffer, start: number, end: number): number {
    this.place = -1;
    this.known = false;
    if (end - start < TOPIC_BYTES_MIN) return 0;
    const place = hashBytes(buffer, start, end) & this.mask;
    const there = this.topics[place];
    this.known = there !== undefined && equalsBytes(there, buffer, start, end);
    this.place = place;
    return place + 1;
  }

  /** The packet with the topic just asked for is being written: from now on the client knows it. */
  take(buffer: Buffer, start: number, end: number): void {
    if (this.place >= 0 && !this.known) this.topics[this.place] = Buffer.from(buffer.subarray(start, end));
  }
}
