/**
 * The ledger of what a broker has promised, message by message, and whether it kept it: the judge of the kill scenario. It
 * knows no protocol and no client; it is told what was sent, confirmed, seen and settled, and gives a verdict after each
 * restart.
 *
 * For each destination (a queue, an MQTT session) a message goes through these:
 *
 *   ─ not seen ──▶ held ──▶ settling ──▶ settled
 *                  seen      the word      the broker has
 *                            was sent      confirmed it
 *
 * After a kill: confirmed and not seen, or held: must come (held: marked redelivered). Settling: may come or not. Settled:
 * must never come again.
 */
import { createHash } from 'node:crypto';

export type Stage = 'held' | 'settling' | 'settled';

export interface Arrival {
  readonly id: string;
  readonly body: Buffer;
  readonly redelivered: boolean;
}

/** How many bytes a body has: most small, some of several pages, a few too large to be held in one piece. */
const SIZES = [24, 100, 300, 1_000, 24, 100, 5_000, 64] as const;
const LARGE_BYTES = 150_000;
const LARGE_EVERY = 250;

/** The body that belongs to an id and to no other: the id, then bytes derived from it. */
export function bodyOf(id: string, serial: number): Buffer {
  const length = serial % LARGE_EVERY === LARGE_EVERY - 1 ? LARGE_BYTES : SIZES[serial % SIZES.length]!;
  const head = Buffer.from(`${id}|`, 'latin1');
  const body = Buffer.alloc(Math.max(length, head.length));
  head.copy(body);
  const seed = createHash('sha256').update(id).digest();
  for (let at = head.length; at < body.length; at++) body[at] = seed[at & 31]! ^ ((at >>> 5) % 251);
  return body;
}

export const idOf = (body: Buffer): string => body.subarray(0, Math.max(0, body.indexOf(0x7c))).toString('latin1');

export class Destination {
  readonly name: string;
  readonly stages = new Map<string, Stage>();
  /** How often each id has been seen since the last start. */
  arrivals: Arrival[] = [];
  /** Where each message stood when the broker was killed. */
  private atKill = new Map<string, Stage>();
  /** What could be told to be wrong at once: a message that came though it was settled. */
  private objections: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  seen(arrival: Arrival): void {
    this.arrivals.push(arrival);
    if (this.stages.get(arrival.id) !== 'settled') this.stages.set(arrival.id, 'held');
    else this.objections.push(`${this.name}: ${arrival.id} came back though its settlement was confirmed`);
  }

  settling(id: string): void {
    if (this.stages.get(id) === 'held') this.stages.set(id, 'settling');
  }

  settled(id: string): void {
    this.stages.set(id, 'settled');
  }

  /** The broker is dead. What arrives from now on is what it has kept. */
  killed(): void {
    this.atKill = new Map(this.stages);
    this.arrivals = [];
  }

  /** What is wrong with what came after the restart; empty if nothing is. */
  verdict(ledger: Ledger): string[] {
    const wrong = this.objections;
    this.objections = [];
    const count = new Map<string, number>();
    for (const { id, body, redelivered } of this.arrivals) {
      const times = (count.get(id) ?? 0) + 1;
      count.set(id, times);
      const serial = ledger.published.get(id);
      if (serial === undefined) wrong.push(`${this.name}: ${id || 'a message'} was never published`);
      else if (!bodyOf(id, serial).equals(body)) wrong.push(`${this.name}: the body of ${id} has changed`);
      if (times > 1) wrong.push(`${this.name}: ${id} came ${times} times`);
      const before = this.atKill.get(id);
      if ((before === 'held' || before === 'settling') && !redelivered)
        wrong.push(`${this.name}: ${id} had been handed out before, and came unmarked`);
    }
    for (const id of ledger.confirmed) {
      const stage = this.atKill.get(id);
      if (stage !== 'settled' && stage !== 'settling' && !count.has(id)) {
        wrong.push(`${this.name}: ${id} was confirmed and is lost (${stage ?? 'never seen'} before the kill)`);
      }
    }
    return wrong;
  }
}

export class Ledger {
  /** Id to the serial its body is made with. */
  readonly published = new Map<string, number>();
  readonly confirmed = new Set<string>();
  readonly destinations: Destination[] = [];

  destination(name: string): Destination {
    const destination = new Destination(name);
    this.destinations.push(destination);
    return destination;
  }

  /** Between rounds: what every destination has settled for good needs no more than a name to be recognised by. */
  forgetBodies(): void {
    for (const destination of this.destinations) destination.arrivals = [];
  }
}
