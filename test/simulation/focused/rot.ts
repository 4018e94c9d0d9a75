/**
 * Bits that change by themselves in what had been synced, at random places of logs with a random past: checkpoints,
 * settlements, segments that came and went. Whatever is hit, the broker refuses to start and says why, or starts and says
 * what it dropped; what it then hands out is as it was published, in order, and nothing that lies in other batches is lost.
 */
import { ACCEPTED, NO_BACKPRESSURE, type Refusal } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import type { LogLayout } from '../../../src/vhost/options.ts';
import { FaultCounts, SimulatedDisk } from '../world/disk.ts';
import { Random } from '../world/random.ts';

/** A step that never ends is a fault of its own. */
const TICKS_MAX = 20_000;
const DURABLE = { durable: true, exclusive: false, autoDelete: false, arguments: [] } as const;
const QUEUE = Buffer.from('q');

export interface RotReport {
  readonly seed: number;
  readonly failures: readonly string[];
  /** `whole`: nothing that matters was hit. */
  readonly outcome: 'whole' | 'reported' | 'refused';
  readonly lost: number;
}

export async function runRot(seed: number): Promise<RotReport> {
  return new Rot(seed).run();
}

class Rot {
  private readonly seed: number;
  private readonly random: Random;
  private readonly failures: string[] = [];
  private readonly layout: LogLayout;
  private readonly clock = new ManualClock();
  private disk: SimulatedDisk;
  private readonly warnings: string[] = [];
  /** What was published, by number, and what of it was settled for good. */
  private readonly published: string[] = [];
  private readonly settled = new Set<number>();

  constructor(seed: number) {
    this.seed = seed;
    this.random = new Random(seed);
    const blockBytes = this.random.pick([2048, 4096]);
    const segmentBytes = 4 * blockBytes;
    this.layout = {
      blockBytes,
      segmentBytes,
      checkpointBytes: segmentBytes * this.random.pick([1, 2, 1000]),
      residentBytesMax: blockBytes,
    };
    this.disk = new SimulatedDisk(this.random, new FaultCounts());
  }

  async run(): Promise<RotReport> {
    const before = await this.start();
    await this.live(before);
    this.disk = this.disk.crash(this.random.chance(0.5));
    this.spoil();
    this.warnings.length = 0;
    let lost = 0;
    let outcome: RotReport['outcome'] = 'refused';
    try {
      const after = await this.start();
      lost = await this.look(after);
      outcome = this.warnings.length > 0 ? 'reported' : 'whole';
    } catch (error) {
      if ((error as Error).name !== 'LogRefused') this.failures.push(String((error as Error).stack));
    }
    return { seed: this.seed, failures: this.failures, outcome, lost };
  }

  private async until<T>(wanted: Promise<T> | (() => boolean), what: string): Promise<T | undefined> {
    let done = typeof wanted === 'function' ? wanted() : false;
    let value: T | undefined;
    let failure: Error | undefined;
    if (typeof wanted !== 'function') {
      wanted.then(
        (got) => {
          value = got;
          done = true;
        },
        (error: Error) => {
          failure = error;
          done = true;
        },
      );
    }
    for (let i = 0; !done; i++) {
      if (i === TICKS_MAX) throw new Error(`it never came to be: ${what}`);
      this.disk.step();
      await new Promise((resolve) => setImmediate(resolve));
      if (typeof wanted === 'function') done = wanted();
    }
    if (failure !== undefined) throw failure;
    return value;
  }

  private async start(): Promise<Session> {
    const warn = (_: object, text?: string): void => {
      this.warnings.push(text ?? '');
    };
    const logger = { debug() {}, info() {}, warn, error: warn };
    const { disk: files, clock, layout: log } = this;
    const started = Broker.start({ dataDirectory: null, dialects: [], files, clock, log, logger });
    const broker = (await this.until(started, 'a start'))!;
    let opened: Session | Refusal | undefined;
    const request = { client: 'rot', loopback: true, user: undefined, password: undefined, vhost: undefined };
    broker.open(request, { uncongested() {}, kicked() {} }, (result) => {
      opened = result;
    });
    return opened as Session;
  }

  /** Publishes and settles, and waits until all of it is safe. */
  private async live(session: Session): Promise<void> {
    const { random } = this;
    session.declareQueue('q', DURABLE);
    const messages = random.between(20, 200);
    while (this.published.length < messages) {
      for (let i = random.between(1, 12); i > 0; i--) this.publish(session);
      await this.safe(session);
      if (random.chance(0.3)) await this.settleSome(session);
    }
    await this.safe(session);
  }

  private publish(session: Session): void {
    const body = `${this.published.length}:`.padEnd(this.random.between(10, 700), 'x');
    const draft = new Draft();
    draft.dialect = 9;
    draft.assurance = 1;
    draft.body = Buffer.from(body);
    draft.bodyEnd = draft.body.length;
    session.publish(session.route('', 0, QUEUE, 0, 1), draft);
    this.published.push(body);
  }

  private async safe(session: Session): Promise<void> {
    let safe = false;
    session.whenSafe(session.mark(), () => {
      safe = true;
    });
    await this.until(() => safe, 'a mark');
  }

  private async settleSome(session: Session): Promise<void> {
    const waiting = session.checkQueue('q').messages;
    if (waiting === 0) return;
    const wanted = this.random.between(1, waiting);
    let seen = 0;
    const deliver = (view: MessageView, slot: number): void => {
      seen++;
      this.settled.add(numberOf(view));
      consumer.settle(slot, ACCEPTED);
      if (seen === wanted) consumer.cancel();
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 1, arguments: [] };
    const consumer = session.consume('q', options, { deliver, cancelled() {} }, NO_BACKPRESSURE);
    await this.until(() => seen >= wanted, 'settlements');
    await this.safe(session);
  }

  private spoil(): void {
    const { random, disk } = this;
    const [path, bytes] = random.pick(disk.segmentLengths.filter(([, length]) => length > 0));
    disk.flip(path, random.below(bytes), random.below(8));
  }

  /** Takes everything that there is; returns how many are missing. */
  private async look(session: Session): Promise<number> {
    const found: number[] = [];
    const deliver = (view: MessageView, slot: number): void => {
      const number = numberOf(view);
      const body = view.body.latin1Slice(view.bodyStart, view.bodyEnd);
      if (body !== this.published[number]) this.failures.push(`message ${number} has changed`);
      if (number <= (found.at(-1) ?? -1)) this.failures.push(`${number} came after ${found.at(-1)}`);
      found.push(number);
      consumer.settle(slot, ACCEPTED);
    };
    if (!session.queueExists('q')) {
      if (this.warnings.length === 0) this.failures.push('the queue is gone, and nothing was said');
      return this.published.length - this.settled.size;
    }
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = session.consume('q', options, { deliver, cancelled() {} }, NO_BACKPRESSURE);
    let idle = 0;
    await this.until(() => {
      idle = this.disk.pending.length === 0 ? idle + 1 : 0;
      return idle > 6;
    }, 'rest');
    const missing = this.published.map((_, i) => i).filter((i) => !this.settled.has(i) && !found.includes(i));
    const back = found.filter((i) => this.settled.has(i));
    if (missing.length + back.length > 0 && this.warnings.length === 0) {
      this.failures.push(`missing ${missing.join()}, back ${back.join()}, and nothing was said`);
    }
    this.judgeMissing(missing, found);
    return missing.length;
  }

  /** One bit spoils one batch: the messages in it, or those of its segment that name a list of queues in it. */
  private judgeMissing(missing: readonly number[], found: readonly number[]): void {
    const [first, last] = [missing[0], missing.at(-1)];
    if (first === undefined || last === undefined) return;
    const between = found.filter((i) => i > first && i < last);
    if (between.length > 0) this.failures.push(`missing ${missing.join()}, and ${between.join()} in between are there`);
    const bytes = missing.reduce((sum, i) => sum + this.published[i]!.length, 0);
    if (bytes > this.layout.segmentBytes!) {
      this.failures.push(`${bytes} bytes are missing, more than a segment, after ${this.warnings.join()}`);
    }
  }
}

function numberOf(view: MessageView): number {
  return Number.parseInt(view.body.latin1Slice(view.bodyStart, view.bodyEnd), 10);
}
