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
} from '../../../src/api/index.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import type { MessageView } from '../../../src/message/message.ts';
import type { Headers } from '../../../src/message/properties.ts';
import { vhostOf } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface CrowdReport extends FocusedReport {
  /** Letters that were seen in the end, and how many had waited for room at the most. */
  readonly letters: number;
  readonly waitedMax: number;
}

export type Name = 'q' | 'dead';
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

export interface CrowdLife extends FocusedLife {
  /** Letters that are not made yet: to be read, or waiting for room. */
  readonly dying: () => number;
  readonly consumers: Map<Name, Consumer>;
  readonly held: { readonly message: Sent; readonly slot: number; readonly from: Name }[];
}

export const number = (name: string, value: number) => ({ name, value: { type: 'int32' as const, value } });

export async function runCrowd(seed: number): Promise<CrowdReport> {
  return (await new CrowdHistory(seed).run()).report();
}

export class CrowdHistory extends FocusedHistory<CrowdLife> {
  protected queueArguments: Headers;
  private readonly deadArguments: Headers;
  /** The queue ends messages by itself as well. */
  protected endsSome: boolean;
  /** Where dead letters go. */
  protected deadName = 'dead';
  private readonly messages: Sent[] = [];
  protected letters = 0;
  protected waitedMax = 0;

  constructor(seed: number) {
    super(new Random(seed));
    const { random } = this;
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

  protected async history(): Promise<void> {
    await this.begin();
    const steps = this.random.between(30, 150);
    const faultAt = this.random.below(steps);
    await this.steps(
      steps,
      [
        [6, () => this.publishSome()],
        [12, () => this.settleSome()],
        [4, () => this.comeOrGo()],
        [4, () => this.pass(this.random.between(20, 1200))],
        [4, () => this.turns(this.random.below(12))],
        [2, () => this.end()],
      ],
      {
        before: (step) => {
          if (step === faultAt && this.random.chance(0.3))
            this.disk.fails = (call) => call === 'read' && this.random.chance(0.3);
        },
        after: () => {
          this.waitedMax = Math.max(this.waitedMax, this.life.dying());
        },
      },
    );
    if (this.failures.length > 0) return;
    await this.end();
    await this.drain();
  }

  report(): CrowdReport {
    const { failures, faults, letters, waitedMax } = this;
    return { failures, faults, letters, waitedMax };
  }

  /** Of the broker. */
  protected options(): Partial<StartOptions> {
    return {};
  }

  /** Messages that were confirmed and never seen again. */
  protected judgeLost(ids: readonly number[]): void {
    for (const id of ids) this.failures.push(`message ${id} is lost`);
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start(this.options());
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
    session.declareQueue(this.deadName, { ...DURABLE, arguments: this.deadArguments });
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
    const queue = from === 'q' ? from : this.deadName;
    life.consumers.set(from, life.session.consume(queue, options, sink, NO_BACKPRESSURE));
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

  protected delivered(life: CrowdLife, from: Name, view: MessageView, slot: number): void {
    const message = this.messages[this.numberOf(view)];
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

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 6); n > 0; n--) {
      const id = this.messages.length;
      const draft = this.draft(id, 500);
      const mark = this.publish('q', draft);
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
      this.whenSafe(() => {
        message.confirmed = true;
      }, mark);
    }
  }

  private settleSome(): void {
    const { life } = this;
    for (let n = this.random.between(1, 4); n > 0 && life.held.length > 0; n--) {
      const [{ message, slot, from }] = life.held.splice(this.random.below(life.held.length), 1) as [
        CrowdLife['held'][number],
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
      this.whenSafe(() => {
        if (gone) message.accepted = 'certain';
        else message.rejected = 'certain';
      });
    }
  }

  private async drain(): Promise<void> {
    const { life } = this;
    const seen = new Set<number>();
    for (const name of ['q', 'dead'] as const) if (!life.consumers.has(name)) this.consume(name);
    // Who asks by a session has the queue look again.
    const { queues } = vhostOf(life.session).topology;
    const waiting = (name: Name): number => queues.get(name === 'q' ? name : this.deadName)!.count;
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
    const lost = this.messages.filter(({ id, confirmed, accepted }) => confirmed && accepted === 'no' && !seen.has(id));
    this.judgeLost(lost.map(({ id }) => id));
    if (life.dying() > 0) this.failures.push(`${life.dying()} letters still wait for room`);
    for (const name of ['q', 'dead'] as const) {
      if (waiting(name) > 0) this.failures.push(`${waiting(name)} messages are left over in ${name}`);
    }
  }
}
