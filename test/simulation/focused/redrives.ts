/**
 * A random history of dead letters that go back: messages are rejected where they came to, redrives take them back there or to a queue of
 * their own, all or some, fast or at a rate, are stopped and gone on with, through lives that end in order, by a kill or without power. Each
 * message is in one place, whatever dies when: none is lost, none is twice; a redrive that was begun for good is there after a restart, and
 * goes on; one that has done leaves nothing behind.
 *
 *     origin ──rejected──▶ dead ──redriven──▶ origin, or aside ── accepted ──▶ gone
 */
import { ACCEPTED, type Consumer, type DeliverySink, NO_BACKPRESSURE, REJECTED } from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { Operator } from '../../../src/operator/operator.ts';
import type { RedrivePlan } from '../../../src/operator/redrives/plan.ts';
import { queueArguments } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { TICKS_MAX } from '../world/world.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface RedriveReport extends FocusedReport {
  /** Redrives that were begun, those that a death has met at work, and messages that came back. */
  readonly begun: number;
  readonly met: number;
  readonly back: number;
}

const QUEUES = ['origin', 'aside'] as const;
type Name = (typeof QUEUES)[number];
type Told = 'no' | 'asked' | 'certain';

interface Driven {
  readonly id: number;
  published: boolean;
  rejected: Told;
  accepted: Told;
  /** In the life at hand. */
  acceptedNow: boolean;
  held: boolean;
  /** Deliveries. */
  times: number;
}

interface Begun {
  readonly id: string;
  /** It is written down. */
  safe: boolean;
  /** The last death has met it at work. */
  atWork: boolean;
}

interface Life extends FocusedLife {
  readonly operator: Operator;
  /** So is its operator. */
  closed: boolean;
  readonly consumers: Map<Name, Consumer>;
  readonly held: { readonly message: Driven; readonly slot: number; readonly from: Name }[];
}

export async function runRedrives(seed: number): Promise<RedriveReport> {
  return (await new RedriveHistory(seed).run()).report();
}

class RedriveHistory extends FocusedHistory<Life> {
  private readonly messages: Driven[] = [];
  private readonly begun: Begun[] = [];
  private met = 0;
  private back = 0;

  constructor(seed: number) {
    super(new Random(seed));
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.safe('the declarations');
    await this.steps(this.random.between(30, 130), [
      [6, () => this.publishSome()],
      [10, () => this.settleSome()],
      [4, () => this.redrive()],
      [2, () => this.stopOrGoOn()],
      [5, () => this.pass(this.random.between(20, 200))],
      [6, () => this.turns(this.random.below(16))],
      [3, () => this.end()],
    ]);
    if (this.failures.length > 0) return;
    await this.end();
    await this.drain();
  }

  report(): RedriveReport {
    const { failures, faults, begun, met, back } = this;
    if (this.life?.closed === false) this.life.operator.close();
    return { failures, faults, begun: begun.length, met, back };
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start();
    for (const name of ['dead', 'aside']) session.declareQueue(name, { ...DURABLE, arguments: [] });
    const dying = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
    session.declareQueue('origin', { ...DURABLE, arguments: queueArguments(dying) });
    const life: Life = {
      broker,
      session,
      operator: new Operator(broker),
      closed: false,
      consumers: new Map(),
      held: [],
      alive: true,
    };
    this.life = life;
    for (const message of this.messages) {
      message.held = message.acceptedNow = false;
    }
    for (const begun of [...this.begun]) {
      const { id, safe, atWork } = begun;
      const found = life.operator.redrives.find('/', id);
      if (found === undefined) {
        if (safe) this.failures.push(`the redrive ${id} is forgotten`);
        this.begun.splice(this.begun.indexOf(begun), 1);
      } else if (atWork && found.progress.state === 'done') {
        this.failures.push(`the redrive ${id} goes no further, and had more to do`);
      }
    }
    for (const name of QUEUES) this.consume(life, name);
  }

  private consume(life: Life, from: Name): void {
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (life.alive) this.delivered(life, from, view, slot);
      },
      cancelled() {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 8, arguments: [] };
    life.consumers.set(from, life.session.consume(from, options, sink, NO_BACKPRESSURE));
  }

  private delivered(life: Life, from: Name, view: MessageView, slot: number): void {
    const message = this.messages[this.numberOf(view)];
    if (message === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const what = `message ${message.id} from ${from}`;
    if (message.held) this.failures.push(`${what} is held already: it is twice`);
    if (message.accepted === 'certain') this.failures.push(`${what} came back though it was accepted`);
    if (message.acceptedNow) this.failures.push(`${what} came again in the life in which it was accepted: it is twice`);
    if (from === 'aside' && message.rejected === 'no') this.failures.push(`${what} has never died`);
    if (message.rejected !== 'no') this.back++;
    message.held = true;
    message.times++;
    life.held.push({ message, slot, from });
  }

  // --------------------------------------------------------------------------------------------------------- steps

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 8); n > 0; n--) {
      const id = this.messages.length;
      const mark = this.publish('origin', this.draft(id, 300));
      if (mark < 0) return;
      const message: Driven = {
        ...{ id, published: false, rejected: 'no', accepted: 'no', acceptedNow: false, held: false, times: 0 },
      };
      this.messages.push(message);
      this.whenSafe(() => {
        message.published = true;
      }, mark);
    }
  }

  private settleSome(): void {
    const { life } = this;
    for (let n = this.random.between(1, 8); n > 0 && life.held.length > 0; n--) {
      const [{ message, slot, from }] = life.held.splice(this.random.below(life.held.length), 1) as [
        Life['held'][number],
      ];
      const dies = from === 'origin' && message.times < 4 && this.random.chance(0.8);
      message.held = false;
      if (dies && message.rejected === 'no') message.rejected = 'asked';
      if (!dies) {
        message.accepted = 'asked';
        message.acceptedNow = true;
      }
      life.consumers.get(from)!.settle(slot, dies ? REJECTED : ACCEPTED);
      this.whenSafe(() => {
        if (dies) message.rejected = 'certain';
        else message.accepted = 'certain';
      });
    }
  }

  private redrive(): void {
    const { life, random } = this;
    const plan: RedrivePlan = {
      to: random.pick<RedrivePlan['to']>(['origin', 'origin', { queue: 'aside' }]),
      rate: random.pick([0, 0, 10, 100]),
      limit: random.pick([1_000_000, 1_000_000, random.between(1, 10)]),
      attempts: random.pick(['keep', 'reset']),
    };
    const { redrives } = life.operator;
    if (redrives.list('/').filter(({ progress }) => progress.state === 'running').length >= 4) return;
    const { id } = redrives.start('/', 'dead', plan);
    const begun: Begun = { id, safe: false, atWork: false };
    this.begun.push(begun);
    this.whenSafe(() => {
      begun.safe = true;
    });
  }

  private stopOrGoOn(): void {
    const { redrives } = this.life.operator;
    const all = redrives.list('/');
    if (all.length === 0) return;
    const { id, progress } = this.random.pick(all);
    if (progress.state === 'running') redrives.stop('/', id);
    else if (progress.state === 'stopped') redrives.resume('/', id);
  }

  protected override stopping(): void {
    this.life.held.length = 0;
    this.life.closed = true;
    this.life.operator.close();
  }

  protected override died(): void {
    const { redrives } = this.life.operator;
    for (const begun of this.begun) begun.atWork = redrives.find('/', begun.id)?.progress.state === 'running';
    if (this.begun.some(({ atWork }) => atWork)) this.met++;
    // Nothing of it reaches the disk any more: it is that it works no further.
    if (!this.life.closed) this.life.operator.close();
  }

  // ------------------------------------------------------------------------------------------------------- the end

  private async drain(): Promise<void> {
    const { life } = this;
    const { redrives } = life.operator;
    for (const { id, progress } of redrives.list('/')) if (progress.state === 'running') redrives.stop('/', id);
    // What was dying is dead first: a redrive looks at nothing that comes after it has begun.
    for (let i = 0; i < 30; i++) await this.pass(20);
    const plan: RedrivePlan = { to: 'origin', rate: 0, limit: 1_000_000, attempts: 'keep' };
    const { id } = redrives.start('/', 'dead', plan);
    const seen = new Set<number>();
    const waits = (name: string): number => life.session.checkQueue(name).messages;
    let idle = 0;
    for (let i = 0; idle < 10 && i < TICKS_MAX && this.failures.length === 0; i++) {
      await this.pass(20);
      await this.turns(3);
      for (const { message, slot, from } of life.held.splice(0)) {
        seen.add(message.id);
        message.held = false;
        message.acceptedNow = true;
        life.consumers.get(from)!.settle(slot, ACCEPTED);
      }
      const done = redrives.find('/', id)!.progress.state === 'done';
      idle = done && waits('origin') + waits('aside') === 0 ? idle + 1 : 0;
    }
    const { state, why } = redrives.find('/', id)!.progress;
    if (state !== 'done') this.failures.push(`the redrive is ${state}: ${why}`);
    if (waits('dead') > 0) this.failures.push(`${waits('dead')} dead letters were left behind`);
    for (const { id: number, published, accepted } of this.messages) {
      if (published && accepted === 'no' && !seen.has(number)) this.failures.push(`message ${number} is lost`);
    }
  }
}
