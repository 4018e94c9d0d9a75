/**
 * The world of a history: the disk, the clock, the model, chance; the turns that pass; and what is asked of the broker
 * now, to be certain later.
 */
import { ManualClock } from '../../../src/clock/clock.ts';
import type { FileSystem } from '../../../src/log/files/files.ts';
import { Draft } from '../../../src/message/message.ts';
import type { Durability, LogLayout } from '../../../src/vhost/options.ts';
import { FaultCounts, SimulatedDisk } from './disk.ts';
import type { Life, Watch } from './life.ts';
import { type Body, type Copy, ModelQueue, NO_TERMS, Register, type Terms, Unit } from './model.ts';
import { Random } from './random.ts';

export interface HistoryOptions {
  /** Stands between the broker and its disk: a planted bug. */
  readonly sabotage?: (disk: SimulatedDisk) => FileSystem;
  readonly steps?: number;
  /** Told every step and what came of it. */
  readonly trace?: (line: string) => void;
}

export interface HistoryReport {
  readonly seed: number;
  /** What was wrong; empty if nothing was. */
  readonly failures: readonly string[];
  readonly faults: FaultCounts;
  readonly counts: Record<string, number>;
}

/** What is done to the disk beside crashes. */
export type Fault = 'none' | 'write' | 'sync' | 'read' | 'names' | 'full';

export const WORKERS = ['q0', 'q1', 'q2'] as const;
export const DEAD = 'dead';
export const TEMP = 'temp';
/** More than this many copies are not gathered in a queue: a record of their settlements must fit a small block. */
export const COPIES_MAX = 120;
export const TICKS_MAX = 20_000;
export const DURABLE = { durable: true, exclusive: false, autoDelete: false } as const;
export const BIND = { spelling: 0, arguments: [] } as const;

const LEVELS: readonly (readonly [number, Durability['level']])[] = [
  [70, 'fsync'],
  [20, 'interval'],
  [10, 'none'],
];

export class Wrong extends Error {}

export const immediately = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class World {
  readonly failures: string[] = [];
  readonly faults = new FaultCounts();
  readonly counts = {
    lives: 0,
    published: 0,
    confirmed: 0,
    delivered: 0,
    settled: 0,
    expired: 0,
    overLimit: 0,
    refused: 0,
    judged: 0,
    resumed: 0,
    weakerDurability: 0,
    checkpoints: 0,
    segmentsReclaimed: 0,
    segmentsCompacted: 0,
  };
  protected readonly random: Random;
  protected readonly options: HistoryOptions;
  protected readonly layout: LogLayout;
  protected readonly large: boolean;
  /** Messages are large for the blocks: many segments. */
  protected readonly bulky: boolean;
  protected readonly fault: Fault;
  /** With a weaker one than fsync the machine keeps its power while the broker runs: a killed process must lose nothing. */
  protected readonly durability: Durability;
  protected readonly clock = new ManualClock();
  protected disk: SimulatedDisk;
  protected life: Life | undefined;
  protected readonly queues = new Map<string, ModelQueue>();
  protected readonly registers = new Map<string, Register>();
  protected readonly bodies = new Map<string, Body>();
  protected turn = 0;
  protected nextId = 1;
  protected nextTopicKey = 0;
  /** A read has failed in this life: some messages may stay out of reach until the next. */
  protected outOfReach = false;
  protected largeReads = 0;
  protected watch: Watch | undefined;
  /** The keys of messages by their numbers. */
  protected readonly names = new Map<number, string>();
  /** Dead letters that may have to be read back first. */
  protected dying: { unit: Unit; copy: Copy | undefined }[] = [];
  /** Ends of messages that cannot have come about: a later life has seen those messages. */
  protected readonly disproved: Unit[] = [];
  /** The disk may have been full in this life, and the broker may not have noticed that it is no longer. */
  protected ranFull = false;
  protected readonly draft = new Draft();

  constructor(seed: number, options: HistoryOptions) {
    const random = new Random(seed);
    this.random = random;
    this.options = options;
    this.large = random.chance(0.12);
    const blockBytes = this.large ? 64 * 1024 : random.pick([2048, 4096, 8192]);
    const segmentBytes = blockBytes * random.pick(this.large ? [2, 4] : [4, 8]);
    const checkpoint = {
      checkpointBytes: segmentBytes * random.pick([1, 2, 4]),
      checkpointSliceBytes: random.pick([16, 200, 4096]),
    };
    this.layout = {
      ...checkpoint,
      blockBytes,
      segmentBytes,
      residentBytesMax: blockBytes * random.pick([1, 2, 4, 32]),
    };
    this.bulky = random.chance(0.3);
    this.fault = random.weighted<Fault>([
      [50, 'none'],
      [10, 'write'],
      [10, 'sync'],
      [10, 'read'],
      [5, 'names'],
      [15, 'full'],
    ]);
    const level = this.failsWrites ? 'fsync' : random.weighted<Durability['level']>(LEVELS);
    this.durability = { level, intervalMs: random.pick([20, 200]) };
    if (level !== 'fsync') this.counts.weakerDurability++;
    this.disk = new SimulatedDisk(random, this.faults);
    for (const name of WORKERS) {
      this.queues.set(name, new ModelQueue(name, true, true, this.terms(name)));
      this.register(`queue ${name}`, 'gone');
      this.register(`fan to ${name}`, 'no');
    }
    this.queues.set(DEAD, new ModelQueue(DEAD, true, false));
    this.queues.set(TEMP, new ModelQueue(TEMP, false, true));
    for (let i = 0; i < 4; i++) this.register(`state k${i}`, '');
    for (let i = 0; i < 3; i++) this.register(`retained t.${i}`, '');
    if (options.trace !== undefined) {
      this.disk.onAnswer = (call, path, error) =>
        this.trace(`  disk: ${call} ${path.slice(path.lastIndexOf('/') + 1)}${error === undefined ? '' : ` ${error}`}`);
    }
    this.trace(`layout ${JSON.stringify(this.layout)}, fault ${this.fault}`);
  }

  private get failsWrites(): boolean {
    return this.fault === 'write' || this.fault === 'sync' || this.fault === 'names';
  }

  /** Whether the end of a life may be a power failure. */
  protected mayLosePower(clean: boolean): boolean {
    return this.durability.level === 'fsync' || clean;
  }

  /** Half of the queues do nothing by themselves. */
  private terms(name: string): Terms {
    const { random } = this;
    if (random.chance(0.5)) return NO_TERMS;
    const some = (n: number, otherwise: number): number => (random.chance(0.4) ? n : otherwise);
    return {
      ttlMs: some(random.between(100, 5000), -1),
      priorityMax: some(random.pick([0, 1, 5]), -1),
      lengthMax: some(random.between(0, 30), Number.POSITIVE_INFINITY),
      bytesMax: some(random.between(100, 20_000), Number.POSITIVE_INFINITY),
      // Transactions and what goes exactly once end up in the other two.
      rejects: name === 'q1' && random.chance(0.5),
      single: random.chance(0.3),
    };
  }

  wrong(text: string): void {
    this.failures.push(`turn ${this.turn}: ${text}`);
    this.trace(`WRONG ${text}`);
  }

  protected demand(holds: boolean, text: () => string): void {
    if (holds) return;
    this.wrong(text());
    throw new Wrong();
  }

  protected trace(line: string): void {
    this.options.trace?.(`${this.turn} ${line}`);
  }

  protected register(name: string, value = ''): Register {
    let register = this.registers.get(name);
    if (register === undefined) {
      register = new Register(name, value);
      this.registers.set(name, register);
    }
    return register;
  }

  protected queue(name: string): ModelQueue {
    return this.queues.get(name)!;
  }

  protected exists(name: string): boolean {
    return !name.startsWith('q') || this.register(`queue ${name}`).value === 'there';
  }

  /** Nothing of this history goes on afterwards. */
  abandon(): void {
    if (this.life !== undefined) this.life.alive = false;
    this.disk.crash(false);
  }

  /** Gives the disk and the broker some turns. */
  protected async ticks(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      for (let k = this.random.below(4); k > 0; k--) this.disk.step();
      await immediately();
      this.turn++;
      if (this.failures.length > 0) throw new Wrong();
    }
  }

  /** Until `done`; the disk answers whatever is asked. */
  protected async until(done: () => boolean, what: () => string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (i === TICKS_MAX) this.demand(false, () => `it never came to be: ${what()}`);
      this.disk.step();
      await immediately();
      this.turn++;
      if (this.failures.length > 0) throw new Wrong();
    }
  }

  /** Until nobody has anything to do. */
  protected async quiet(): Promise<void> {
    let idle = 0;
    await this.until(
      () => {
        idle = this.disk.pending.length === 0 && this.largeReads === 0 ? idle + 1 : 0;
        return idle > 4;
      },
      () => 'quiet',
    );
    if (this.outOfReach) return;
    const life = this.life!;
    for (const { unit, copy } of this.dying) {
      if (copy !== undefined) copy.doubtful = false;
      life.asked.push(unit);
    }
    this.dying = [];
  }

  protected arm(): void {
    const { disk, random, fault } = this;
    this.trace(`fault armed: ${fault}`);
    this.ranFull = fault === 'full';
    if (fault === 'full') disk.capacityBytes = disk.bytesUsed + random.below(4 * this.layout.segmentBytes!);
    else if (fault !== 'none') {
      const likelihood = random.pick([1, 0.3, 0.05]);
      disk.fails = (call) => {
        const mine = fault === 'names' ? call !== 'write' && call !== 'sync' && call !== 'read' : call === fault;
        if (!mine || !random.chance(likelihood)) return false;
        this.trace(`fault: ${call}`);
        if (call === 'read') this.outOfReach = true;
        if (call === 'open') this.outOfReach = true;
        return true;
      };
    }
  }

  protected disarm(): void {
    this.disk.fails = () => false;
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  protected get logFailed(): boolean {
    return this.life?.broker.failure !== undefined;
  }

  protected ask(text: string): Unit {
    const unit = new Unit(this.turn, `${text} (turn ${this.turn})`);
    this.life!.asked.push(unit);
    return unit;
  }

  protected whenSafe(mark: number, unit: Unit): void {
    const life = this.life!;
    life.session.whenSafe(mark, (failed) => {
      if (life.alive && !failed) unit.certain = true;
    });
  }
}
