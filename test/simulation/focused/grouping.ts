/**
 * A random history of queues that wait beside each other: filled in turn, left alone until their segments are written again by queue,
 * drained here and there, through lives that end by a kill or without power at any call to the disk, with directories that
 * lie or rot in between. Every message that was safe and not settled is handed out as it was published, in its queue's order, and
 * none is that was safely settled.
 */
import { ACCEPTED, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { directoryBytesAt, readDirectory } from '../../../src/log/format/directory.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import { Random } from '../world/random.ts';
import { immediately } from '../world/world.ts';
import { DURABLE, FocusedHistory, type FocusedReport } from './focused.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export interface GroupingReport extends FocusedReport {
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
  return (await new GroupingHistory(seed).run()).report();
}

class GroupingHistory extends FocusedHistory {
  private readonly queues: number;
  private readonly messages: Message[] = [];
  private rewritten = 0;
  private spoiled = 0;

  constructor(seed: number) {
    const random = new Random(seed);
    const queues = random.between(2, 5);
    const blockBytes = random.pick([2048, 4096]);
    super(random, {
      blockBytes,
      segmentBytes: 4 * blockBytes,
      checkpointBytes: 4 * blockBytes * random.pick([1, 2]),
      residentBytesMax: blockBytes * random.pick([1, 8]),
    });
    this.queues = queues;
  }

  protected async history(): Promise<void> {
    const { random } = this;
    await this.begin();
    for (let i = 0; i < this.queues; i++) this.life.session.declareQueue(`q${i}`, { ...DURABLE, arguments: [] });
    await this.safe('the declarations');
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
      await this.begin();
    }
    await this.rest(random.below(300));
    for (let queue = 0; queue < this.queues && this.failures.length === 0; queue++) await this.drain(queue, 100_000);
    this.rewritten += this.disk.compacted;
    this.judge();
  }

  report(): GroupingReport {
    const { failures, faults, rewritten, spoiled, messages } = this;
    return { failures, faults, rewritten, spoiled, messages: messages.length };
  }

  private async turn(): Promise<void> {
    this.disk.step();
    await immediately();
  }

  protected override waited(looks: number): void {
    if (looks % 40 === 39) this.clock.advance(20);
  }

  protected async begin(): Promise<void> {
    this.clock = new ManualClock(this.clock.epochMs());
    this.life = { ...(await this.start({ logger: SILENT })), alive: true };
  }

  /** One message for each queue in turn, or at random. */
  private async fill(): Promise<void> {
    const { random, messages } = this;
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
      this.publish(`q${queue}`, draft);
      messages.push({ queue, body, certain: false, settled: false, gone: false });
    }
    await this.safe('a mark');
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
    const { messages } = this;
    const { session } = this.life;
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
    await this.safe('a mark');
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
