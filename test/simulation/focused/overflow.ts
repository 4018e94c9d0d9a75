/**
 * Random histories of windows that know few ids, so that the oldest are forgotten all the time, through lives that end in order, by a kill
 * or without power. A window knows the latest of what was taken, as many as it has room for: after each death an id is known if fewer others
 * were taken after it and its message was confirmed or is found, and not known if as many came after it that are there for certain.
 */
import { ACCEPTED, type DeliverySink, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { DeduplicationWindow } from '../../../src/deduplication/window.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import { encodeNeutral, NEUTRAL_DIALECT } from '../../../src/message/neutral-dialect.ts';
import { textOf } from '../../../src/message/text.ts';
import { queueArguments, vhostOf } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface OverflowReport extends FocusedReport {
  readonly repeats: number;
  /** Ids that a window had forgotten, and took again. */
  readonly again: number;
  /** Ids whose messages a death has taken. */
  readonly lost: number;
}

const SIZE = 6;
const IDS = 16;
const HELD_MAX = 100;

/** A queue with a window, or an exchange and the queue behind it. */
interface Place {
  readonly exchange: string;
  readonly queue: string;
}
const PLACES: readonly Place[] = [
  { exchange: '', queue: 'small' },
  { exchange: 'x', queue: 'out' },
];

/** A message that was taken. */
interface Taken {
  readonly n: number;
  readonly place: Place;
  readonly id: string;
  readonly durable: boolean;
  /** The smallest size that the window has had since. */
  sizeMin: number;
  safe: boolean;
  settled: 'no' | 'asked' | 'certain';
  /** A death has taken it. */
  lost: boolean;
}

interface Life extends FocusedLife {
  readonly held: Map<Taken, () => void>;
  /** What each window knows, the oldest first. */
  readonly known: Map<Place, string[]>;
  /** Of each window. */
  readonly size: Map<Place, number>;
}

export async function runOverflow(seed: number): Promise<OverflowReport> {
  return (await new OverflowHistory(seed).run()).report();
}

class OverflowHistory extends FocusedHistory<Life> {
  private readonly taken: Taken[] = [];
  private repeats = 0;
  private again = 0;
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
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    await this.end();
  }

  report(): OverflowReport {
    const { failures, faults, repeats, again, lost } = this;
    return { failures, faults, repeats, again, lost };
  }

  // -------------------------------------------------------------------------------------------------------- a life

  protected async begin(): Promise<void> {
    const size = this.random.chance(0.3) ? this.random.between(2, 9) : SIZE;
    const definition = { 'x-cache-size': size };
    const { broker, session } = await this.start({
      ...(size !== SIZE && { vhosts: [{ name: '/', policies: [{ name: 'few', pattern: '^small$', definition }] }] }),
    });
    const [small, exchange] = PLACES as readonly [Place, Place];
    const sizes = new Map([
      [small, size],
      [exchange, SIZE],
    ]);
    const life: Life = { broker, session, held: new Map(), known: new Map(), size: sizes, alive: true };
    this.life = life;
    for (const taken of this.taken) taken.sizeMin = Math.min(taken.sizeMin, sizes.get(taken.place)!);
    const first = !session.queueExists('out');
    const few = { 'x-cache-size': SIZE };
    session.declareQueue('small', {
      ...DURABLE,
      arguments: queueArguments({ 'x-message-deduplication': true, ...few }),
    });
    session.declareQueue('out', { ...DURABLE, arguments: [] });
    session.declareExchange('x', 'x-message-deduplication', {
      ...{ durable: true, autoDelete: false, internal: false },
      arguments: queueArguments(few),
    });
    session.bindQueue('out', 'x', '', { spelling: 0, arguments: [] });
    for (const { queue } of PLACES) this.consume(life, queue);
    if (first) await this.safe('the declarations');
    await this.judge();
  }

  private consume(life: Life, queue: string): void {
    const sink: DeliverySink = {
      deliver: (view: MessageView, slot) => {
        if (!life.alive) return;
        const taken = this.taken[Number(view.body.toString('latin1', view.bodyStart, view.bodyEnd))];
        if (taken === undefined || taken.place.queue !== queue) this.failures.push(`a phantom in ${queue}`);
        else if (life.held.has(taken)) this.failures.push(`${told(taken)} came twice`);
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
      if (held.has(taken)) taken.safe = true;
      else if (taken.durable && taken.safe && taken.settled === 'no') this.failures.push(`${told(taken)} is lost`);
      else if (!taken.safe && (!taken.durable || taken.settled === 'no')) {
        if (!taken.lost) this.lost++;
        taken.lost = true;
      } else if (!taken.durable) taken.lost = true;
    }
    for (const place of PLACES) this.judgeWindow(place);
  }

  private judgeWindow(place: Place): void {
    const window = this.windowOf(place);
    const nowMs = this.clock.epochMs();
    const size = this.life.size.get(place)!;
    const all = this.taken.filter((one) => one.place === place);
    const known: Taken[] = [];
    for (let i = 0; i < IDS; i++) {
      const id = `i${i}`;
      const latest = all.findLast((one) => one.id === id && !one.lost);
      const knows = window.has(id, nowMs);
      if (latest === undefined) {
        if (knows) this.failures.push(`${place.queue} ${id} is known, and nothing of it is there`);
        continue;
      }
      const later = all.filter((one) => one.n > latest.n && one.id !== id);
      const since = new Set(later.map((one) => one.id)).size;
      const certain = new Set(later.filter((one) => one.safe && !one.lost).map((one) => one.id)).size;
      if (latest.safe && since < latest.sizeMin && !knows) this.failures.push(`${told(latest)} is not known any more`);
      if (certain >= size && knows) this.failures.push(`${told(latest)} is known, and should have made room`);
      if (knows) known.push(latest);
    }
    if (known.length > size) this.failures.push(`${place.queue} knows ${known.length} ids`);
    const order: string[] = [];
    for (const some of window.kept(IDS)) {
      order.push(...some.map(({ bytes, start, end }) => textOf(bytes, start, end)));
      if (order.length > IDS) break; // it would not end where something is wrong
    }
    known.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
    const certain = known.filter(({ safe }) => safe).map(({ n }) => n);
    if (certain.some((n, i) => i > 0 && n < certain[i - 1]!))
      this.failures.push(`${place.queue} has its ids out of order`);
    this.life.known.set(
      place,
      known.map(({ id }) => id),
    );
  }

  // --------------------------------------------------------------------------------------------------------- steps

  /** A message with an id, and whether that is known; it is from then on. */
  private draw(): { draft: Draft; taken: Taken; repeats: boolean } {
    const { random, life } = this;
    const place = random.pick(PLACES);
    const id = `i${random.below(IDS)}`;
    const draft = new Draft();
    draft.dialect = NEUTRAL_DIALECT.id;
    draft.assurance = random.chance(0.1) ? 0 : 1;
    draft.props = encodeNeutral({ headers: [{ name: 'x-deduplication-header', value: id }] });
    draft.propsEnd = draft.props.length;
    draft.body = Buffer.from(String(this.taken.length), 'latin1');
    draft.bodyEnd = draft.body.length;
    const known = life.known.get(place)!;
    if (known.includes(id)) {
      this.repeats++;
      return {
        draft,
        taken: this.taken.findLast((one) => one.place === place && one.id === id && !one.lost)!,
        repeats: true,
      };
    }
    if (this.taken.some((one) => one.place === place && one.id === id && !one.lost)) this.again++;
    const size = life.size.get(place)!;
    known.push(id);
    if (known.length > size) known.shift();
    const taken: Taken = {
      ...{ n: this.taken.length, place, id, durable: draft.assurance > 0, sizeMin: size },
      ...{ safe: false, settled: 'no', lost: false },
    };
    this.taken.push(taken);
    return { draft, taken, repeats: false };
  }

  private route({ exchange, queue }: Place) {
    const bytes = Buffer.from(queue);
    return this.life.session.route(exchange, 0, bytes, 0, bytes.length);
  }

  private async publishSome(): Promise<void> {
    await this.turns(1);
    const { life } = this;
    for (let n = this.random.between(1, 8); n > 0 && life.held.size < HELD_MAX; n--) {
      if (life.session.congested) return;
      const { draft, taken, repeats } = this.draw();
      const mark = life.session.publish(this.route(taken.place), draft);
      if (mark < 0) throw new Error('a publish was refused');
      if (draft.duplicate !== repeats) {
        this.failures.push(`${told(taken)}: duplicate is ${draft.duplicate}`);
        return;
      }
      this.whenSafe(() => {
        taken.safe = true;
      }, mark);
    }
  }

  /** Some messages together, in one unit. */
  private async transact(): Promise<void> {
    await this.turns(1);
    const { life } = this;
    if (life.session.congested || life.held.size >= HELD_MAX) return;
    const transaction = life.session.transaction();
    const all: Taken[] = [];
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const { draft, taken } = this.draw();
      transaction.publish(this.route(taken.place), draft);
      all.push(taken);
    }
    this.whenSafe(() => {
      for (const taken of all) taken.safe = true;
    }, transaction.commit());
  }

  /** Those that are safe: of others nobody could tell whether they went with their settlement or were never there. */
  private settleSome(): void {
    const { life } = this;
    for (let n = this.random.between(1, 12); n > 0; n--) {
      const safe = [...life.held].filter(([{ safe }]) => safe);
      if (safe.length === 0) return;
      const [taken, settle] = this.random.pick(safe);
      life.held.delete(taken);
      settle();
      taken.settled = 'asked';
      this.whenSafe(() => {
        taken.settled = 'certain';
      });
    }
  }
}

function told({ n, place, id }: Taken): string {
  return `message ${n} (${place.queue}, ${id})`;
}
