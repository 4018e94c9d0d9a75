/**
 * Bits that change by themselves in what had been synced, at random places of logs with a random past: checkpoints,
 * settlements, segments that came and went. Whatever is hit, the broker refuses to start and says why, or starts and says
 * what it dropped; what it then hands out is as it was published, in order, and nothing that lies in other batches is lost.
 */
import { ACCEPTED, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory } from './focused.ts';

export interface RotReport {
  readonly seed: number;
  readonly failures: readonly string[];
  /** `whole`: nothing that matters was hit. */
  readonly outcome: 'whole' | 'reported' | 'refused';
  readonly lost: number;
}

export async function runRot(seed: number): Promise<RotReport> {
  return (await new Rot(seed).run()).report();
}

class Rot extends FocusedHistory {
  private readonly seed: number;
  private readonly warnings: string[] = [];
  /** What was published, by number, and what of it was settled for good. */
  private readonly published: string[] = [];
  private readonly settled = new Set<number>();
  private outcome: RotReport['outcome'] = 'refused';
  private lost = 0;

  constructor(seed: number) {
    const random = new Random(seed);
    const blockBytes = random.pick([2048, 4096]);
    const segmentBytes = 4 * blockBytes;
    super(random, {
      blockBytes,
      segmentBytes,
      checkpointBytes: segmentBytes * random.pick([1, 2, 1000]),
      residentBytesMax: blockBytes,
    });
    this.seed = seed;
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.live();
    this.disk = this.disk.crash(this.random.chance(0.5));
    this.spoil();
    this.warnings.length = 0;
    try {
      await this.begin();
      this.lost = await this.look();
      this.outcome = this.warnings.length > 0 ? 'reported' : 'whole';
    } catch (error) {
      if ((error as Error).name !== 'LogRefused') this.failures.push(String((error as Error).stack));
    }
  }

  report(): RotReport {
    const { seed, failures, outcome, lost } = this;
    return { seed, failures, outcome, lost };
  }

  protected async begin(): Promise<void> {
    const warn = (_: object, text?: string): void => {
      this.warnings.push(text ?? '');
    };
    const logger = { debug() {}, info() {}, warn, error: warn };
    this.life = { ...(await this.start({ logger })), alive: true };
  }

  /** Publishes and settles, and waits until all of it is safe. */
  private async live(): Promise<void> {
    const { random } = this;
    const { session } = this.life;
    session.declareQueue('q', { ...DURABLE, arguments: [] });
    const messages = random.between(20, 200);
    while (this.published.length < messages) {
      for (let i = random.between(1, 12); i > 0; i--) this.publishOne();
      await this.safe('a mark');
      if (random.chance(0.3)) await this.settleSome();
    }
    await this.safe('a mark');
  }

  private publishOne(): void {
    const body = `${this.published.length}:`.padEnd(this.random.between(10, 700), 'x');
    const draft = new Draft();
    draft.dialect = 9;
    draft.assurance = 1;
    draft.body = Buffer.from(body);
    draft.bodyEnd = draft.body.length;
    this.publish('q', draft);
    this.published.push(body);
  }

  private async settleSome(): Promise<void> {
    const { session } = this.life;
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
    await this.safe('a mark');
  }

  private spoil(): void {
    const { random, disk } = this;
    const [path, bytes] = random.pick(disk.segmentLengths.filter(([, length]) => length > 0));
    disk.flip(path, random.below(bytes), random.below(8));
  }

  /** Takes everything that there is; returns how many are missing. */
  private async look(): Promise<number> {
    const { session } = this.life;
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
