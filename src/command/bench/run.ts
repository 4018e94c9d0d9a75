/**
 * A load: producers, consumers and what they see. Each body begins with when it was due, by this process' clock, so that times are right
 * without any other clock; with a rate, a message that has to wait for a slow broker is late from when it was due, not from when
 * it could be sent.
 */
import type { Clock } from '../../clock/clock.ts';
import { Timer } from '../../clock/clock.ts';
import { Latencies } from './latencies.ts';
import { Link, LinkError, type LinkTarget } from './link.ts';
import { type BenchProtocol, talkOf } from './protocols.ts';
import type { TalkOptions } from './talk.ts';

export interface Load {
  readonly protocol: BenchProtocol;
  readonly target: LinkTarget;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
  readonly name: string;
  readonly bodyBytes: number;
  /** Of all producers. */
  readonly count: number;
  /** Messages a second, of all producers; 0: as fast as it goes. */
  readonly rate: number;
  readonly producers: number;
  readonly consumers: number;
  /** Open confirms of each producer; 0: nothing is confirmed or acknowledged. */
  readonly window: number;
  readonly persistent: boolean;
}

export interface Outcome {
  readonly sent: number;
  /** Confirmed; without confirms what was handed to the system. */
  readonly published: number;
  readonly publishMs: number;
  readonly received: number;
  readonly expected: number;
  readonly receiveMs: number;
  readonly endToEnd: Latencies;
  readonly confirms: Latencies;
  /** Of one processor, what this process took meanwhile: 0 to 1 and more. */
  readonly busy: number;
  readonly stopped: boolean;
}

/** Two numbers of eight bytes: when it was due, and a mark. */
export const BODY_BYTES_MIN = 16;
const MARK = Buffer.from('entrepot');
const SLOTS = 65_536;
const BATCH = 64;
const TICK_MS = 10;
const LOOK_MS = 100;
/** In which nothing comes any more, though something is missing. */
const SILENCE_MS = 5_000;

export class Bench {
  private readonly load: Load;
  private readonly clock: Clock;
  private readonly onProgress: (done: number, more: string) => void;
  private readonly producers: Producer[] = [];
  private readonly consumers: Link[] = [];
  private readonly endToEnd = new Latencies();
  private readonly confirms = new Latencies();
  private readonly looking = new Timer(() => this.look());
  private received = 0;
  private readonly expected: number;
  private beganMs = 0;
  private publishedMs = 0;
  private receivedMs = 0;
  private stopped = false;
  private quietSinceMs = 0;
  private seen = -1;
  private over: () => void = () => {};
  private failed: (error: unknown) => void = () => {};

  /** @param onProgress messages that are done with; and what else there is to say */
  constructor(load: Load, clock: Clock, onProgress: (done: number, more: string) => void) {
    this.load = load;
    this.clock = clock;
    this.onProgress = onProgress;
    const { count, consumers, protocol } = load;
    // A topic's subscribers get each message, a queue's consumers share them.
    this.expected = consumers === 0 ? 0 : protocol === 'mqtt' ? count * consumers : count;
  }

  /** @throws LinkError */
  async run(): Promise<Outcome> {
    const { load, clock } = this;
    const ended = new Promise<void>((resolve, reject) => {
      this.over = resolve;
      this.failed = reject;
    });
    ended.catch(() => {});
    try {
      for (let i = 0; i < load.consumers; i++) this.consumers.push(await this.consumer(i));
      for (let i = 0; i < load.producers; i++) this.producers.push(await this.producer(i));
      const cpu = process.cpuUsage();
      this.beganMs = clock.monotonicMs();
      this.quietSinceMs = this.beganMs;
      clock.schedule(this.looking, LOOK_MS);
      for (const producer of this.producers) producer.start();
      if (!this.stopped) await ended;
      const { user, system } = process.cpuUsage(cpu);
      const tookMs = clock.monotonicMs() - this.beganMs;
      return this.outcome((user + system) / 1_000 / Math.max(1, tookMs));
    } finally {
      clock.cancel(this.looking);
      await this.clear();
    }
  }

  /** Ends it early: what has been seen counts. */
  stop(): void {
    this.stopped = true;
    for (const producer of this.producers) producer.stop();
    this.over();
  }

  private talkOptions(index: number): TalkOptions {
    const { user, password, vhost, name, persistent, window } = this.load;
    return { user, password, vhost, name, persistent, confirmed: window > 0, prefetch: 1_000, index };
  }

  private consumer(index: number): Promise<Link> {
    const { protocol, target } = this.load;
    const heard = {
      message: (buffer: Buffer, at: number): void => this.got(buffer, at),
      confirm: (): void => {},
    };
    return Link.open(target, talkOf(protocol, 'consumer', this.talkOptions(index)), heard, (error) =>
      this.failed(error),
    );
  }

  private async producer(index: number): Promise<Producer> {
    const { load, clock, confirms } = this;
    const each = Math.floor(load.count / load.producers) + (index < load.count % load.producers ? 1 : 0);
    const producer = new Producer(load, each, clock, confirms, () => this.look());
    const heard = {
      message: (): void => {},
      confirm: (id: number, multiple: boolean): void => producer.confirmed(id, multiple),
    };
    const talk = talkOf(load.protocol, 'producer', this.talkOptions(load.consumers + index));
    producer.link = await Link.open(load.target, talk, heard, (error) => this.failed(error));
    return producer;
  }

  private got(buffer: Buffer, at: number): void {
    if (buffer.compare(MARK, 0, MARK.length, at + 8, at + 16) !== 0) return;
    this.received++;
    const nowMs = this.clock.monotonicMs();
    this.endToEnd.add(nowMs - buffer.readDoubleBE(at));
    this.receivedMs = nowMs;
    if (this.received === this.expected) this.look();
  }

  /** Whether all is done, or nothing moves any more. */
  private look(): void {
    const nowMs = this.clock.monotonicMs();
    const published = this.published;
    const allPublished = this.producers.every(({ done }) => done);
    if (allPublished && this.publishedMs === 0) this.publishedMs = nowMs;
    const moved = published + this.received;
    if (moved !== this.seen) {
      this.seen = moved;
      this.quietSinceMs = nowMs;
    }
    const least = this.endToEnd.percentile(0.99);
    this.onProgress(
      this.load.consumers === 0 ? published : this.received,
      least === undefined ? '' : `p99 ${least.toFixed(1)} ms`,
    );
    const silent = this.load.rate === 0 && nowMs - this.quietSinceMs > SILENCE_MS;
    if ((allPublished && this.received >= this.expected) || silent) {
      this.over();
      return;
    }
    if (allPublished && nowMs - this.quietSinceMs > SILENCE_MS) this.over();
    else if (!this.looking.scheduled) this.clock.schedule(this.looking, LOOK_MS);
  }

  private get published(): number {
    let sum = 0;
    for (const producer of this.producers) sum += producer.safe;
    return sum;
  }

  private outcome(busy: number): Outcome {
    const { beganMs, endToEnd, confirms, received, expected, stopped } = this;
    const nowMs = this.clock.monotonicMs();
    return {
      sent: this.producers.reduce((sum, { sent }) => sum + sent, 0),
      published: this.published,
      publishMs: (this.publishedMs || nowMs) - beganMs,
      received,
      expected,
      receiveMs: Math.max(0, this.receivedMs - beganMs),
      ...{ endToEnd, confirms, busy, stopped },
    };
  }

  /** The queue goes, and all connections. */
  private async clear(): Promise<void> {
    const last = this.producers[0]?.link;
    for (const link of this.consumers) link.close();
    for (const { link } of this.producers.slice(1)) link?.close();
    if (last === undefined) return;
    const { clearing } = last.talk;
    if (clearing.length === 0) {
      last.close();
      return;
    }
    const late = new Timer(() => last.close());
    this.clock.schedule(late, 2_000);
    await last.end(clearing);
    this.clock.cancel(late);
  }
}

/** One connection that publishes. */
class Producer {
  link: Link | undefined;
  sent = 0;
  /** Confirmed; or sent, where nothing is. */
  safe = 0;
  done = false;
  private readonly load: Load;
  private readonly count: number;
  private readonly clock: Clock;
  private readonly latencies: Latencies;
  private readonly onDone: () => void;
  /** When each that is not confirmed was due. */
  private readonly dueAt = new Float64Array(SLOTS);
  private confirmedTo = 0;
  private stopped = false;
  private blocked = false;
  /** More was due than could be sent; so many were, when that was last looked at. */
  private held = false;
  private heldTo = 0;
  private startedMs = 0;
  private readonly ticking = new Timer(() => this.pump());
  private readonly pumping = (): void => {
    this.blocked = false;
    this.pump();
  };

  constructor(load: Load, count: number, clock: Clock, latencies: Latencies, onDone: () => void) {
    this.load = load;
    this.count = count;
    this.clock = clock;
    this.latencies = latencies;
    this.onDone = onDone;
  }

  start(): void {
    this.startedMs = this.clock.monotonicMs();
    if (this.count === 0) this.finished();
    else this.pump();
  }

  stop(): void {
    this.stopped = true;
    this.clock.cancel(this.ticking);
  }

  confirmed(id: number, multiple: boolean): void {
    const nowMs = this.clock.monotonicMs();
    const from = multiple ? this.confirmedTo + 1 : id;
    for (let n = from; n <= id; n++) {
      this.latencies.add(nowMs - this.dueAt[n % SLOTS]!);
      this.safe++;
    }
    if (id > this.confirmedTo) this.confirmedTo = id;
    if (this.safe >= this.count) this.finished();
    else if (this.sent - this.safe <= Math.max(0, this.load.window - BATCH)) this.pump();
  }

  private finished(): void {
    if (this.done) return;
    this.done = true;
    this.onDone();
  }

  /** Messages that are due by now. */
  private due(nowMs: number): number {
    const { rate, producers } = this.load;
    if (rate === 0) return this.count;
    return Math.min(this.count, Math.floor(((nowMs - this.startedMs) * rate) / producers / 1_000) + 1);
  }

  private pump(): void {
    const { window, rate, bodyBytes } = this.load;
    const { link } = this;
    if (this.stopped || this.done || this.blocked || link === undefined) return;
    if (this.held) this.heldTo = this.due(this.clock.monotonicMs());
    for (;;) {
      const nowMs = this.clock.monotonicMs();
      const room = window === 0 ? Number.POSITIVE_INFINITY : window - (this.sent - this.safe);
      const n = Math.min(BATCH, this.due(nowMs) - this.sent, room);
      if (n <= 0) break;
      const pieces: Buffer[] = [];
      for (let i = 0; i < n; i++) pieces.push(...this.next(nowMs, bodyBytes, link));
      if (!link.write(Buffer.concat(pieces), this.pumping)) {
        this.blocked = true;
        break;
      }
    }
    this.held = rate > 0 && this.due(this.clock.monotonicMs()) > this.sent;
    if (this.sent === this.count && window === 0) void link.flushed().then(() => this.allSent());
    else if (rate > 0 && this.sent < this.count) this.clock.schedule(this.ticking, TICK_MS);
  }

  private allSent(): void {
    this.safe = this.sent;
    this.finished();
  }

  private next(nowMs: number, bodyBytes: number, { talk }: Link): readonly Buffer[] {
    const { rate, producers, window } = this.load;
    const n = ++this.sent;
    // What the broker held up is late from when it was due: so somebody who waits would see it.
    const dueMs = n <= this.heldTo ? this.startedMs + ((n - 1) * producers * 1_000) / rate : nowMs;
    const id = talk.idOf(n);
    if (window > 0) this.dueAt[id % SLOTS] = dueMs;
    else this.safe = n;
    const body = Buffer.alloc(bodyBytes, 'x');
    body.writeDoubleBE(dueMs, 0);
    MARK.copy(body, 8);
    return talk.message(id, body);
  }
}

export { LinkError };
