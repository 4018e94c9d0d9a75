/**
 * A random history of one queue that keeps groups in order, or all of it, or serves tenants in turn: consumers come and go, accept,
 * fail, reject and give back, through lives that end in order, by a kill or without power. Nothing of a group goes before what
 * was there before it, whatever fails, waits or dies; one message of a group is under way; who waits is served within a round; nothing
 * confirmed is lost, nothing is held twice.
 */
import {
  ACCEPTED,
  type Consumer,
  type DeliverySink,
  MODIFIED,
  NO_BACKPRESSURE,
  type Outcome,
  REJECTED,
  RELEASED,
} from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { KEYED, keyed } from '../../queue/order/support.ts';
import { queueArguments } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface OrderReport extends FocusedReport {
  readonly deliveries: number;
  /** Consumers that came or went while there were messages. */
  readonly moves: number;
}

interface Ordered {
  readonly id: number;
  /** Its group, or its tenant. */
  readonly key: string;
  /** The life that it was published in. */
  readonly life: number;
  published: boolean;
  /** Accepted or rejected. */
  over: 'no' | 'asked' | 'certain';
  /** Held by a consumer of this life. */
  held: boolean;
  /** It failed in this life, and waits for its time. */
  waits: boolean;
}

/** What is known of a group in this life. */
interface Track {
  /** The last that was delivered; null: none. */
  last: Ordered | null;
  /** Deliveries that went to others while something of it waited. */
  passedBy: number;
}

interface Reader {
  readonly consumer: Consumer;
  readonly held: { readonly message: Ordered; readonly slot: number }[];
  cancelled: boolean;
}

interface Life extends FocusedLife {
  readonly number: number;
  readonly readers: Reader[];
  readonly tracks: Map<string, Track>;
}

const KINDS = ['groups', 'strict', 'fair'] as const;
const RETRY_MS = 200;

export async function runOrder(seed: number, kind?: (typeof KINDS)[number]): Promise<OrderReport> {
  return (await new OrderHistory(seed, kind).run()).report();
}

class OrderHistory extends FocusedHistory<Life> {
  private readonly kind: (typeof KINDS)[number];
  private readonly keys: string[];
  private lives = 0;
  private readonly messages: Ordered[] = [];
  private deliveries = 0;
  private moves = 0;

  constructor(seed: number, kind?: (typeof KINDS)[number]) {
    const random = new Random(seed);
    const drawn = kind ?? random.pick(KINDS);
    const keys = ['a', 'b', 'c', 'd', 'e'].slice(0, random.between(2, 5));
    super(random);
    this.kind = drawn;
    this.keys = keys;
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.steps(this.random.between(40, 160), [
      [8, () => this.publishSome()],
      [16, () => this.settleSome()],
      [3, () => this.pass(this.random.between(20, 300))],
      [4, () => this.turns(this.random.below(12))],
      [3, () => this.come()],
      [3, () => this.go()],
      [2, () => this.end()],
    ]);
    if (this.failures.length > 0) return;
    await this.end();
    await this.drain();
  }

  report(): OrderReport {
    const { failures, faults, deliveries, moves } = this;
    return { failures, faults, deliveries, moves };
  }

  private get arguments(): Record<string, string | number | boolean> {
    if (this.kind === 'groups') return { 'x-group-by': 'key', 'x-retry-delay': RETRY_MS };
    if (this.kind === 'strict') return { 'x-strict-order': true, 'x-retry-delay': RETRY_MS };
    return { 'x-fair-by': 'key' };
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start({ dialects: [KEYED] });
    session.declareQueue('q', { ...DURABLE, arguments: queueArguments(this.arguments) });
    this.lives++;
    this.life = { number: this.lives, broker, session, readers: [], tracks: new Map(), alive: true };
    this.come();
  }

  // ---------------------------------------------------------------------------------------------------- consumers

  private come(): void {
    const { life } = this;
    if (life.readers.filter(({ cancelled }) => !cancelled).length >= 3) return;
    let reader: Reader | undefined;
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (life.alive) this.delivered(life, reader!, view, slot);
      },
      cancelled() {},
    };
    const prefetch = this.random.between(1, 8);
    const options = { tag: 'c', settled: false, exclusive: false, prefetch, arguments: [] };
    const consumer = life.session.consume('q', options, sink, NO_BACKPRESSURE);
    reader = { consumer, held: [], cancelled: false };
    life.readers.push(reader);
    this.moves++;
  }

  /** It gives back what it holds, or keeps it and takes no more. */
  private go(): void {
    const there = this.life.readers.filter(({ cancelled }) => !cancelled);
    if (there.length < 2) return;
    const reader = this.random.pick(there);
    reader.cancelled = true;
    this.moves++;
    const outcome = this.random.pick<Outcome | undefined>([RELEASED, MODIFIED, undefined]);
    if (outcome !== undefined) {
      for (const { message } of reader.held.splice(0)) {
        message.held = false;
        message.waits = outcome === MODIFIED && this.kind !== 'fair';
      }
    }
    reader.consumer.cancel(outcome);
  }

  // --------------------------------------------------------------------------------------------------- deliveries

  private delivered(life: Life, reader: Reader, view: MessageView, slot: number): void {
    const id = Number(view.body.latin1Slice(view.bodyStart, view.bodyStart + 6));
    const message = this.messages[id];
    if (message === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const what = `message ${id} of ${message.key}`;
    this.deliveries++;
    if (message.over === 'certain') this.failures.push(`${what} came back though it was over`);
    if (message.held) this.failures.push(`${what} is held twice`);
    if (message.life === life.number && message.over === 'asked') this.failures.push(`${what} came back in its life`);
    if (this.kind === 'fair') this.checkTurn(life, message);
    else this.checkOrder(life, message, what);
    message.held = true;
    message.waits = false;
    reader.held.push({ message, slot });
  }

  private trackOf(life: Life, key: string): Track {
    const name = this.kind === 'strict' ? '' : key;
    let track = life.tracks.get(name);
    if (track === undefined) {
      track = { last: null, passedBy: 0 };
      life.tracks.set(name, track);
    }
    return track;
  }

  private checkOrder(life: Life, message: Ordered, what: string): void {
    const track = this.trackOf(life, message.key);
    const { last } = track;
    if (last !== null && message.id < last.id) this.failures.push(`${what} came after message ${last.id}`);
    if (last?.held === true) this.failures.push(`${what} came while message ${last.id} was held`);
    for (const earlier of this.messages) {
      if (earlier.id >= message.id) break;
      if (this.kind === 'groups' && earlier.key !== message.key) continue;
      const there = earlier.over === 'no' && (earlier.published || earlier.life === life.number);
      if (there) this.failures.push(`${what} overtook message ${earlier.id}`);
    }
    track.last = message;
  }

  /** Everybody else who has something that waits has been passed by once more. */
  private checkTurn(life: Life, { key }: Ordered): void {
    for (const other of this.keys) {
      const track = this.trackOf(life, other);
      const waits = this.messages.some(
        (message) =>
          message.key === other &&
          !message.held &&
          message.over === 'no' &&
          (message.published || message.life === life.number),
      );
      track.passedBy = other === key || !waits ? 0 : track.passedBy + 1;
      if (track.passedBy > this.keys.length) {
        this.failures.push(`${other} was passed by ${track.passedBy} times: it waits too long`);
      }
    }
  }

  // ----------------------------------------------------------------------------------------------- what clients do

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    // One floods now and then.
    const flood = this.random.chance(0.2);
    const flooding = this.random.pick(this.keys);
    for (let n = flood ? 20 : this.random.between(1, 6); n > 0; n--) {
      const key = flood ? flooding : this.random.pick(this.keys);
      const id = this.messages.length;
      const body = `${String(id).padStart(6, '0')}${'x'.repeat(this.random.between(0, 300))}`;
      const mark = this.publish('q', keyed(body, `key=${key}`));
      if (mark < 0) return;
      const message: Ordered = {
        ...{ id, key, life: life.number, published: false, over: 'no', held: false, waits: false },
      };
      this.messages.push(message);
      this.whenSafe(() => {
        message.published = true;
      }, mark);
    }
  }

  private async settleSome(): Promise<void> {
    const { life } = this;
    await this.turns(1); // the time is asked once a turn
    for (let n = this.random.between(1, 6); n > 0; n--) {
      const busy = life.readers.filter(({ held }) => held.length > 0);
      if (busy.length === 0) return;
      const reader = this.random.pick(busy);
      const [{ message, slot }] = reader.held.splice(this.random.below(reader.held.length), 1) as [
        Reader['held'][number],
      ];
      const outcome = this.random.weighted<Outcome>([
        [6, ACCEPTED],
        [3, MODIFIED],
        [1, RELEASED],
        [1, REJECTED],
      ]);
      message.held = false;
      const over = outcome === ACCEPTED || outcome === REJECTED;
      if (over) message.over = 'asked';
      else message.waits = outcome === MODIFIED && this.kind !== 'fair';
      reader.consumer.settle(slot, outcome);
      this.whenSafe(() => {
        if (over) message.over = 'certain';
      });
    }
  }

  protected override stopping(): void {
    for (const { held } of this.life.readers) held.length = 0;
  }

  protected override died(): void {
    for (const message of this.messages) {
      message.held = false;
      message.waits = false;
    }
  }

  private async drain(): Promise<void> {
    const { life } = this;
    const seen = new Set<number>();
    const idle = (): boolean => life.readers.every(({ held }) => held.length === 0);
    for (let i = 0, quiet = 0; quiet < 20 && i < 4000 && this.failures.length === 0; i++) {
      await this.pass(20);
      await this.turns(3);
      quiet = idle() ? quiet + 1 : 0;
      for (const { consumer, held } of life.readers) {
        for (const { message, slot } of held.splice(0)) {
          seen.add(message.id);
          message.held = false;
          message.over = 'asked';
          consumer.settle(slot, ACCEPTED);
        }
      }
    }
    for (const { id, published, over } of this.messages) {
      if (published && over === 'no' && !seen.has(id)) this.failures.push(`message ${id} is lost`);
    }
    const waits = life.session.checkQueue('q').messages;
    if (waits > 0) this.failures.push(`${waits} messages are left over`);
  }
}
