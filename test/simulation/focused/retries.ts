/**
 * A random history of one queue whose policy lets failed messages wait: consumers accept, fail and give back, through lives
 * that end in order, by a kill or without power, on a disk that tears, forgets and fails. Nothing confirmed is lost, nothing
 * accepted for certain comes back, nothing that failed for certain is tried again before its time, no attempt is forgotten.
 */
import { ACCEPTED, type DeliverySink, MODIFIED, NO_BACKPRESSURE, RELEASED } from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface RetryReport extends FocusedReport {
  /** Failed and tried again. */
  readonly retried: number;
}

interface Tried {
  readonly id: number;
  published: boolean;
  accepted: 'no' | 'asked' | 'certain';
  /** Failed attempts, in all and for certain. */
  failed: number;
  failedSafe: number;
  /** Not before; -1 if there is none that must hold. */
  dueMs: number;
}

const DELAYS_MS = [100, 500];
const RETRY = {
  name: 'retry',
  pattern: '^q$',
  definition: { 'retry-delays': DELAYS_MS.join(',') },
};

export async function runRetries(seed: number): Promise<RetryReport> {
  return (await new RetryHistory(seed).run()).report();
}

/** One life of the broker, with its only client. */
interface Life extends FocusedLife {
  readonly held: { readonly message: Tried; readonly slot: number }[];
  settle(slot: number, outcome: typeof ACCEPTED | typeof MODIFIED | typeof RELEASED): void;
}

class RetryHistory extends FocusedHistory<Life> {
  private readonly messages: Tried[] = [];
  private retried = 0;

  constructor(seed: number) {
    super(new Random(seed));
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.steps(this.random.between(30, 150), [
      [6, () => this.publishSome()],
      [14, () => this.settleSome()],
      [5, () => this.pass(this.random.between(20, 300))],
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    await this.end();
    await this.drain();
  }

  report(): RetryReport {
    return { failures: this.failures, faults: this.faults, retried: this.retried };
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start({ vhosts: [{ name: '/', policies: [RETRY] }] });
    session.declareQueue('q', { ...DURABLE, arguments: [] });
    const life: Life = { broker, session, held: [], alive: true, settle: () => {} };
    this.life = life;
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (life.alive) this.delivered(life, view, slot);
      },
      cancelled() {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 8, arguments: [] };
    const consumer = session.consume('q', options, sink, NO_BACKPRESSURE);
    life.settle = (slot, outcome) => consumer.settle(slot, outcome);
  }

  private delivered(life: Life, view: MessageView, slot: number): void {
    const message = this.messages[this.numberOf(view)];
    if (message === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const what = `message ${message.id}`;
    if (message.accepted === 'certain') this.failures.push(`${what} came back though it was accepted`);
    if (message.dueMs > this.clock.epochMs()) this.failures.push(`${what} came before its time`);
    if (view.attempts < message.failedSafe || view.attempts > message.failed) {
      this.failures.push(`${what} has ${view.attempts} attempts, not ${message.failedSafe} to ${message.failed}`);
    }
    // A crash may have taken failures that were not certain.
    message.failed = view.attempts;
    if (view.attempts > 0) this.retried++;
    life.held.push({ message, slot });
  }

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 6); n > 0; n--) {
      const id = this.messages.length;
      const draft = this.draft(id, 500);
      const mark = this.publish('q', draft);
      if (mark < 0) return;
      const message: Tried = { id, published: false, accepted: 'no', failed: 0, failedSafe: 0, dueMs: -1 };
      this.messages.push(message);
      this.whenSafe(() => {
        message.published = true;
      }, mark);
    }
  }

  private async settleSome(): Promise<void> {
    const { life } = this;
    await this.turns(1); // the time is asked once a turn
    for (let n = this.random.between(1, 4); n > 0 && life.held.length > 0; n--) {
      const [{ message, slot }] = life.held.splice(this.random.below(life.held.length), 1) as [Life['held'][number]];
      const outcome = this.random.weighted<typeof ACCEPTED | typeof MODIFIED | typeof RELEASED>([
        [3, ACCEPTED],
        [4, MODIFIED],
        [1, RELEASED],
      ]);
      let certain = (): void => {};
      if (outcome === ACCEPTED) {
        message.accepted = 'asked';
        certain = () => {
          message.accepted = 'certain';
        };
      } else if (outcome === MODIFIED) {
        message.failed++;
        const { failed } = message;
        // In this life it waits, and in the next ones if that has become certain.
        message.dueMs = this.clock.epochMs() + DELAYS_MS[Math.min(failed, DELAYS_MS.length) - 1]!;
        certain = () => {
          message.failedSafe = Math.max(message.failedSafe, failed);
        };
      }
      life.settle(slot, outcome);
      life.session.whenSafe(life.session.mark(), (failed) => {
        if (life.alive && !failed) certain();
      });
    }
  }

  protected override stopping(): void {
    // As failed.
    this.life.held.length = 0;
  }

  protected override died(): void {
    for (const message of this.messages) {
      // A failure that was not certain may be forgotten, and its time with it.
      if (message.failedSafe < message.failed) message.dueMs = -1;
      if (message.accepted === 'asked') message.dueMs = -1;
    }
  }

  private async drain(): Promise<void> {
    const { life } = this;
    const seen = new Set<number>();
    for (let i = 0; i < 60; i++) {
      await this.pass(50);
      await this.turns(10);
      for (const { message, slot } of life.held.splice(0)) {
        seen.add(message.id);
        life.settle(slot, ACCEPTED);
      }
    }
    for (const { id, published, accepted } of this.messages) {
      if (published && accepted === 'no' && !seen.has(id)) this.failures.push(`message ${id} is lost`);
    }
    const waits = life.session.checkQueue('q').messages;
    if (waits > 0) this.failures.push(`${waits} messages are left over`);
  }
}
