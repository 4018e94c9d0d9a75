/**
 * An engine in memory that does what JetStream was seen to do, and nothing better: acknowledgements get lost, what has timed out is
 * stored later or never, a replica shows holes, a majority without power forgets what it had acknowledged. What happens is drawn from `chance`,
 * and every call is answered when `step` says so, or by itself (`auto`).
 *
 * Several nodes share a `FakeServers`; each has a `FakeEngine`, which can be cut off from it.
 */
import type { Clock } from '../../../src/clock/clock.ts';
import {
  type Appended,
  type Bounds,
  type Engine,
  EngineAway,
  type Lease,
  type LeaseHolder,
  type SharedAppend,
  type SharedLog,
  type SharedReader,
} from '../../../src/cluster/engine.ts';
import { FakeLease, type KeptLease } from './lease.ts';

/** How likely each mishap is. */
export interface Mishaps {
  /** An append is stored, and its acknowledgement gets lost. */
  ackLost: number;
  /** An append gets lost on its way. */
  appendLost: number;
  /** An append is given up, and arrives later. */
  appendLate: number;
  /** Whatever else is asked is not answered. */
  unanswered: number;
  /** A reader ends in the middle. */
  readerCut: number;
}

export const NO_MISHAPS: Mishaps = { ackLost: 0, appendLost: 0, appendLate: 0, unanswered: 0, readerCut: 0 };

/** What the servers keep of one shared log. */
export class KeptLog {
  first = 1;
  last = 0;
  readonly appends = new Map<number, Buffer>();
  /** Numbers that the replica which answers now has lost; another one has them. */
  readonly holes = new Set<number>();
  /** Called when something was stored. */
  readonly waiting = new Set<() => void>();

  store(expected: number, bytes: Buffer): Appended {
    if (expected !== this.last) return { kind: 'refused', last: this.last };
    this.last++;
    this.appends.set(this.last, Buffer.from(bytes));
    for (const wake of [...this.waiting]) wake();
    return { kind: 'stored', sequence: this.last };
  }

  discardBelow(sequence: number): void {
    const first = Math.min(sequence, this.last + 1);
    for (; this.first < first; this.first++) this.appends.delete(this.first);
  }

  /** A majority lost its power: the last `n` appends, acknowledged or not, are gone. */
  forget(n: number): void {
    for (; n > 0 && this.last >= this.first; n--) this.appends.delete(this.last--);
  }
}

export class FakeServers {
  readonly logs = new Map<string, KeptLog>();
  readonly leases = new Map<string, KeptLease>();
  /** The revision that the next lease gets. */
  nextRevision = 1;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly mishaps: Mishaps = { ...NO_MISHAPS };
  /** 0 ≤ x < 1 */
  readonly chance: () => number;
  /** Calls that wait for their answers, and appends that were given up and are still under way. */
  readonly pending: (() => void)[] = [];
  readonly late: (() => void)[] = [];
  /** Answers come by themselves. */
  auto = true;
  /** What is older may be given up. */
  discards = true;
  /** No leader: nobody is answered. */
  away = false;
  counts = {
    stored: 0,
    ackLost: 0,
    appendLost: 0,
    appendLate: 0,
    lateStored: 0,
    lateRefused: 0,
    refused: 0,
    forgotten: 0,
  };

  constructor(clock: Clock, options: { leaseMs?: number; chance?: () => number } = {}) {
    this.clock = clock;
    this.leaseMs = options.leaseMs ?? 15_000;
    this.chance = options.chance ?? (() => 0.999_999);
  }

  log(name: string): KeptLog {
    let log = this.logs.get(name);
    if (log === undefined) {
      log = new KeptLog();
      this.logs.set(name, log);
    }
    return log;
  }

  happens(mishap: keyof Mishaps): boolean {
    return this.mishaps[mishap] > 0 && this.chance() < this.mishaps[mishap];
  }

  answer(run: () => void): void {
    if (this.auto) setImmediate(run);
    else this.pending.push(run);
  }

  /** Answers a call, any of those that wait, or lets a late append arrive. False: there was nothing. */
  step(): boolean {
    const { pending, late } = this;
    if (late.length > 0 && (pending.length === 0 || this.chance() < 0.2)) {
      late.splice(Math.floor(this.chance() * late.length), 1)[0]!();
      return true;
    }
    if (pending.length === 0) return false;
    pending.splice(Math.floor(this.chance() * pending.length), 1)[0]!();
    return true;
  }

  /** All that was given up arrives now. */
  deliverLate(): void {
    for (const arrive of this.late.splice(0)) arrive();
  }

  /** Of this log the last `n` appends are lost. */
  forget(name: string, n: number): void {
    this.counts.forgotten += n;
    this.log(name).forget(n);
  }
}

export class FakeEngine implements Engine {
  readonly servers: FakeServers;
  /** This node cannot be heard, and hears nothing. */
  cut = false;
  /** The node does not run now: what it is answered waits. */
  paused = false;
  private readonly held: (() => void)[] = [];
  readonly clock: Clock;
  /** The node has died: nothing that it asked for is ever answered. */
  dead = false;
  private readonly readers = new Set<FakeReader>();
  private readonly leases = new Set<FakeLease>();

  /** @param clock the node's own; default: the servers' */
  constructor(servers: FakeServers, clock: Clock = servers.clock) {
    this.servers = servers;
    this.clock = clock;
  }

  /** Hands the node an answer, when it runs. */
  private tell(answer: () => void): void {
    if (this.dead) return;
    if (this.paused) this.held.push(answer);
    else answer();
  }

  whenRunning(work: () => void): void {
    this.tell(work);
  }

  /** It runs again. */
  resume(): void {
    this.paused = false;
    for (const answer of this.held.splice(0)) this.tell(answer);
  }

  /** Does `work` at the servers, and brings what it returns. */
  ask<T>(work: () => T): Promise<T> {
    const { servers } = this;
    return new Promise((resolve, reject) => {
      servers.answer(() => {
        if (this.cut || servers.away || servers.happens('unanswered')) {
          this.tell(() => reject(new EngineAway('no answer')));
          return;
        }
        // What was asked is done, whether the one that asked is still there or not.
        const found = work();
        this.tell(() => resolve(found));
      });
    });
  }

  append(log: KeptLog, expected: number, bytes: Buffer): Promise<Appended> {
    const { servers } = this;
    const { counts } = servers;
    return new Promise((resolve) => {
      servers.answer(() => {
        // What is with the kernel goes out, whether the process that sent it is still there or not.
        if (servers.away || servers.happens('appendLate')) {
          counts.appendLate++;
          servers.late.push(() => {
            if (log.store(expected, bytes).kind === 'stored') counts.lateStored++;
            else counts.lateRefused++;
          });
          this.resolve(resolve, { kind: 'unknown', reason: 'timeout' });
          return;
        }
        if (this.cut || servers.happens('appendLost')) {
          counts.appendLost++;
          this.resolve(resolve, { kind: 'unknown', reason: 'timeout' });
          return;
        }
        const appended = log.store(expected, bytes);
        if (appended.kind === 'stored') counts.stored++;
        else counts.refused++;
        if (servers.happens('ackLost')) {
          counts.ackLost++;
          this.resolve(resolve, { kind: 'unknown', reason: 'timeout' });
        } else this.resolve(resolve, appended);
      });
    });
  }

  private resolve(resolve: (appended: Appended) => void, appended: Appended): void {
    this.tell(() => resolve(appended));
  }

  async sharedLog(name: string): Promise<SharedLog> {
    const log = await this.ask(() => this.servers.log(name));
    const appendBytesMax = 1024 * 1024 - 512;
    return {
      appendBytesMax,
      append: async (expected, bytes) => {
        if (bytes.length > appendBytesMax) throw new RangeError(`an append of ${bytes.length} bytes is too long`);
        return this.append(log, expected, bytes);
      },
      bounds: () => this.ask((): Bounds => ({ first: log.first, last: log.last })),
      read: (sequence) => this.ask(() => log.appends.get(sequence) ?? null),
      follow: (from) => {
        const reader = new FakeReader(this, log, from);
        this.readers.add(reader);
        return reader;
      },
      discardBelow: (sequence) =>
        this.ask(() => {
          if (this.servers.discards) log.discardBelow(sequence);
        }),
      distrust: () => this.ask(() => log.holes.clear()),
    };
  }

  async takeLease(name: string, holder: string): Promise<Lease | null> {
    const lease = await FakeLease.take(this, name, holder);
    if (lease !== null) this.leases.add(lease);
    return lease;
  }

  leaseHolder(name: string): Promise<LeaseHolder | null> {
    return this.ask(() => {
      const kept = this.servers.leases.get(name);
      if (kept === undefined || this.servers.clock.monotonicMs() >= kept.endsMs) return null;
      return { holder: kept.holder, epoch: kept.epoch };
    });
  }

  describe(): Promise<{ about: string; warnings: readonly string[] }> {
    return this.ask(() => ({ about: 'in memory', warnings: [] }));
  }

  async close(): Promise<void> {
    for (const reader of this.readers) reader.stop();
    for (const lease of this.leases) lease.stop();
  }

  /** The process dies. */
  kill(): void {
    this.dead = true;
    for (const lease of this.leases) lease.stop();
  }
}

class FakeReader implements SharedReader {
  private readonly engine: FakeEngine;
  private readonly log: KeptLog;
  private at: number;
  private stopped = false;
  private wake: (() => void) | undefined = undefined;

  constructor(engine: FakeEngine, log: KeptLog, from: number) {
    this.engine = engine;
    this.log = log;
    this.at = from;
  }

  next(): Promise<SharedAppend | null> {
    const { engine, log } = this;
    const { servers } = engine;
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (engine.dead) return;
        if (engine.paused) {
          engine.whenRunning(() => servers.answer(look));
          return;
        }
        if (this.stopped) resolve(null);
        else if (engine.cut || servers.happens('readerCut')) reject(new EngineAway('the reader was cut off'));
        else {
          if (this.at < log.first) this.at = log.first;
          while (this.at <= log.last && log.holes.has(this.at)) this.at++;
          const bytes = log.appends.get(this.at);
          if (bytes !== undefined) {
            resolve({ sequence: this.at++, bytes });
            return;
          }
          const again = (): void => {
            log.waiting.delete(again);
            this.wake = undefined;
            servers.answer(look);
          };
          this.wake = again;
          log.waiting.add(again);
        }
      };
      servers.answer(look);
    });
  }

  stop(): void {
    this.stopped = true;
    this.wake?.();
  }
}
