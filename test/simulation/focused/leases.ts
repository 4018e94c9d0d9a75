/**
 * A random history of one queue that leases what it hands out: two workers accept, fail, give back, renew, let leases run out, park under
 * tokens and ask for what is parked, through lives that end in order, by a kill or without power. Nothing confirmed is lost; nobody holds
 * what another holds; no lease runs out early, from its beginning or its last renewal; no attempt is forgotten; what is parked comes to who
 * asks for it, or at its time and not before.
 */
import {
  ACCEPTED,
  type Consumer,
  type DeliverySink,
  MODIFIED,
  NO_BACKPRESSURE,
  RELEASED,
} from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface LeaseReport extends FocusedReport {
  readonly expired: number;
  readonly renewed: number;
  readonly deferred: number;
  readonly claimed: number;
}

const LEASE_MS = 1_000;
/** How late what is held too long may be taken back: it is looked at a few times in that time. */
const LATE_MS = 200;
const DEFERRED_MAX_MS = 2_000;
const TOKENS = ['x', 'y', 'z'];
/** What limits how long a delivery is held: a lease that runs out is a failed attempt, a consumer's timeout is none. */
const KINDS = { lease: { lease: LEASE_MS }, timeout: { 'consumer-timeout': LEASE_MS } } as const;
export type HoldKind = keyof typeof KINDS;

interface Deferral {
  readonly token: string;
  readonly dueMs: number;
  safe: boolean;
}

interface Leased {
  readonly id: number;
  published: boolean;
  accepted: 'no' | 'asked' | 'certain';
  /** Failed attempts, in all and for certain. */
  failed: number;
  failedSafe: number;
  holder: Worker | null;
  /** Nobody else gets it before; monotonic. */
  untilMs: number;
  deferral: Deferral | null;
}

interface Worker {
  consumer: Consumer;
  readonly held: Map<number, Leased>;
  /** Deliveries that it has lost and not answered. */
  late: number;
}

interface Life extends FocusedLife {
  readonly workers: Worker[];
  /** What has been changed without a mark yet. */
  readonly uncertain: (() => void)[];
}

export async function runLeases(seed: number, kind: HoldKind = 'lease'): Promise<LeaseReport> {
  return (await new LeaseHistory(seed, kind).run()).report();
}

class LeaseHistory extends FocusedHistory<Life> {
  private readonly kind: HoldKind;
  private readonly messages: Leased[] = [];
  private expired = 0;
  private renewed = 0;
  private deferred = 0;
  private claimed = 0;

  constructor(seed: number, kind: HoldKind) {
    super(new Random(seed));
    this.kind = kind;
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.steps(this.random.between(40, 180), [
      [6, () => this.publishSome()],
      [7, () => this.settleSome()],
      [5, () => this.renew()],
      [5, () => this.defer()],
      [4, () => this.claim()],
      [4, () => this.answerLate()],
      [8, () => this.passInSteps(this.random.between(20, 400))],
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    await this.end();
    await this.drain();
  }

  report(): LeaseReport {
    const { failures, faults, expired, renewed, deferred, claimed } = this;
    return { failures, faults, expired, renewed, deferred, claimed };
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start({
      vhosts: [{ name: '/', policies: [{ name: 'held', pattern: '^q$', definition: KINDS[this.kind] }] }],
    });
    session.declareQueue('q', { ...DURABLE, arguments: [] });
    const life: Life = { broker, session, workers: [], uncertain: [], alive: true };
    this.life = life;
    for (let i = 0; i < 2; i++) life.workers.push(this.worker(life));
  }

  private worker(life: Life): Worker {
    const worker = { held: new Map<number, Leased>(), late: 0 } as unknown as Worker;
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (life.alive) this.delivered(worker, view, slot);
      },
      overdue: (slots) => (life.alive ? this.overdue(life, worker, slots) : slots),
      cancelled() {},
    };
    const options = { tag: 'w', settled: false, exclusive: false, prefetch: 4, arguments: [] };
    worker.consumer = life.session.consume('q', options, sink, NO_BACKPRESSURE);
    return worker;
  }

  private delivered(worker: Worker, view: MessageView, slot: number): void {
    const message = this.messages[this.numberOf(view)];
    if (message === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const what = `message ${message.id}`;
    if (message.accepted === 'certain') this.failures.push(`${what} came back though it was accepted`);
    if (message.holder !== null) this.failures.push(`${what} is held by two`);
    if (worker.late > 0) this.failures.push(`${what} came to who had not answered for what it lost`);
    if (view.attempts < message.failedSafe || view.attempts > message.failed) {
      this.failures.push(`${what} has ${view.attempts} attempts, not ${message.failedSafe} to ${message.failed}`);
    }
    const { deferral } = message;
    if (view.deferralToken !== '') {
      this.claimed++;
      if (deferral !== null && deferral.token !== view.deferralToken) this.failures.push(`${what} has another token`);
    } else if (deferral !== null && deferral.dueMs > this.clock.epochMs()) {
      this.failures.push(`${what} came before its time`);
    }
    message.failed = view.attempts; // a crash may have taken failures that were not certain
    message.deferral = null;
    message.holder = worker;
    message.untilMs = this.clock.monotonicMs() + LEASE_MS;
    worker.held.set(slot, message);
  }

  private overdue(life: Life, worker: Worker, slots: readonly number[]): readonly number[] {
    for (const slot of slots) {
      const message = worker.held.get(slot);
      if (message === undefined) {
        this.failures.push('what nobody holds is overdue');
        continue;
      }
      if (this.clock.monotonicMs() < message.untilMs) {
        this.failures.push(`message ${message.id} was taken back before its lease was over`);
      }
      this.expired++;
      worker.held.delete(slot);
      worker.late++;
      message.holder = null;
      if (this.kind === 'timeout') continue;
      const failed = ++message.failed;
      life.uncertain.push(() => {
        message.failedSafe = Math.max(message.failedSafe, failed);
      });
    }
    return slots;
  }

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 5); n > 0; n--) {
      const id = this.messages.length;
      const draft = this.draft(id, 500);
      const mark = this.publish('q', draft);
      if (mark < 0) return;
      const message: Leased = {
        ...{ id, published: false, accepted: 'no', failed: 0, failedSafe: 0, holder: null, untilMs: 0, deferral: null },
      };
      this.messages.push(message);
      this.whenSafe(() => {
        message.published = true;
      }, mark);
    }
  }

  /** Some delivery that somebody holds. */
  private pickHeld(): { worker: Worker; slot: number; message: Leased } | undefined {
    const worker = this.random.pick(this.life.workers);
    const slots = [...worker.held.keys()];
    if (slots.length === 0) return undefined;
    const slot = this.random.pick(slots);
    return { worker, slot, message: worker.held.get(slot)! };
  }

  private async settleSome(): Promise<void> {
    await this.turns(1);
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const held = this.pickHeld();
      if (held === undefined) continue;
      const { worker, slot, message } = held;
      const outcome = this.random.weighted<typeof ACCEPTED | typeof MODIFIED | typeof RELEASED>([
        [4, ACCEPTED],
        [2, MODIFIED],
        [1, RELEASED],
      ]);
      worker.held.delete(slot);
      message.holder = null;
      let certain = (): void => {};
      if (outcome === ACCEPTED) {
        message.accepted = 'asked';
        certain = () => {
          message.accepted = 'certain';
        };
      } else if (outcome === MODIFIED) {
        const failed = ++message.failed;
        certain = () => {
          message.failedSafe = Math.max(message.failedSafe, failed);
        };
      }
      worker.consumer.settle(slot, outcome);
      this.whenSafe(certain);
    }
  }

  private renew(): void {
    if (this.random.chance(0.2)) {
      const worker = this.random.pick(this.life.workers);
      const whole = worker.consumer.renewAll();
      if (whole !== (worker.late === 0)) this.failures.push('a renewal of all says that what it lost is there');
      for (const message of worker.held.values()) message.untilMs = this.clock.monotonicMs() + LEASE_MS;
      return;
    }
    const held = this.pickHeld();
    if (held === undefined) return;
    const { worker, slot, message } = held;
    if (!worker.consumer.renew(slot)) this.failures.push(`message ${message.id} is held, and was not renewed`);
    message.untilMs = this.clock.monotonicMs() + LEASE_MS;
    this.renewed++;
  }

  private async defer(): Promise<void> {
    await this.turns(1); // the time is asked once a turn
    const held = this.pickHeld();
    if (held === undefined) return;
    const { worker, slot, message } = held;
    const token = this.random.pick(TOKENS);
    const dueMs = this.clock.epochMs() + this.random.between(100, DEFERRED_MAX_MS);
    worker.held.delete(slot);
    message.holder = null;
    if (!worker.consumer.defer(slot, token, { dueMs, delayMs: -1 })) {
      this.failures.push(`message ${message.id} is held, and was not parked`);
    }
    const deferral: Deferral = { token, dueMs, safe: false };
    message.deferral = deferral;
    this.deferred++;
    this.whenSafe(() => {
      deferral.safe = true;
    });
  }

  private claim(): void {
    this.random.pick(this.life.workers).consumer.claim([this.random.pick(TOKENS)]);
  }

  private answerLate(): void {
    const worker = this.random.pick(this.life.workers);
    if (worker.late === 0) return;
    const { late } = worker;
    worker.late = 0;
    worker.consumer.answered(late);
  }

  protected override stopping(): void {
    for (const worker of this.life.workers) worker.held.clear();
  }

  protected override died(): void {
    for (const message of this.messages) {
      message.holder = null;
      message.untilMs = 0;
      if (message.deferral?.safe === false || message.accepted === 'asked') message.deferral = null;
    }
  }

  /** What was taken back is certain once that is safe. */
  protected override turned(): void {
    const { life } = this;
    if (!life.alive) return;
    for (const certain of life.uncertain.splice(0)) this.whenSafe(certain);
    const latestMs = this.clock.monotonicMs() - LATE_MS;
    for (const { held } of life.workers) {
      for (const { id, untilMs } of held.values()) {
        if (untilMs < latestMs) this.failures.push(`message ${id} was held too long`);
      }
    }
  }

  private async drain(): Promise<void> {
    const { life } = this;
    const seen = new Set<number>();
    for (let i = 0; i < 70; i++) {
      await this.passInSteps(50);
      await this.turns(10);
      for (const worker of life.workers) {
        for (const [slot, message] of [...worker.held]) {
          seen.add(message.id);
          worker.held.delete(slot);
          message.holder = null;
          worker.consumer.settle(slot, ACCEPTED);
        }
      }
    }
    for (const { id, published, accepted } of this.messages) {
      if (published && accepted === 'no' && !seen.has(id)) this.failures.push(`message ${id} is lost`);
    }
    const waits = life.session.checkQueue('q').messages;
    if (waits > 0) this.failures.push(`${waits} messages are left over`);
  }

  private async passInSteps(ms: number): Promise<void> {
    await this.turns(1);
    for (let left = ms; left > 0; left -= 40) {
      this.clock.advance(Math.min(left, 40));
      await this.turns(1);
    }
  }
}
