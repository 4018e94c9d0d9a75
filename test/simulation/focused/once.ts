/**
 * Random histories of messages that are to be taken once, on a disk that tears and forgets, with kills, power failures and stops in
 * order. What a window knows after each death must be what is there: an id is known if its message was confirmed or is found, and not
 * known if its message was lost; a repeat is never confirmed before what it repeats is safe.
 */
import { ACCEPTED, type DeliverySink, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { DeduplicationWindow } from '../../../src/deduplication/window.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import { encodeNeutral, NEUTRAL_DIALECT } from '../../../src/message/neutral-dialect.ts';
import type { Header } from '../../../src/message/properties.ts';
import { queueArguments, vhostOf } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface OnceReport extends FocusedReport {
  readonly repeats: number;
  /** Ids and numbers whose messages a death has taken. */
  readonly lost: number;
}

const IDS = 25;
const TTL_MS = 3_000;
const LATEST_MAX = 150;

/** Where messages go: a queue, or an exchange and the queue behind it. */
interface Place {
  readonly name: string;
  readonly exchange: string;
  readonly queue: string;
  /** -1: ids are kept for good; else milliseconds. */
  readonly ttlMs: number;
  /** Ids go with their messages. */
  readonly present: boolean;
}

const PLACES: readonly Place[] = [
  { name: 'queue', exchange: '', queue: 'queue', ttlMs: -1, present: false },
  { name: 'timed', exchange: '', queue: 'timed', ttlMs: TTL_MS, present: false },
  { name: 'present', exchange: '', queue: 'present', ttlMs: -1, present: true },
  { name: 'exchange', exchange: 'x', queue: 'out', ttlMs: -1, present: false },
];

/** A message that was taken. */
interface Taken {
  readonly n: number;
  readonly place: Place;
  /** Its id; for one that has a number, its publisher's name. */
  readonly id: string;
  /** -1: it has none. */
  readonly number: number;
  /** When it is forgotten: epoch milliseconds. A publisher's numbers are all kept for as long as the latest. */
  untilMs: number;
  readonly durable: boolean;
  safe: boolean;
  settled: 'no' | 'asked' | 'certain';
}

interface Life extends FocusedLife {
  readonly held: Map<Taken, () => void>;
}

export async function runOnce(seed: number): Promise<OnceReport> {
  return (await new OnceHistory(seed).run()).report();
}

class OnceHistory extends FocusedHistory<Life> {
  private readonly taken: Taken[] = [];
  /** The latest of each place and id, or publisher, as far as the broker must know it. */
  private readonly known = new Map<string, Taken>();
  private repeats = 0;
  private lost = 0;

  constructor(seed: number) {
    super(new Random(seed));
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.steps(this.random.between(30, 150), [
      [10, () => this.publishSome()],
      [2, () => this.transact()],
      [5, () => this.settleSome()],
      [3, () => this.pass(this.random.between(20, 1500))],
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    await this.end();
  }

  report(): OnceReport {
    return { failures: this.failures, faults: this.faults, repeats: this.repeats, lost: this.lost };
  }

  // -------------------------------------------------------------------------------------------------------- a life

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start();
    const life: Life = { broker, session, held: new Map(), alive: true };
    this.life = life;
    const first = !session.queueExists('out');
    const once = { 'x-message-deduplication': true };
    const size = { 'x-cache-size': 1000 };
    session.declareQueue('queue', { ...DURABLE, arguments: queueArguments({ ...once, ...size }) });
    session.declareQueue('timed', {
      ...DURABLE,
      arguments: queueArguments({ ...once, ...size, 'x-cache-ttl': TTL_MS }),
    });
    session.declareQueue('present', { ...DURABLE, arguments: queueArguments(once) });
    session.declareQueue('out', { ...DURABLE, arguments: [] });
    const options2 = { durable: true, autoDelete: false, internal: false, arguments: queueArguments(size) };
    session.declareExchange('x', 'x-message-deduplication', options2);
    session.bindQueue('out', 'x', '', { spelling: 0, arguments: [] });
    for (const { queue } of PLACES) this.consume(life, queue);
    if (first) {
      // Nothing is tried before all of it is there for good.
      await this.safe('the declarations');
    }
    await this.judge();
  }

  private consume(life: Life, queue: string): void {
    const sink: DeliverySink = {
      deliver: (view: MessageView, slot) => {
        if (!life.alive) return;
        const taken = this.taken[Number(view.body.toString('latin1', view.bodyStart, view.bodyEnd))];
        if (taken === undefined || taken.place.queue !== queue) this.failures.push(`a phantom in ${queue}`);
        else if (life.held.has(taken)) this.failures.push(`${told(taken)} came twice`);
        else if (taken.settled === 'certain') this.failures.push(`${told(taken)} came back though it was accepted`);
        else life.held.set(taken, () => consumer.settle(slot, ACCEPTED));
      },
      cancelled() {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = life.session.consume(queue, options, sink, NO_BACKPRESSURE);
  }

  private windowOf({ exchange, queue }: Place): DeduplicationWindow {
    const { topology } = vhostOf(this.life.session);
    return (exchange === '' ? topology.queues.get(queue)! : topology.exchanges.get(exchange)!).window!;
  }

  private knows({ place, id, number }: Taken): boolean {
    const window = this.windowOf(place);
    const nowMs = this.clock.epochMs();
    return number < 0 ? window.has(id, nowMs) : window.hasNumber(id, BigInt(number), nowMs);
  }

  /** What was found is held against what was said. */
  private async judge(): Promise<void> {
    const { held } = this.life;
    let before = -1;
    let idle = 0;
    await this.until(() => {
      // One read may follow from another, some turns later.
      idle = held.size === before && this.disk.pending.length === 0 ? idle + 1 : 0;
      before = held.size;
      return idle > 6;
    }, 'what waits');
    await this.turns(3);
    for (const taken of this.taken) {
      const there = held.has(taken);
      if (taken.durable && taken.safe && taken.settled === 'no' && !there) this.failures.push(`${told(taken)} is lost`);
    }
    this.judgePresent();
    for (const [key, taken] of [...this.known]) {
      if (goesWithMessage(taken)) continue;
      const { settled, durable } = taken;
      const there = held.has(taken);
      const known = this.knows(taken);
      this.lookUp(taken);
      const over = taken.untilMs <= this.clock.epochMs();
      if (over || !durable || (!there && !taken.safe && settled === 'no')) {
        if (known) this.failures.push(`${told(taken)} is known, and should not be`);
        if (!over) this.lost++;
        this.forget(key, taken);
      } else if (there || taken.safe) {
        if (!known) this.failures.push(`${told(taken)} is not known any more`);
        taken.safe = true;
      } else if (!known) this.forget(key, taken);
    }
  }

  /** Ids that go with their messages: they are known exactly if one of these is there. */
  private judgePresent(): void {
    for (const [key, taken] of [...this.known]) if (goesWithMessage(taken)) this.known.delete(key);
    const place = PLACES.find(({ present }) => present)!;
    const there = [...this.life.held.keys()].filter(goesWithMessage).sort((a, b) => a.n - b.n);
    for (const taken of there) {
      taken.safe = true;
      this.known.set(`${place.name} ${taken.id}`, taken);
    }
    for (let i = 0; i < IDS; i++) {
      const id = `i${i}`;
      const known = this.windowOf(place).has(id, this.clock.epochMs());
      if (known === this.known.has(`${place.name} ${id}`)) continue;
      this.failures.push(`${place.name} ${id} is ${known ? 'known, and should not be' : 'not known any more'}`);
    }
  }

  /** A later message that was lost may have left its time. */
  private lookUp(taken: Taken): void {
    if (taken.number < 0 || taken.place.ttlMs < 0) return;
    const found = this.windowOf(taken.place)
      .keptPublishers()
      .find(({ name }) => name === taken.id);
    if (found !== undefined && (taken.safe || this.life.held.has(taken) || taken.settled !== 'no'))
      taken.untilMs = found.untilMs;
  }

  /** A number that was lost leaves the one before it. */
  private forget(key: string, { place, id, number, n }: Taken): void {
    this.known.delete(key);
    if (number < 0) return;
    for (let i = n - 1; i >= 0; i--) {
      const before = this.taken[i]!;
      if (before.place !== place || before.id !== id || before.number < 0) continue;
      if (this.knows(before)) {
        this.lookUp(before);
        this.known.set(key, before);
      } else if (before.safe && before.durable && place.ttlMs < 0)
        this.failures.push(`${told(before)} is not known any more`);
      else continue;
      return;
    }
  }

  // --------------------------------------------------------------------------------------------------------- steps

  /** A message, and whether the broker must know it. */
  private draw(): { draft: Draft; place: Place; key: string; id: string; number: number; repeats: Taken | undefined } {
    const { random } = this;
    const place = random.pick(PLACES);
    const numbered = random.chance(0.3);
    const id = numbered ? `p${random.below(2)}` : `i${random.below(IDS)}`;
    const key = `${place.name} ${id}`;
    const before = this.known.get(key);
    const highest = before === undefined ? -1 : before.number;
    const number = numbered ? Math.max(0, highest + random.weighted([[4, 1], [1, 2], [2, 0], [1, -1]])) : -1; // biome-ignore format: a table
    const headers: Header[] = numbered
      ? [
          { name: 'x-publisher-name', value: id },
          { name: 'x-publishing-id', value: { type: 'int64', value: BigInt(number) } },
        ]
      : [{ name: 'x-deduplication-header', value: id }];
    const draft = new Draft();
    draft.dialect = NEUTRAL_DIALECT.id;
    draft.assurance = random.chance(0.1) ? 0 : 1;
    draft.props = encodeNeutral({ headers });
    draft.propsEnd = draft.props.length;
    return { draft, place, key, id, number, repeats: this.repeatOf(before, number) };
  }

  /** What such a message would be a repeat of. */
  private repeatOf(before: Taken | undefined, number: number): Taken | undefined {
    if (before === undefined || (number >= 0 && number > before.number)) return undefined;
    if (before.untilMs <= this.clock.epochMs()) return undefined;
    return before;
  }

  private route({ exchange, queue }: Place) {
    const bytes = Buffer.from(queue);
    return this.life.session.route(exchange, 0, bytes, 0, bytes.length);
  }

  private body(draft: Draft): void {
    draft.body = Buffer.from(String(this.taken.length), 'latin1');
    draft.bodyEnd = draft.body.length;
  }

  private took(place: Place, key: string, id: string, number: number, durable: boolean): Taken {
    const n = this.taken.length;
    const untilMs = place.ttlMs < 0 ? Number.POSITIVE_INFINITY : this.clock.epochMs() + place.ttlMs;
    const taken: Taken = { n, place, id, number, untilMs, durable, safe: false, settled: 'no' };
    this.taken.push(taken);
    this.known.set(key, taken);
    return taken;
  }

  private async publishSome(): Promise<void> {
    await this.turns(1); // the time is asked once a turn
    const { life } = this;
    for (let n = this.random.between(1, 8); n > 0 && life.held.size < LATEST_MAX; n--) {
      if (life.session.congested) return;
      const { draft, place, key, id, number, repeats } = this.draw();
      this.body(draft);
      const mark = life.session.publish(this.route(place), draft);
      if (mark < 0) return;
      if (draft.duplicate !== (repeats !== undefined)) {
        this.failures.push(`${place.name} ${id} ${number}: duplicate is ${draft.duplicate}`);
        return;
      }
      if (repeats !== undefined) this.repeats++;
      const taken = repeats ?? this.took(place, key, id, number, draft.assurance > 0);
      this.whenSafe(() => {
        // Of a repeat this promises that its first is there.
        taken.safe = true;
      }, mark);
    }
  }

  /** Some messages together, in one unit. */
  private async transact(): Promise<void> {
    await this.turns(1);
    const { life } = this;
    if (life.session.congested || life.held.size >= LATEST_MAX) return;
    const transaction = life.session.transaction();
    const all: Taken[] = [];
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const { draft, place, key, id, number, repeats } = this.draw();
      this.body(draft);
      transaction.publish(this.route(place), draft);
      if (repeats === undefined) all.push(this.took(place, key, id, number, draft.assurance > 0));
      else {
        this.repeats++;
        all.push(repeats);
      }
    }
    this.whenSafe(() => {
      for (const taken of all) taken.safe = true;
    }, transaction.commit());
  }

  private settleSome(): void {
    const { life } = this;
    for (let n = this.random.between(1, 12); n > 0 && life.held.size > 0; n--) {
      const [taken, settle] = this.random.pick([...life.held]);
      life.held.delete(taken);
      settle();
      taken.settled = 'asked';
      for (const [key, other] of this.known) {
        if (other === taken && goesWithMessage(taken)) this.known.delete(key);
      }
      this.whenSafe(() => {
        taken.settled = 'certain';
      });
    }
  }
}

function goesWithMessage({ place, number }: Taken): boolean {
  return place.present && number < 0;
}

function told({ n, place, id, number }: Taken): string {
  return `message ${n} (${place.name}, ${id}${number < 0 ? '' : ` ${number}`})`;
}
