/**
 * A random history of queues that wait beside each other: filled in turn, left alone until their segments are written again by queue,
 * drained here and there, through lives that end by a kill or without power at any call to the disk, with directories that
 * lie or rot in between. Every message that was safe and not settled is handed out as it was published, in its queue's order, and
 * none is that was safely settled.
 */
import { ACCEPTED, NO_BACKPRESSURE, type Refusal } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { directoryBytesAt, readDirectory } from '../../../src/log/format/directory.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import type { LogLayout } from '../../../src/vhost/options.ts';
import { FaultCounts, SimulatedDisk } from '../world/disk.ts';
import { Random } from '../world/random.ts';

/** A step that never ends is a fault of its own. */
const TICKS_MAX = 20_000;
const DURABLE = { durable: true, exclusive: false, autoDelete: false, arguments: [] } as const;

export interface GroupingReport {
  readonly failures: readonly string[];
  readonly faults: FaultCounts;
  /** Segments that were written again, directories that were spoiled, and messages looked at in the end. */
  readonly rewritten: number;
  readonly spoiled: number;
  readonly messages: number;
}

interface Message {
  readonly queue: number;
  readonly body: string;
  /** It was said to be safe. */
  certain: boolean;
  /** Settled, and that was said to be safe. */
  settled: boolean;
  gone: boolean;
}

export async function runGrouping(seed: number): Promise<GroupingReport> {
  const history = new GroupingHistory(seed);
  try {
    await history.run();
  } catch (error) {
    history.failures.push(String((error as Error).stack ?? error));
  }
  return history.report();
}

class GroupingHistory {
  readonly failures: string[] = [];
  private readonly faults = new FaultCounts();
  private readonly random: Random;
  private readonly layout: LogLayout;
  private readonly queues: number;
  private clock = new ManualClock();
  private disk: SimulatedDisk;
  private session!: Session;
  private readonly messages: Message[] = [];
  private rewritten = 0;
  private spoiled = 0;

  constructor(seed: number) {
    const random = new Random(seed);
    this.random = random;
    this.queues = random.between(2, 5);
    const blockBytes = random.pick([2048, 4096]);
    this.layout = {
      blockBytes,
      segmentBytes: 4 * blockBytes,
      checkpointBytes: 4 * blockBytes * random.pick([1, 2]),
      residentBytesMax: blockBytes * random.pick([1, 8]),
    };
    this.disk = new SimulatedDisk(random, this.faults);
  }

  async run(): Promise<void> {
    const { random } = this;
    await this.start();
    for (let i = 0; i < this.queues; i++) this.session.declareQueue(`q${i}`, DURABLE);
    await this.safe();
    for (let lives = random.between(2, 4); lives > 0 && this.failures.length === 0; lives--) {
      for (let steps = random.between(3, 10); steps > 0; steps--) {
        await random.weighted<() => Promise<void>>([
          [5, () => this.fill()],
          [3, () => this.rest(random.between(20, 300))],
          [2, () => this.drain(random.below(this.queues), random.between(1, 40))],
        ])();
      }
      // Mostly in the middle of something.
      if (random.chance(0.7)) {
        await this.rest(random.between(100, 200));
        for (let calls = random.below(200); calls > 0; calls--) await this.turn();
      }
      this.rewritten += this.disk.compacted;
      this.disk = this.disk.crash(random.chance(0.5));
      if (random.chance(0.4)) this.spoil();
      await this.start();
    }
    await this.rest(random.below(300));
    for (let queue = 0; queue < this.queues && this.failures.length === 0; queue++) await this.drain(queue, 100_000);
    this.judge();
  }

  report(): GroupingReport {
    this.rewritten += this.disk.compacted;
    this.disk.crash(false);
    const { failures, faults, rewritten, spoiled, messages } = this;
    return { failures, faults, rewritten, spoiled, messages: messages.length };
  }

  private async turn(): Promise<void> {
    this.disk.step();
    await new Promise((resolve) => setImmediate(resolve));
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (i === TICKS_MAX) throw new Error(`it never came to be: ${what}`);
      await this.turn();
      if (i % 40 === 39) this.clock.advance(20);
    }
  }

  private async start(): Promise<void> {
    this.clock = new ManualClock(this.clock.epochMs());
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const { disk: files, clock, layout: log } = this;
    let broker: Broker | undefined;
    let failure: Error | undefined;
    Broker.start({ dataDirectory: null, dialects: [], files, clock, log, logger }).then(
      (started) => {
        broker = started;
      },
      (error: Error) => {
        failure = error;
      },
    );
    await this.until(() => broker !== undefined || failure !== undefined, 'a start');
    if (failure !== undefined) throw failure;
    let opened: Session | Refusal | undefined;
    const request = { client: 'group', loopback: true, user: undefined, password: undefined, vhost: undefined };
    broker!.open(request, { uncongested() {}, kicked() {} }, (result) => {
      opened = result;
    });
    this.session = opened as Session;
  }

  private async safe(): Promise<void> {
    let safe = false;
    this.session.whenSafe(this.session.mark(), () => {
      safe = true;
    });
    await this.until(() => safe, 'a mark');
  }

  /** One message for each queue in turn, or at random. */
  private async fill(): Promise<void> {
    const { random, session, messages } = this;
    const inTurn = random.chance(0.8);
    const first = messages.length;
    for (let n = random.between(10, 80); n > 0; n--) {
      const queue = inTurn ? messages.length % this.queues : random.below(this.queues);
      const body = `${messages.length}:`.padEnd(random.between(10, 300), 'x');
      const draft = new Draft();
      draft.dialect = 9;
      draft.assurance = 1;
      draft.body = Buffer.from(body);
      draft.bodyEnd = draft.body.length;
      session.publish(session.route('', 0, Buffer.from(`q${queue}`), 0, 2), draft);
      messages.push({ queue, body, certain: false, settled: false, gone: false });
    }
    await this.safe();
    for (let i = first; i < messages.length; i++) messages[i]!.certain = true;
  }

  private async rest(ticks: number): Promise<void> {
    for (let i = 0; i < ticks; i++) {
      this.clock.advance(20);
      for (let j = 0; j < 4; j++) await this.turn();
    }
  }

  /** Takes up to so many messages of a queue, and settles them. */
  private async drain(queue: number, most: number): Promise<void> {
    const { session, messages } = this;
    const waiting = session.checkQueue(`q${queue}`).messages;
    const wanted = Math.min(most, waiting);
    if (wanted === 0) return;
    const taken: Message[] = [];
    let last = -1;
    const deliver = (view: MessageView, slot: number): void => {
      const body = view.body.latin1Slice(view.bodyStart, view.bodyEnd);
      const number = Number.parseInt(body, 10);
      const message = messages[number];
      if (message?.body !== body || message.queue !== queue) this.failures.push(`queue ${queue} got ${body}`);
      else if (message.settled) this.failures.push(`${number} is back`);
      else if (number <= last) this.failures.push(`${number} came after ${last}`);
      else taken.push(message);
      last = number;
      consumer.settle(slot, ACCEPTED);
      if (taken.length === wanted) consumer.cancel();
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 30, arguments: [] };
    const consumer = session.consume(`q${queue}`, options, { deliver, cancelled() {} }, NO_BACKPRESSURE);
    let left = waiting;
    await this.until(() => {
      // What cannot be read back is dropped, and counts no more.
      left = session.checkQueue(`q${queue}`).messages;
      return taken.length >= wanted || left === 0 || this.failures.length > 0;
    }, 'deliveries');
    if (taken.length < wanted) this.failures.push(`queue ${queue} had ${waiting} messages, and gave ${taken.length}`);
    for (const message of taken) message.gone = true;
    await this.safe();
    for (const message of taken) message.settled = true;
  }

  /** A directory rots, or says that everything lies elsewhere. */
  private spoil(): void {
    const { random, disk } = this;
    const segments = disk.segmentLengths;
    for (let i = 0, from = random.below(segments.length); i < segments.length; i++) {
      const path = segments[(from + i) % segments.length]![0];
      const bytes = disk.contents(path);
      const number = Number(/(\d{10})\.log$/.exec(path)![1]);
      let at = 64;
      while (at + 64 < bytes.length && directoryBytesAt(bytes, at, bytes.length, null, number) === 0) at += 8;
      const length = directoryBytesAt(bytes, at, bytes.length, null, number);
      if (length === 0) continue;
      this.spoiled++;
      const generation = bytes.readUInt32LE(at + 20);
      const told = readDirectory(bytes, at, bytes.length, null, { number, generation }, at - 64);
      if (told === undefined || random.chance(0.5)) {
        disk.flip(path, at + random.below(length), random.below(8));
        return;
      }
      const { batchOf } = told as unknown as { batchOf: Uint16Array };
      batchOf.forEach((batch, n) => {
        batchOf[n] = (batch + 1) % told.batches;
      });
      const lie = Buffer.alloc(length);
      told.write(lie, 0, bytes.subarray(at + 8, at + 16), number, generation);
      disk.replace(path, at, lie);
      return;
    }
  }

  private judge(): void {
    const missing = this.messages.flatMap(({ certain, gone }, i) => (certain && !gone ? [i] : []));
    if (missing.length > 0) this.failures.push(`missing: ${missing.slice(0, 10).join()} of ${missing.length}`);
  }
}
