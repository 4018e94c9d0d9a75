/**
 * What histories of one feature have in common: a broker on a simulated disk, its lives, each of which ends in order, by a kill or without
 * power, and steps drawn at random. A history of its own says what a life is (`begin`), what may happen in it, and what must hold.
 */
import type { Refusal } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { StartOptions } from '../../../src/broker/options.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import type { LogLayout } from '../../../src/vhost/options.ts';
import { FaultCounts, SimulatedDisk } from '../world/disk.ts';
import type { Random } from '../world/random.ts';
import { DURABLE, immediately, TICKS_MAX } from '../world/world.ts';

export { DURABLE };

/** One life of the broker, with its client. What comes from a dead life is nobody's business. */
export interface FocusedLife {
  readonly broker: Broker;
  readonly session: Session;
  alive: boolean;
}

/** Of a step, and how likely it is. */
export type Steps = readonly (readonly [number, () => void | Promise<void>])[];

export interface FocusedReport {
  readonly failures: readonly string[];
  readonly faults: FaultCounts;
}

const REQUEST = { client: 'simulation', loopback: true, user: undefined, password: undefined, vhost: undefined };

export abstract class FocusedHistory<L extends FocusedLife = FocusedLife> {
  readonly failures: string[] = [];
  readonly faults = new FaultCounts();
  protected readonly random: Random;
  protected clock = new ManualClock();
  protected readonly layout: LogLayout;
  protected disk: SimulatedDisk;
  protected life!: L;

  /** @param layout default: small, and drawn */
  constructor(random: Random, layout: LogLayout = drawLayout(random)) {
    this.random = random;
    this.layout = layout;
    this.disk = new SimulatedDisk(random, this.faults);
  }

  /** From the first start to the last look. */
  protected abstract history(): Promise<void>;

  /** A life begins: what is there is declared, consumers come. */
  protected abstract begin(): Promise<void>;

  /** All of it; what it throws is a failure. */
  async run(): Promise<this> {
    try {
      await this.history();
    } catch (error) {
      this.failures.push(String((error as Error).stack ?? error));
    }
    if (this.life !== undefined) this.life.alive = false;
    this.disk.crash(false);
    return this;
  }

  // -------------------------------------------------------------------------------------------------------- a life

  /** @throws what the start was refused with */
  protected async start(options: Partial<StartOptions> = {}): Promise<{ broker: Broker; session: Session }> {
    const { disk: files, clock, layout: log } = this;
    const broker = await this.startOf(() =>
      Broker.start({ dataDirectory: null, dialects: [], files, clock, log, ...options }),
    );
    return { broker, session: this.enter(broker) };
  }

  protected async startOf(begin: () => Promise<Broker>): Promise<Broker> {
    let broker: Broker | undefined;
    let refused: Error | undefined;
    begin().then(
      (started) => {
        broker = started;
      },
      (error: Error) => {
        refused = error;
      },
    );
    await this.until(() => broker !== undefined || refused !== undefined, 'the start');
    if (broker === undefined) throw refused;
    return broker;
  }

  protected enter(broker: Broker): Session {
    let opened: Session | Refusal | undefined;
    broker.open(REQUEST, { uncongested() {}, kicked() {} }, (result) => {
      opened = result;
    });
    return opened as Session;
  }

  /** The broker stops in order or dies, and another one starts. */
  protected async end(): Promise<void> {
    const { life } = this;
    if (this.random.chance(0.3)) {
      let stopped = false;
      this.stopping();
      const cutShort = this.random.chance(0.3) ? this.random.below(40) : TICKS_MAX;
      void life.broker.close().then(() => {
        stopped = true;
      });
      for (let i = 0; !stopped && i < cutShort; i++) await this.turns(1);
    }
    life.alive = false;
    this.disk = this.disk.crash(this.disk.broken || this.random.chance(0.7));
    this.died();
    await this.begin();
  }

  /** It is about to stop in order: what a client holds is lost with its connection. */
  protected stopping(): void {}

  /** It is dead: what was not certain may be forgotten. */
  protected died(): void {}

  // --------------------------------------------------------------------------------------------------- what happens

  /**
   * So many steps, or until something is wrong.
   * @param around `before` is called before each with its number; `after` behind it; `rest`: fewer turns than this follow
   */
  protected async steps(
    count: number,
    choices: Steps,
    around: { before?(step: number): void; after?(): void; rest?: number } = {},
  ): Promise<void> {
    const { rest = 3 } = around;
    for (let i = 0; i < count && this.failures.length === 0; i++) {
      around.before?.(i);
      await this.random.weighted(choices)();
      around.after?.();
      await this.turns(this.random.below(rest));
    }
  }

  /** A message that says its number, with a body of up to so many bytes. */
  protected draft(id: number, bodyMax: number): Draft {
    const draft = new Draft();
    draft.dialect = 9;
    draft.assurance = 1;
    draft.props = Buffer.from(String(id), 'latin1');
    draft.propsEnd = draft.props.length;
    draft.body = Buffer.alloc(this.random.between(0, bodyMax), 1);
    draft.bodyEnd = draft.body.length;
    return draft;
  }

  /** What `draft` has said. */
  protected numberOf(view: MessageView): number {
    return Number(view.props.latin1Slice(view.propsStart, view.propsEnd));
  }

  /** @returns the mark; negative: it was refused */
  protected publish(queue: string, draft: Draft): number {
    const { session } = this.life;
    const key = Buffer.from(queue, 'latin1');
    return session.publish(session.route('', 0, key, 0, key.length), draft);
  }

  /** In this life, and if the log has not failed. Default mark: of all that was asked until now. */
  protected whenSafe(then: () => void, mark: number = this.life.session.mark()): void {
    const { life } = this;
    life.session.whenSafe(mark, (failed) => {
      if (life.alive && !failed) then();
    });
  }

  /** Waits until all that was asked is safe. */
  protected async safe(what: string): Promise<void> {
    const { session } = this.life;
    let done = false;
    session.whenSafe(session.mark(), () => {
      done = true;
    });
    await this.until(() => done, what);
  }

  // ----------------------------------------------------------------------------------------------------------- time

  protected async pass(ms: number): Promise<void> {
    await this.turns(1);
    this.clock.advance(ms);
    await this.turns(1);
  }

  protected async turns(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      for (let k = this.random.below(4); k > 0; k--) this.disk.step();
      await immediately();
      this.turned();
    }
  }

  /** A turn is over. */
  protected turned(): void {}

  protected async until(done: () => boolean, what: string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (i > TICKS_MAX) throw new Error(`it never came: ${what}`);
      this.disk.step();
      this.waited(i);
      await immediately();
    }
  }

  /** `until` has looked so many times. */
  protected waited(_looks: number): void {}
}

/** Small blocks and segments, so that a short history has many. */
export function drawLayout(random: Random): LogLayout {
  const blockBytes = random.pick([2048, 4096]);
  const segmentBytes = blockBytes * random.pick([4, 8]);
  return {
    blockBytes,
    segmentBytes,
    checkpointBytes: segmentBytes * random.pick([1, 2]),
    checkpointSliceBytes: random.pick([16, 200, 4096]),
    residentBytesMax: blockBytes * random.pick([1, 2, 32]),
  };
}
