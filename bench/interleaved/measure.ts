/** Fills queues message by message, starts the broker again, and drains some of them: what that gives. */
import { setTimeout as wait } from 'node:timers/promises';
import type { RestartablePeer } from '../../conformance/peers/index.ts';
import { Link } from '../load/link.ts';
import { atRest, forgetFiles, resident } from './process.ts';

/** One broker, and where its files are. */
export interface Bench {
  readonly kind: string;
  readonly peer: RestartablePeer;
  readonly directory: string;
}

export interface Size {
  readonly queues: number;
  readonly each: number;
  readonly bodyBytes: number;
}

export interface Options {
  readonly prefetch: number;
  /** Seconds of rest after filling; NaN: until nothing happens any more. */
  readonly restSeconds: number;
  /** Everything is read from memory: not for figures. */
  readonly warm: boolean;
  /** Messages published in one go while queues are drained. */
  readonly beside: number;
  readonly say: (what: string, figure: string) => void;
}

/** Messages a second, milliseconds, MiB. */
export type Figures = Map<string, number>;

const WINDOW = 4096;
/** Queues of each kind that are drained one by one. */
const DRAINED = 15;
const DRAINED_LONG = 3;
/** From so many messages on a queue is long: few are drained, and each of them takes a while. */
const LONG = 10_000;
const ROUNDS = 3;
/** Messages drained while one round of publishing goes on, about. */
const BESIDE = 60_000;
const TOGETHER = 100;
const LIVE_SECONDS = 6;

export const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1]!;

export async function measure(bench: Bench, size: Size, options: Options): Promise<Figures> {
  const run = new Run(bench, size, options);
  try {
    await run.fill();
    await run.drainOneByOne();
    await run.publishBeside();
    await run.drainTogether();
  } finally {
    run.close();
  }
  return run.figures;
}

class Run {
  readonly figures: Figures = new Map();
  private readonly bench: Bench;
  private readonly size: Size;
  private readonly options: Options;
  private readonly names: readonly string[];
  private readonly alone: readonly string[];
  /** Queues drained one by one, of each kind. */
  private readonly drained: number;
  /** Queues drained during one round of publishing, of each kind. */
  private readonly round: number;
  private links: Link[] = [];
  private nextTurn = 0;

  constructor(bench: Bench, size: Size, options: Options) {
    const { queues, each } = size;
    this.bench = bench;
    this.size = size;
    this.options = options;
    this.drained = each < LONG ? DRAINED : DRAINED_LONG;
    this.round = Math.max(1, Math.min(Math.floor(queues / 8), Math.ceil(BESIDE / each)));
    this.names = Array.from({ length: queues }, (_, i) => `turn-${i}`);
    this.alone = Array.from(
      { length: 1 + this.drained + (each < LONG ? ROUNDS * this.round : 1) },
      (_, i) => `alone-${i}`,
    );
  }

  close(): void {
    for (const link of this.links) link.close();
    this.links = [];
  }

  private say(what: string, value: number, unit: 'k/s' | 'MiB' | 'ms' | 's', more = ''): void {
    this.figures.set(what, value);
    const text = unit === 'k/s' ? (value / 1000).toFixed(1) : unit === 'ms' ? value.toFixed(2) : value.toFixed(0);
    this.options.say(what, `${text} ${unit}${more}`);
  }

  private async open(): Promise<Link> {
    const link = await Link.open(this.bench.peer.amqpPort);
    this.links.push(link);
    return link;
  }

  private get job(): { bodyBytes: number; window: number } {
    return { bodyBytes: this.size.bodyBytes, window: WINDOW };
  }

  private async memory(what: string): Promise<void> {
    const { now, most } = await resident(this.bench.peer.pid);
    this.say(`resident memory, ${what}: at most`, most, 'MiB', ` (then ${now})`);
  }

  async fill(): Promise<void> {
    const { names, alone, size, job } = this;
    const { each, queues } = size;
    const link = await this.open();
    await link.declare([...alone, ...names, 'beside', 'live', 'warm']);
    await link.publish({ ...job, keys: ['warm'], count: Math.min(50_000, 10 * each) });
    // Queues filled alone lie between the others: a queue's neighbours are not to be read with it.
    const single: number[] = [];
    const part = Math.ceil(alone.length / 2);
    for (const name of alone.slice(0, part)) single.push(await link.publish({ ...job, keys: [name], count: each }));
    const fill = await link.publish({ ...job, keys: names, count: queues * each });
    for (const name of alone.slice(part)) single.push(await link.publish({ ...job, keys: [name], count: each }));
    this.say('filling one queue', median(single), 'k/s');
    this.say('filling all, message by message', fill, 'k/s');
    await this.memory('filling');
    await this.live(link, 'a confirm right after that');
    this.close();
    if (Number.isNaN(this.options.restSeconds)) this.say('at rest after', await atRest(this.bench.directory), 's');
    else await wait(1000 * this.options.restSeconds);
    await this.memory('at rest');
    await this.live(await this.open(), 'a confirm at rest');
    this.close();
    await this.bench.peer.restart();
  }

  /** A client that publishes one message at a time: how long it waits for its confirm. */
  private async live(link: Link, what: string): Promise<void> {
    const ms: number[] = [];
    for (const begun = performance.now(); performance.now() - begun < 1000 * LIVE_SECONDS; ) {
      const at = performance.now();
      await link.publish({ ...this.job, window: 1, keys: ['live'], count: 1 });
      ms.push(performance.now() - at);
      await wait(2);
    }
    ms.sort((a, b) => a - b);
    this.say(`${what}, p50`, ms[ms.length >> 1]!, 'ms');
    this.say(`${what}, p99`, ms[Math.floor(ms.length * 0.99)]!, 'ms', `, at most ${ms[ms.length - 1]!.toFixed(1)}`);
  }

  private async forget(): Promise<void> {
    if (!this.options.warm) await forgetFiles(this.bench.directory);
  }

  private async drain(link: Link, queue: string): Promise<number> {
    const { queues, each } = this.size;
    const at = this.names.indexOf(queue);
    const order = at < 0 ? {} : { first: at, step: queues };
    const { askedRate, disorder } = await link.drain({ queue, count: each, prefetch: this.options.prefetch, ...order });
    if (disorder > 0) throw new Error(`${disorder} messages of ${queue} came out of order`);
    return askedRate;
  }

  /** The next of the interleaved ones: apart from each other, so that no read for one brings the next. */
  private turn(): string {
    const { queues } = this.size;
    // It has no divisor in common with their number, so that it comes to each once.
    const step = nextPrime(Math.floor(queues * 0.37));
    return this.names[(this.nextTurn++ * step) % queues]!;
  }

  async drainOneByOne(): Promise<void> {
    const link = await this.open();
    const { alone, drained } = this;
    await this.drain(link, alone[0]!); // warm
    await this.memory('after the start');
    const rates: { alone: number[]; turn: number[] } = { alone: [], turn: [] };
    for (let i = 0; i < drained; i++) {
      await this.forget();
      rates.alone.push(await this.drain(link, alone[this.aloneAt(i)]!));
      await this.forget();
      rates.turn.push(await this.drain(link, this.turn()));
    }
    const [whole, part] = [median(rates.alone), median(rates.turn)];
    this.say('draining one that was filled alone', whole, 'k/s', spread(rates.alone));
    this.say('draining one of many', part, 'k/s', spread(rates.turn));
    this.figures.set('one of many / filled alone', part / whole);
    this.options.say('one of many / filled alone', `${(part / whole).toFixed(2)} x`);
    await this.memory('draining');
  }

  /** Blocks hold several short queues: of these every so many-th is drained. */
  private aloneAt(i: number): number {
    const last = this.alone.length - 1;
    return 1 + Math.floor((i * last) / this.drained);
  }

  /** Publishing beside drains, in turn with publishing alone. */
  async publishBeside(): Promise<void> {
    const drainer = await this.open();
    const publisher = await this.open();
    const count = this.options.beside;
    const publish = (): Promise<number> => publisher.publish({ ...this.job, keys: ['beside'], count });
    await publish();
    const rates: { by: number[]; turn: number[]; alone: number[]; drained: number[] } = {
      by: [],
      turn: [],
      alone: [],
      drained: [],
    };
    const beside = async (next: () => string | undefined): Promise<number> => {
      await this.forget();
      let publishing = true;
      const draining = (async () => {
        while (publishing) {
          const queue = next();
          if (queue === undefined) return;
          rates.drained.push(await this.drain(drainer, queue));
        }
      })();
      const rate = await publish();
      publishing = false;
      await draining;
      return rate;
    };
    const used = new Set(Array.from({ length: this.drained }, (_, i) => this.aloneAt(i)));
    const left = this.alone.map((_, i) => i).filter((i) => i > 0 && !used.has(i));
    for (let i = 0; i < ROUNDS; i++) {
      rates.by.push(await publish());
      const round = this.nextTurn + this.round;
      rates.turn.push(await beside(() => (this.nextTurn < round ? this.turn() : undefined)));
      const some = left.splice(0, Math.min(this.round, Math.ceil(left.length / (ROUNDS - i))));
      if (some.length > 0) {
        rates.alone.push(
          await beside(() => {
            const at = some.shift();
            return at === undefined ? undefined : this.alone[at];
          }),
        );
      }
    }
    const by = median(rates.by);
    const turn = median(rates.turn);
    this.say('publishing alone', by, 'k/s');
    if (rates.alone.length > 0) {
      const alone = median(rates.alone);
      this.say('publishing beside drains of those filled alone', alone, 'k/s', ` (${(alone / by).toFixed(2)} x)`);
    }
    this.say('publishing beside drains of many', turn, 'k/s', ` (${(turn / by).toFixed(2)} x)`);
    this.figures.set('publishing beside / alone', turn / by);
    this.say('drains beside publishing', median(rates.drained), 'k/s');
    await this.memory('publishing beside');
  }

  async drainTogether(): Promise<void> {
    const { queues, each } = this.size;
    const link = await this.open();
    const many: string[] = [];
    while (many.length < TOGETHER && this.nextTurn < queues) many.push(this.turn());
    if (many.length === 0) return;
    await this.forget();
    // Of long ones only the beginning: it is the order of reads that counts.
    const count = Math.min(many.length * each, 1_000_000);
    const { rate } = await link.drain({ queue: many, count, prefetch: 100 });
    this.say('draining a hundred of many at once', rate, 'k/s', many.length < TOGETHER ? ` (${many.length})` : '');
    await this.memory('draining a hundred');
  }
}

function spread(rates: readonly number[]): string {
  const sorted = [...rates].sort((a, b) => a - b).map((rate) => (rate / 1000).toFixed(0));
  return ` (${sorted[0]} to ${sorted[sorted.length - 1]})`;
}

function nextPrime(least: number): number {
  for (let n = Math.max(2, least); ; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (prime) return n;
  }
}
