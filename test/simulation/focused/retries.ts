/**
 * A random history of one queue whose policy lets failed messages wait: consumers accept, fail and give back, through lives
 * that end in order, by a kill or without power, on a disk that tears, forgets and fails. Nothing confirmed is lost, nothing
 * accepted for certain comes back, nothing that failed for certain is tried again before its time, no attempt is forgotten.
 */
import {
  ACCEPTED,
  type DeliverySink,
  MODIFIED,
  NO_BACKPRESSURE,
  RELEASED,
  type Refusal,
} from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import type { LogLayout } from '../../../src/vhost/options.ts';
import { FaultCounts, SimulatedDisk } from '../world/disk.ts';
import { Random } from '../world/random.ts';
import { DURABLE, immediately, TICKS_MAX } from '../world/world.ts';

export interface RetryReport {
  readonly failures: readonly string[];
  readonly faults: FaultCounts;
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
  const history = new RetryHistory(seed);
  try {
    await history.run();
  } catch (error) {
    history.failures.push(String((error as Error).stack ?? error));
  }
  return history.report();
}

/** One life of the broker, with its only client. */
interface Life {
  readonly broker: Broker;
  readonly session: Session;
  readonly held: { readonly message: Tried; readonly slot: number }[];
  alive: boolean;
  settle(slot: number, outcome: typeof ACCEPTED | typeof MODIFIED | typeof RELEASED): void;
}

class RetryHistory {
  readonly failures: string[] = [];
  private readonly faults = new FaultCounts();
  private readonly random: Random;
  private readonly clock = new ManualClock();
  private readonly layout: LogLayout;
  private disk: SimulatedDisk;
  private life!: Life;
  private readonly messages: Tried[] = [];
  private retried = 0;

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
  }

  async run(): Promise<void> {
    await this.begin();
    const steps = this.random.between(30, 150);
    for (let i = 0; i < steps && this.failures.length === 0; i++) {
      await this.random.weighted<() => void | Promise<void>>([
        [6, () => this.publish()],
        [14, () => this.settleSome()],
        [5, () => this.pass(this.random.between(20, 300))],
        [4, () => this.turns(this.random.below(12))],
        [2, () => this.end()],
      ])();
      await this.turns(this.random.below(3));
    }
    await this.end();
    await this.drain();
  }

  report(): RetryReport {
    this.life.alive = false;
    this.disk.crash(false);
    return { failures: this.failures, faults: this.faults, retried: this.retried };
  }

  private async begin(): Promise<void> {
    let broker: Broker | undefined;
    let refused: Error | undefined;
    Broker.start({
      dataDirectory: null,
      dialects: [],
      files: this.disk,
      clock: this.clock,
      log: this.layout,
      vhosts: [{ name: '/', policies: [RETRY] }],
    }).then(
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
    const message = this.messages[Number(view.props.latin1Slice(view.propsStart, view.propsEnd))];
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
      const message: Tried = { id, published: false, accepted: 'no', failed: 0, failedSafe: 0, dueMs: -1 };
      this.messages.push(message);
      life.session.whenSafe(mark, (failed) => {
        if (life.alive && !failed) message.published = true;
      });
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

  /** The broker stops in order or dies, and another one starts. */
  private async end(): Promise<void> {
    const { life } = this;
    if (this.random.chance(0.3)) {
      let stopped = false;
      // What it holds is lost with the connection, as failed.
      life.held.length = 0;
      const cutShort = this.random.chance(0.3) ? this.random.below(40) : TICKS_MAX;
      void life.broker.close().then(() => {
        stopped = true;
      });
      for (let i = 0; !stopped && i < cutShort; i++) await this.turns(1);
    }
    life.alive = false;
    this.disk = this.disk.crash(this.disk.broken || this.random.chance(0.7));
    for (const message of this.messages) {
      // A failure that was not certain may be forgotten, and its time with it.
      if (message.failedSafe < message.failed) message.dueMs = -1;
      if (message.accepted === 'asked') message.dueMs = -1;
    }
    await this.begin();
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
