/**
 * A random history of dead letters that find no room: their queue takes few and refuses the rest, so they wait dying where
 * they were, through lives that end in order, by a kill or without power, on a disk that tears, forgets and cannot be read.
 * Nothing confirmed is lost, nothing settled for certain comes back, nothing is in both queues or becomes a dead letter by
 * itself; once there is room, every letter arrives.
 *
 *     q ── rejected, too old, too many ──▶ dying ── as there is room ──▶ dead ── accepted ──▶ gone
 */
import {
  ACCEPTED,
  type Consumer,
  type DeliverySink,
  NO_BACKPRESSURE,
  REJECTED,
  RELEASED,
  type Refusal,
} from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import type { Headers } from '../../../src/message/properties.ts';
import type { LogLayout } from '../../../src/vhost/options.ts';
import { vhostOf } from '../../vhost/harness.ts';
import { FaultCounts, SimulatedDisk } from '../world/disk.ts';
import { Random } from '../world/random.ts';
import { DURABLE, immediately, TICKS_MAX } from '../world/world.ts';

export interface CrowdReport {
  readonly failures: readonly string[];
  readonly faults: FaultCounts;
  /** Letters that were seen in the end, and how many had waited for room at the most. */
  readonly letters: number;
  readonly waitedMax: number;
}

type Name = 'q' | 'dead';
type Told = 'no' | 'asked' | 'certain';

interface Sent {
  readonly id: number;
  confirmed: boolean;
  accepted: Told;
  rejected: Told;
  /** Where it has been seen last in this life, and whether a consumer holds it. */
  at: Name | undefined;
  held: boolean;
  /** In this life. */
  rejectedNow: boolean;
  acceptedNow: boolean;
}

interface Life {
  readonly broker: Broker;
  readonly session: Session;
  /** Letters that are not made yet: to be read, or waiting for room. */
  readonly dying: () => number;
  readonly consumers: Map<Name, Consumer>;
  readonly held: { readonly message: Sent; readonly slot: number; readonly from: Name }[];
  alive: boolean;
}

export async function runCrowd(seed: number): Promise<CrowdReport> {
  const history = new CrowdHistory(seed);
  try {
    await history.run();
  } catch (error) {
    history.failures.push(String((error as Error).stack ?? error));
  }
  return history.report();
}

class CrowdHistory {
  readonly failures: string[] = [];
  private readonly faults = new FaultCounts();
  private readonly random: Random;
  private readonly clock = new ManualClock();
  private readonly layout: LogLayout;
  private readonly queueArguments: Headers;
  private readonly deadArguments: Headers;
  /** The queue ends messages by itself as well. */
  private readonly endsSome: boolean;
  private disk: SimulatedDisk;
  private life!: Life;
  private readonly messages: Sent[] = [];
  private letters = 0;
  private waitedMax = 0;

  constructor(seed: number) {
    const random = new Random(seed);
    this.random = random;
    const blockBytes = random.pick([2048, 4096]);
    const segmentBytes = blockBytes * random.pick([4, 8]);
    this.layout = {
      blockBytes,
      segmentBytes,
      checkpointBytes: segmentBytes * random.pick([1, 2]),
      checkpointSliceBytes: random.pick([16, 200, 4096]),
      residentBytesMax: blockBytes * random.pick([1, 2, 32]),
    };
    this.disk = new SimulatedDisk(random, this.faults);
    const number = (name: string, value: number) => ({ name, value: { type: 'int32' as const, value } });
    const limits = random.weighted<Headers>([
      [3, []],
      [1, [number('x-message-ttl', random.between(100, 2000))]],
      [1, [number('x-max-length', random.between(1, 10))]],
    ]);
    this.endsSome = limits.length > 0;
    this.queueArguments = [
      { name: 'x-dead-letter-exchange', value: '' },
      { name: 'x-dead-letter-routing-key', value: 'dead' },
      ...limits,
    ];
    this.deadArguments = [
      // One of none would take nothing, ever.
      number('x-max-length', random.between(1, 6)),
      { name: 'x-overflow', value: 'reject-publish' },
    ];
  }

  async run(): Promise<void> {
    await this.begin();
    const steps = this.random.between(30, 150);
    const faultAt = this.random.below(steps);
    for (let i = 0; i < steps && this.failures.length === 0; i++) {
      if (i === faultAt && this.random.chance(0.3))
        this.disk.fails = (call) => call === 'read' && this.random.chance(0.3);
      await this.random.weighted<() => void | Promise<void>>([
        [6, () => this.publish()],
        [12, () => this.settleSome()],
        [4, () => this.comeOrGo()],
        [4, () => this.pass(this.random.between(20, 1200))],
        [4, () => this.turns(this.random.below(12))],
        [2, () => this.end()],
      ])();
      this.waitedMax = Math.max(this.waitedMax, this.life.dying());
      await this.turns(this.random.below(3));
    }
    if (this.failures.length > 0) return;
    await this.end();
    await this.drain();
  }

  report(): CrowdReport {
    this.life.alive = false;
    this.disk.crash(false);
    const { failures, faults, letters, waitedMax } = this;
    return { failures, faults, letters, waitedMax };
  }

  private async begin(): Promise<void> {
    let broker: Broker | undefined;
    let refused: Error | undefined;
    const { disk: files, clock, layout: log } = this;
    Broker.start({ dataDirectory: null, dialects: [], files, clock, log }).then(
      (started) => {
        broker = started;
      },
      (error: Error) => {
        refused = error;
      },
    );
    await this.until(() => broker !== undefined || refused !== undefined, 'the start');
    if (broker === undefined) throw refused;
    let opened: Session | Refusal | undefined;
    const request = { client: 'simulation', loopback: true, user: undefined, password: undefined, vhost: undefined };
    broker.open(request, { uncongested() {}, kicked() {} }, (result) => {
      opened = result;
    });
    const session = opened as Session;
    const { topology } = vhostOf(session);
    const dying = (): number => {
      let count = 0;
      topology.queues.get('q')!.contents.forEachDying(() => count++);
      return count;
    };
    for (const message of this.messages) {
      message.at = undefined;
      message.held = message.rejectedNow = message.acceptedNow = false;
    }
    this.life = { broker, session, dying, consumers: new Map(), held: [], alive: true };
    session.declareQueue('dead', { ...DURABLE, arguments: this.deadArguments });
    session.declareQueue('q', { ...DURABLE, arguments: this.queueArguments });
    this.consume('q');
    if (this.random.chance(0.3)) this.consume('dead');
  }

  private consume(from: Name, prefetch = this.random.pick([1, 8])): void {
    const { life } = this;
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (life.alive) this.delivered(life, from, view, slot);
      },
      cancelled() {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch, arguments: [] };
    life.consumers.set(from, life.session.consume(from, options, sink, NO_BACKPRESSURE));
  }

  private comeOrGo(): void {
    const name = this.random.pick<Name>(['q', 'dead', 'dead']);
    const consumer = this.life.consumers.get(name);
    if (consumer === undefined) {
      this.consume(name);
      return;
    }
    this.life.consumers.delete(name);
    for (let i = this.life.held.length - 1; i >= 0; i--) {
      if (this.life.held[i]!.from === name) this.life.held.splice(i, 1)[0]!.message.held = false;
    }
    consumer.cancel(RELEASED);
  }

  private delivered(life: Life, from: Name, view: MessageView, slot: number): void {
    const message = this.messages[Number(view.props.latin1Slice(view.propsStart, view.propsEnd))];
    if (message === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const what = `message ${message.id} from ${from}`;
    if (message.accepted === 'certain') this.failures.push(`${what} came back though it was accepted`);
    if (message.acceptedNow) this.failures.push(`${what} came again in the life in which it was accepted`);
    if (message.held) this.failures.push(`${what} is held already`);
    if (from === 'q') {
      if (message.rejected === 'certain') this.failures.push(`${what} came back though it was rejected`);
      if (message.rejectedNow) this.failures.push(`${what} came again in the life in which it was rejected`);
      if (message.at === 'dead') this.failures.push(`${what} came though it was a dead letter`);
    } else {
      if (message.rejected === 'no' && !this.endsSome) this.failures.push(`${what} has not died`);
      if (message.at === 'q' && !message.rejectedNow && !this.endsSome) this.failures.push(`${what} died by itself`);
      this.letters++;
    }
    message.at = from;
    message.held = true;
    life.held.push({ message, slot, from });
  }

  private publish(): void {
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 6); n > 0; n--) {
      const id = this.messages.length;
      const draft = new Draft();
      draft.dialect = 9;
      draft.assurance = 1;
      draft.props = Buffer.from(String(id), 'latin1');
      draft.propsEnd = draft.props.length;
      draft.body = Buffer.alloc(this.random.between(0, 500), 1);
      draft.bodyEnd = draft.body.length;
      const mark = life.session.publish(life.session.route('', 0, Buffer.from('q'), 0, 1), draft);
      if (mark < 0) return;
      const message: Sent = {
        id,
        confirmed: false,
        accepted: 'no',
        rejected: 'no',
        at: undefined,
        held: false,
        rejectedNow: false,
        acceptedNow: false,
      };
      this.messages.push(message);
      this.whenSafe(mark, () => {
        message.confirmed = true;
      });
    }
  }

  private whenSafe(mark: number, then: () => void): void {
    const { life } = this;
    life.session.whenSafe(mark, (failed) => {
      if (life.alive && !failed) then();
    });
  }

  private settleSome(): void {
    const { life } = this;
    for (let n = this.random.between(1, 4); n > 0 && life.held.length > 0; n--) {
      const [{ message, slot, from }] = life.held.splice(this.random.below(life.held.length), 1) as [
        Life['held'][number],
      ];
      const outcome = this.random.weighted<typeof ACCEPTED | typeof REJECTED | typeof RELEASED>([
        [2, ACCEPTED],
        // A dead letter that is rejected is dropped: as good as accepted.
        [from === 'q' ? 5 : 1, REJECTED],
        [1, RELEASED],
      ]);
      message.held = false;
      life.consumers.get(from)!.settle(slot, outcome);
      if (outcome === RELEASED) continue;
      const gone = outcome === ACCEPTED || from === 'dead';
      if (gone) {
        message.accepted = 'asked';
        message.acceptedNow = true;
      } else {
        message.rejected = 'asked';
        message.rejectedNow = true;
      }
      this.whenSafe(life.session.mark(), () => {
        if (gone) message.accepted = 'certain';
        else message.rejected = 'certain';
      });
    }
  }

  /** The broker stops in order or dies, and another one starts. */
  private async end(): Promise<void> {
    const { life } = this;
    if (this.random.chance(0.3)) {
      let stopped = false;
      const cutShort = this.random.chance(0.3) ? this.random.below(40) : TICKS_MAX;
      void life.broker.close().then(() => {
        stopped = true;
      });
      for (let i = 0; !stopped && i < cutShort; i++) await this.turns(1);
    }
    life.alive = false;
    this.disk = this.disk.crash(this.disk.broken || this.random.chance(0.7));
    await this.begin();
  }

  private async drain(): Promise<void> {
    const { life } = this;
    const seen = new Set<number>();
    for (const name of ['q', 'dead'] as const) if (!life.consumers.has(name)) this.consume(name);
    const waiting = (name: Name): number => life.session.checkQueue(name).messages;
    // A few letters find room each second.
    for (let i = 0; i < 2000 && (i < 5 || life.dying() + waiting('q') + waiting('dead') > 0); i++) {
      await this.pass(1000);
      await this.turns(10);
      for (const { message, slot, from } of life.held.splice(0)) {
        seen.add(message.id);
        message.held = false;
        message.acceptedNow = true;
        life.consumers.get(from)!.settle(slot, ACCEPTED);
      }
    }
    await this.turns(20);
    for (const { message } of life.held) seen.add(message.id);
    for (const { id, confirmed, accepted } of this.messages) {
      if (confirmed && accepted === 'no' && !seen.has(id)) this.failures.push(`message ${id} is lost`);
    }
    if (life.dying() > 0) this.failures.push(`${life.dying()} letters still wait for room`);
    for (const name of ['q', 'dead'] as const) {
      if (waiting(name) > 0) this.failures.push(`${waiting(name)} messages are left over in ${name}`);
    }
  }

  private async pass(ms: number): Promise<void> {
    await this.turns(1);
    this.clock.advance(ms);
    await this.turns(1);
  }

  private async turns(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      for (let k = this.random.below(4); k > 0; k--) this.disk.step();
      await immediately();
    }
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (i > TICKS_MAX) throw new Error(`it never came: ${what}`);
      this.disk.step();
      await immediately();
    }
  }
}
