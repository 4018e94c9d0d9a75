/**
 * A random history: a broker and a model of it side by side, on a disk that tears, forgets and fails, through lives that
 * end in order, by a kill or by a power failure, at any point, in the midst of starting and stopping as well. After each
 * death the broker must be what the model says it can be. Everything follows from the seed.
 */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED, RELEASED } from '../../src/api.ts';
import type { Broker } from '../../src/broker.ts';
import { ManualClock, TICK_MS } from '../../src/clock/clock.ts';
import type { FileSystem } from '../../src/log/files.ts';
import { Log } from '../../src/log/log.ts';
import { decodeAnnotations } from '../../src/message/annotations.ts';
import { type Assurance, Draft, type MessageView } from '../../src/message/message.ts';
import type { LogLayout } from '../../src/vhost/vhost.ts';
import { FaultCounts, SimulatedDisk } from './disk.ts';
import { Life, Reader, type Witness } from './life.ts';
import { type Body, bodyBytes, Copy, Evidence, ModelQueue, Register, Unit } from './model.ts';
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
type Fault = 'none' | 'write' | 'sync' | 'read' | 'names' | 'full';

const WORKERS = ['q0', 'q1', 'q2'] as const;
const DEAD = 'dead';
const TEMP = 'temp';
/** More than this many copies are not gathered in a queue: a record of their settlements must fit a small block. */
const COPIES_MAX = 120;
const TICKS_MAX = 20_000;
const DURABLE = { durable: true, exclusive: false, autoDelete: false } as const;
const BIND = { spelling: 0, arguments: [] } as const;

class Wrong extends Error {}

/** Checkpoints written by any broker of this thread: the log has nobody else to tell. */
let checkpoints = 0;
const { endCheckpoint } = Log.prototype;
Log.prototype.endCheckpoint = function (this: Log) {
  checkpoints++;
  endCheckpoint.call(this);
};

/** Runs the history of a seed. */
export async function runHistory(seed: number, options: HistoryOptions = {}): Promise<HistoryReport> {
  const history = new History(seed, options);
  const before = checkpoints;
  try {
    await history.run();
  } catch (error) {
    if (!(error instanceof Wrong)) history.failures.push(String((error as Error).stack ?? error));
  }
  history.abandon();
  history.counts.checkpoints = checkpoints - before;
  return { seed, failures: history.failures, faults: history.faults, counts: history.counts };
}

const immediately = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class History implements Witness {
  readonly failures: string[] = [];
  readonly faults = new FaultCounts();
  readonly counts = {
    lives: 0,
    published: 0,
    confirmed: 0,
    delivered: 0,
    settled: 0,
    judged: 0,
    checkpoints: 0,
    segmentsReclaimed: 0,
    segmentsCompacted: 0,
  };
  private readonly random: Random;
  private readonly options: HistoryOptions;
  private readonly layout: LogLayout;
  private readonly large: boolean;
  /** Messages are large for the blocks: many segments. */
  private readonly bulky: boolean;
  private readonly fault: Fault;
  private readonly clock = new ManualClock();
  private disk: SimulatedDisk;
  private life: Life | undefined;
  private readonly queues = new Map<string, ModelQueue>();
  private readonly registers = new Map<string, Register>();
  private readonly bodies = new Map<string, Body>();
  private turn = 0;
  private nextId = 1;
  private nextTopicKey = 0;
  /** A read has failed in this life: some messages may stay out of reach until the next. */
  private outOfReach = false;
  private largeReads = 0;
  private readonly draft = new Draft();

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
    this.disk = new SimulatedDisk(random, this.faults);
    for (const name of WORKERS) {
      this.queues.set(name, new ModelQueue(name, true, true));
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

  wrong(text: string): void {
    this.failures.push(`turn ${this.turn}: ${text}`);
    this.trace(`WRONG ${text}`);
  }

  private demand(holds: boolean, text: () => string): void {
    if (holds) return;
    this.wrong(text());
    throw new Wrong();
  }

  private trace(line: string): void {
    this.options.trace?.(`${this.turn} ${line}`);
  }

  private register(name: string, value = ''): Register {
    let register = this.registers.get(name);
    if (register === undefined) {
      register = new Register(name, value);
      this.registers.set(name, register);
    }
    return register;
  }

  private queue(name: string): ModelQueue {
    return this.queues.get(name)!;
  }

  private exists(name: string): boolean {
    return !name.startsWith('q') || this.register(`queue ${name}`).value === 'there';
  }

  /** Nothing of this history goes on afterwards. */
  abandon(): void {
    if (this.life !== undefined) this.life.alive = false;
    this.disk.crash(false);
  }

  // ------------------------------------------------------------------------------------------------------- running

  async run(): Promise<void> {
    await this.begin();
    // Most are short, so that much comes early; some are long, so that segments come and go.
    const long = this.random.chance(0.1);
    const steps = this.options.steps ?? (long ? this.random.between(150, 400) : this.random.between(20, 90));
    const faultAt = this.random.below(steps);
    for (let i = 0; i < steps && this.failures.length === 0; i++) {
      if (i === faultAt) this.arm();
      await this.step();
      await this.ticks(this.random.below(4));
    }
    if (this.failures.length > 0) return;
    this.disarm();
    if (this.random.chance(0.5)) await this.drain();
    await this.end(this.random.chance(0.5));
    await this.begin();
  }

  /** Gives the disk and the broker some turns. */
  private async ticks(n: number): Promise<void> {
    for (let i = 0; i < n; i++) {
      for (let k = this.random.below(4); k > 0; k--) this.disk.step();
      await immediately();
      this.turn++;
      if (this.failures.length > 0) throw new Wrong();
    }
  }

  /** Until `done`; the disk answers whatever is asked. */
  private async until(done: () => boolean, what: () => string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (i === TICKS_MAX) this.demand(false, () => `it never came to be: ${what()}`);
      this.disk.step();
      await immediately();
      this.turn++;
      if (this.failures.length > 0) throw new Wrong();
    }
  }

  /** Until nobody has anything to do. */
  private async quiet(): Promise<void> {
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
    for (const { unit, copy } of life.dying) {
      if (copy !== undefined) copy.doubtful = false;
      life.asked.push(unit);
    }
    life.dying = [];
  }

  private arm(): void {
    const { disk, random, fault } = this;
    this.trace(`fault armed: ${fault}`);
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

  private disarm(): void {
    this.disk.fails = () => false;
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
  }

  // -------------------------------------------------------------------------------------------------- life and death

  /** Starts a broker and judges what it has kept. Some starts are cut short, and some brokers are never asked. */
  private async begin(): Promise<void> {
    for (;;) {
      const broker = await this.start();
      if (broker === undefined) continue;
      this.life = new Life(broker, this);
      this.counts.lives++;
      this.outOfReach = false;
      if (this.random.chance(0.25)) {
        this.trace('nobody looks');
        await this.ticks(this.random.below(6));
        await this.end(this.random.chance(0.5));
        continue;
      }
      await this.judge();
      return;
    }
  }

  private async start(): Promise<Broker | undefined> {
    const files = this.options.sabotage?.(this.disk) ?? this.disk;
    const cutShort = this.random.chance(0.08) ? this.random.below(30) : Number.POSITIVE_INFINITY;
    let broker: Broker | undefined;
    let refused: Error | undefined;
    let dead = false;
    Life.start(files, this.clock, this.layout, (text) => this.trace(`broker: ${text}`)).then(
      (started) => {
        broker = started;
      },
      (error: Error) => {
        if (!dead) refused = error;
      },
    );
    for (let i = 0; broker === undefined && refused === undefined; i++) {
      if (i >= cutShort) {
        dead = true;
        this.trace('dies while it starts');
        this.faults.crashesInRecovery++;
        // Whether anything was handed out in that short life, the next one cannot know.
        for (const queue of this.queues.values()) for (const copy of queue.copies) copy.mayBeMarked = true;
        this.disk = this.disk.crash(this.random.chance(0.7));
        return undefined;
      }
      this.demand(i < TICKS_MAX, () => 'the broker does not start');
      this.disk.step();
      await immediately();
      this.turn++;
    }
    this.trace(refused === undefined ? 'started' : `did not start: ${refused.message}`);
    this.demand(refused === undefined, () => `the broker does not start: ${refused!.stack}`);
    return broker;
  }

  /** The broker stops in order or dies; the model keeps what may be there afterwards. */
  private async end(inOrder: boolean): Promise<void> {
    const life = this.life!;
    const { random } = this;
    let stopped = false;
    if (inOrder) {
      const cutShort = random.chance(0.3) ? random.below(40) : TICKS_MAX;
      life.broker.close().then(() => {
        stopped = true;
      });
      for (let i = 0; !stopped && i < cutShort; i++) {
        this.disk.step();
        if (i % 20 === 0) this.clock.advance(TICK_MS);
        await immediately();
        this.turn++;
      }
      this.demand(stopped || cutShort < TICKS_MAX, () => 'the broker does not stop');
    }
    life.alive = false;
    this.life = undefined;
    // A stop on a full disk ends as well as it can: what it had no room for may be lost, as after a kill.
    const full = this.disk.capacityBytes < Number.POSITIVE_INFINITY;
    const clean = stopped && !full && life.broker.failure === undefined;
    // After a failed sync only a power failure is a fair test: see disk.ts.
    const power = this.disk.broken || random.chance(0.7);
    this.trace(clean ? 'stopped' : power ? 'power failure' : 'killed');
    this.counts.segmentsReclaimed += this.disk.reclaimed;
    this.counts.segmentsCompacted += this.disk.compacted;
    this.disk = this.disk.crash(power);
    this.largeReads = 0;
    if (clean) for (const unit of life.asked) unit.certain = true;
    for (const queue of this.queues.values()) {
      if (!queue.durable) queue.copies = [];
      queue.copies = queue.copies.filter((copy) => copy.durable);
      for (const copy of queue.copies) {
        copy.slot = -1;
        copy.doubtful = false;
        if (!clean) copy.mayBeMarked = true;
      }
    }
  }

  private get logFailed(): boolean {
    return this.life!.broker.failure !== undefined;
  }

  // --------------------------------------------------------------------------------------------------------- judging

  private async judge(): Promise<void> {
    const { life } = this;
    const { session } = life!;
    const evidence = new Evidence();
    this.counts.judged++;
    const found = new Map<ModelQueue, Copy[]>();
    for (const queue of this.queues.values()) {
      if (!queue.durable) continue;
      const there = session.queueExists(queue.name);
      if (queue.name !== DEAD) {
        this.register(`queue ${queue.name}`).found(there ? 'there' : 'gone', evidence);
        const bound = there && session.bindings(queue.name).some((binding) => binding.exchange === 'fan');
        this.register(`fan to ${queue.name}`).found(bound ? 'yes' : 'no', evidence);
      }
      found.set(queue, there ? await this.take(queue, evidence) : []);
    }
    for (const [name, register] of this.registers) {
      if (name.startsWith('state ')) register.found(session.state.get(name.slice(6))?.toString() ?? '', evidence);
    }
    await this.judgeRetained(evidence);
    for (const [queue, copies] of found) {
      for (const copy of queue.copies) if (!copies.includes(copy)) evidence.absent(copy, queue.name);
    }
    for (const failure of evidence.judge()) this.wrong(failure);
    if (this.failures.length > 0) throw new Wrong();
    for (const [queue, copies] of found) this.adopt(queue, copies);
    this.settleIn();
  }

  /** Everything that waits in a queue, in the order in which it comes. */
  private async take(queue: ModelQueue, evidence: Evidence): Promise<Copy[]> {
    const life = this.life!;
    const count = life.session.checkQueue(queue.name).messages;
    const taken: Copy[] = [];
    const keys = new Set<string>();
    const reader = new Reader(life, queue, false);
    let seen = 0;
    let last = -1;
    reader.deliver = (view: MessageView): void => {
      seen++;
      const key = keyOf(view);
      // The latest of that name: one that was given up may have been sent again.
      const at = queue.copies.findLastIndex((copy) => copy.key === key);
      const copy = queue.copies[at];
      if (copy === undefined) {
        evidence.wrong(`${key} in ${queue.name}: ${queue.gone.has(key) ? 'it was settled for good' : 'a phantom'}`);
        return;
      }
      const what = `${key} in ${queue.name}`;
      if (keys.has(key)) evidence.wrong(`${what} came twice`);
      keys.add(key);
      taken.push(copy);
      if (queue.ordered && at < last) evidence.wrong(`${what} is out of order`);
      last = at;
      if (copy.death?.certain === true) evidence.wrong(`${what} came back though '${copy.death.text}' was confirmed`);
      else {
        evidence.happened(copy.birth, what);
        if (copy.death !== undefined) evidence.missing(copy.death, `the end of ${what}`);
      }
      this.judgeView(copy, view, what);
      if (view.attempts < copy.attemptsSafe || view.attempts > copy.attempts) {
        evidence.wrong(`${what} says ${view.attempts} attempts, not ${copy.attemptsSafe} to ${copy.attempts}`);
      }
      copy.foundAttempts(view.attempts);
    };
    const options = { tag: 'judge', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = life.session.consume(queue.name, options, reader, { congested: false });
    await this.until(
      () => seen === count && this.largeReads === 0,
      () => `${seen} of ${count} messages of ${queue.name} came after the restart`,
    );
    consumer.cancel(RELEASED);
    return taken;
  }

  /** What a delivery says must fit what was published and what happened to it since. */
  private judgeView(copy: Copy, view: MessageView, what: string): void {
    if (copy.delivered && !view.redelivered) this.wrong(`${what} has been handed out before and is not marked`);
    if (!copy.delivered && !copy.mayBeMarked && view.redelivered) {
      this.wrong(`${what} is marked redelivered and nobody has seen it`);
    }
    const wanted = bodyBytes(copy.body);
    if (copy.body.large !== (view.large !== null)) this.wrong(`${what} is ${copy.body.large ? 'not ' : ''}large`);
    else if (view.large !== null) this.readLarge(view, wanted, what);
    else if (view.body.latin1Slice(view.bodyStart, view.bodyEnd) !== wanted)
      this.wrong(`the body of ${what} has changed`);
  }

  private readLarge(view: MessageView, wanted: string, what: string): void {
    const life = this.life!;
    const reader = life.session.readBody(view.large!);
    const pieces: string[] = [];
    this.largeReads++;
    const go = (): void => {
      if (!life.alive) return;
      while (reader.next(10_000)) pieces.push(reader.buffer.latin1Slice(reader.start, reader.end));
      if (reader.remaining > 0) return;
      reader.close();
      this.largeReads--;
      if (pieces.join('') !== wanted) this.wrong(`the body of ${what} has changed`);
    };
    reader.onReady = go;
    reader.onError = (error) => {
      if (!life.alive) return;
      this.largeReads--;
      if (!this.outOfReach) this.wrong(`the body of ${what} cannot be read: ${error.message}`);
    };
    go();
  }

  private async judgeRetained(evidence: Evidence): Promise<void> {
    const { session } = this.life!;
    const options = { durable: false, exclusive: true, autoDelete: false, arguments: [] };
    const { name } = session.declareQueue('', options);
    const count = session.replayRetained(name, '#', BIND);
    const kept = new Map<string, string>();
    let seen = 0;
    const reader = new Reader(this.life!, new ModelQueue(name, false, false), true);
    reader.deliver = (view: MessageView): void => {
      seen++;
      const id = keyOf(view);
      const body = this.bodies.get(id);
      kept.set(view.key(), id);
      if (body === undefined) this.wrong(`retained: ${id} was never published`);
      else if (view.large === null && view.body.latin1Slice(view.bodyStart, view.bodyEnd) !== bodyBytes(body)) {
        this.wrong(`the retained body of ${id} has changed`);
      }
    };
    const all = { tag: 'judge', settled: true, exclusive: false, prefetch: 0, arguments: [] };
    session.consume(name, all, reader, { congested: false });
    await this.until(
      () => seen === count,
      () => `${seen} of ${count} retained messages came`,
    );
    session.deleteQueue(name, false, false);
    for (let i = 0; i < 3; i++) this.register(`retained t.${i}`).found(kept.get(`t.${i}`) ?? '', evidence);
  }

  /** What was found is what there is, from now on. */
  private adopt(queue: ModelQueue, copies: readonly Copy[]): void {
    for (const copy of queue.copies) if (!copies.includes(copy)) queue.gone.add(copy.key);
    queue.copies = queue.copies.filter((copy) => copies.includes(copy));
    for (const copy of queue.copies) {
      copy.birth.certain = true;
      copy.death = undefined;
      copy.delivered = true;
    }
  }

  /** What every client does first: declares what it needs. */
  private settleIn(): void {
    const { session } = this.life!;
    session.declareExchange('fan', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    session.declareQueue(DEAD, { ...DURABLE, arguments: [] });
    session.declareQueue(TEMP, { ...DURABLE, durable: false, arguments: [] });
    session.bindQueue(TEMP, 'fan', '', BIND);
    for (const name of WORKERS) if (!this.exists(name)) this.declareWorker(name);
    if (session.bindings('q2').every(({ exchange }) => exchange !== 'amq.topic')) {
      session.bindQueue('q2', 'amq.topic', 't.#', BIND);
    }
  }

  private declareWorker(name: string): void {
    const dead = [
      { name: 'x-dead-letter-exchange', value: '' },
      { name: 'x-dead-letter-routing-key', value: DEAD },
    ];
    this.life!.session.declareQueue(name, { ...DURABLE, arguments: dead });
    this.register(`queue ${name}`).set('there', this.ask(`declaring ${name}`));
  }

  // ----------------------------------------------------------------------------------------------------------- steps

  private ask(text: string): Unit {
    const unit = new Unit(this.turn, `${text} (turn ${this.turn})`);
    this.life!.asked.push(unit);
    return unit;
  }

  private whenSafe(mark: number, unit: Unit): void {
    const life = this.life!;
    life.session.whenSafe(mark, (failed) => {
      if (life.alive && !failed) unit.certain = true;
    });
  }

  private async step(): Promise<void> {
    const step = this.random.weighted<() => void | Promise<void>>(this.choices);
    await step();
    for (const queue of this.queues.values()) this.tidy(queue);
    const { failure } = this.life!.broker;
    if (failure !== undefined && !this.disk.broken && this.fault === 'full')
      this.wrong(`a full disk is fatal: ${failure}`);
  }

  private readonly choices: readonly (readonly [number, () => void | Promise<void>])[] = [
    [16, () => this.publishSome()],
    [8, () => this.fanOut()],
    [4, () => this.retain()],
    [4, () => this.exactlyOnce()],
    [8, () => this.consumeSome()],
    [18, () => this.settleSome()],
    [4, () => this.transact()],
    [4, () => this.keepState()],
    [3, () => this.bindOrNot()],
    [1, () => this.purge()],
    [1, () => this.remove()],
    [2, () => this.leave()],
    [8, () => this.certify()],
    [2, () => this.reconnect()],
    [6, () => this.ticks(this.random.between(1, 20))],
    [4, () => this.rest()],
    [3, () => this.clock.advance(this.random.between(20, 2_000))],
    [4, () => this.dieOrStop()],
  ];

  /** Forgets copies that are gone for certain. */
  private tidy(queue: ModelQueue): void {
    const { copies } = queue;
    if (!copies.some((copy) => copy.death?.certain === true)) return;
    for (const copy of copies) if (copy.death?.certain === true) queue.gone.add(copy.key);
    queue.copies = copies.filter((copy) => copy.death?.certain !== true);
  }

  private body(assurance: Assurance): Body {
    const id = `m${this.nextId++}`;
    const large = this.large && assurance > 0 && this.random.chance(0.2);
    const max = this.layout.blockBytes! - 400;
    const size = large
      ? this.random.between(40_000, 150_000)
      : this.random.weighted([
          [8, this.random.between(8, 100)],
          [this.bulky ? 12 : 3, this.random.between(8, Math.min(3000, max))],
        ]);
    const body = { id, size, large, assurance };
    this.bodies.set(id, body);
    return body;
  }

  private assurance(): Assurance {
    return this.random.weighted<Assurance>([
      [2, 0],
      [8, 1],
      [1, 2],
    ]);
  }

  /** Publishes one message; `unit` if it belongs to a larger one. Undefined if the broker would not take it. */
  private send(exchange: string, key: string, body: Body, targets: readonly string[], retain: boolean, within?: Unit) {
    const life = this.life!;
    const { session } = life;
    const keyBytes = Buffer.from(key);
    const route = session.route(exchange, 0, keyBytes, 0, keyBytes.length);
    const { draft } = this;
    draft.reset();
    draft.dialect = 9;
    draft.assurance = body.assurance;
    draft.retain = retain;
    draft.props = Buffer.from(body.id, 'latin1');
    draft.propsEnd = draft.props.length;
    const bytes = Buffer.from(bodyBytes(body), 'latin1');
    if (body.large) {
      const writer = session.openBody(bytes.length, body.assurance > 0 || retain);
      for (let at = 0; at < bytes.length; at += 4000) writer.append(bytes, at, Math.min(bytes.length, at + 4000));
      draft.large = writer;
    } else {
      draft.body = bytes;
      draft.bodyEnd = bytes.length;
    }
    const failed = this.logFailed;
    const mark = session.publish(route, draft);
    this.demand(failed === mark < 0, () => `publish gave ${mark} though the log has ${failed ? '' : 'not '}failed`);
    if (mark < 0) return undefined;
    this.demand(
      draft.routed === targets.length,
      () => `${body.id} went to ${draft.routed} queues, not to ${targets.join()}`,
    );
    this.counts.published++;
    const unit = within ?? this.ask(`publishing ${body.id}`);
    const durable = retain || (body.assurance > 0 && targets.some((name) => this.queue(name).durable));
    for (const name of targets) {
      const queue = this.queue(name);
      const held = durable && queue.durable && body.assurance === 2;
      queue.copies.push(new Copy(body, body.id, unit, durable && queue.durable, held));
    }
    if (retain && key.startsWith('t.')) this.register(`retained ${key}`).set(body.size === 0 ? '' : body.id, unit);
    if (within === undefined) {
      life.awaitConfirm(unit, mark);
      // Its publisher may be gone by the time it is safe, and its consumers get it all the same.
      if (body.assurance === 2) this.whenSafe(mark, unit);
    }
    this.trace(
      `publish ${body.id} (${body.size} bytes, assurance ${body.assurance}) to ${targets.join()}, mark ${mark}`,
    );
    return unit;
  }

  private get holdsBack(): boolean {
    return this.life!.session.congested;
  }

  private publishSome(): void {
    if (this.holdsBack) return;
    const name = this.random.weighted<string>([
      [5, 'q0'],
      [4, 'q1'],
      [2, 'q2'],
      [1, TEMP],
    ]);
    if (!this.exists(name)) return;
    for (
      let i = this.random.weighted([
        [3, 1],
        [2, this.random.between(1, 20)],
      ]);
      i > 0;
      i--
    ) {
      if (this.queue(name).copies.length >= COPIES_MAX) return;
      this.send('', name, this.body(this.assurance()), [name], false);
    }
  }

  private get fanTargets(): string[] {
    return [TEMP, ...WORKERS.filter((name) => this.register(`fan to ${name}`).value === 'yes')];
  }

  private fanOut(): void {
    const targets = this.fanTargets;
    if (this.holdsBack || targets.some((name) => this.queue(name).copies.length >= COPIES_MAX)) return;
    this.send('fan', 'k', this.body(this.assurance()), targets, false);
  }

  private retain(): void {
    if (this.holdsBack || !this.exists('q2') || this.queue('q2').copies.length >= COPIES_MAX) return;
    const key = `t.${this.nextTopicKey++ % 3}`;
    const body = this.random.chance(0.25) ? this.nothing() : this.body(this.assurance());
    this.send('amq.topic', key, body, this.topicBound ? ['q2'] : [], true);
  }

  /** An empty body removes what is retained; in a queue it is a message as any other. */
  private nothing(): Body {
    const body = { id: `m${this.nextId++}`, size: 0, large: false, assurance: 1 as const };
    this.bodies.set(body.id, body);
    return body;
  }

  private get topicBound(): boolean {
    return this.life!.session.bindings('q2').some(({ exchange }) => exchange === 'amq.topic');
  }

  /** A message and the number it is known by, together; delivered only when both are safe. */
  private exactlyOnce(): void {
    if (this.holdsBack || this.logFailed || !this.exists('q0')) return;
    if (this.queue('q0').copies.length >= COPIES_MAX) return;
    const { session } = this.life!;
    const key = `k${this.random.below(4)}`;
    const body = this.body(2);
    const unit = this.ask(`receiving ${body.id} exactly once`);
    session.beginUnit();
    const first = this.random.chance(0.5);
    const put = (): void => {
      session.state.put(key, Buffer.from(body.id));
      this.register(`state ${key}`).set(body.id, unit);
    };
    if (first) put();
    this.send('', 'q0', body, ['q0'], false, unit);
    if (!first) put();
    this.whenSafe(session.endUnit(), unit);
  }

  private consumeSome(): void {
    const name = this.random.pick([...WORKERS, ...WORKERS, DEAD, TEMP]);
    if (!this.exists(name)) return;
    const life = this.life!;
    if ([...life.readers].filter((reader) => reader.queue.name === name).length > 2) return;
    const settled = this.random.chance(0.2);
    life.consume(this.queue(name), settled, this.random.pick([1, 3, 10, 40]));
    this.trace(`consume from ${name}${settled ? ', settled' : ''}`);
  }

  delivered(reader: Reader, view: MessageView, slot: number): void {
    const { queue } = reader;
    const key = keyOf(view);
    const copy = queue.find(key);
    const what = `${key} from ${queue.name}`;
    this.counts.delivered++;
    this.trace(`delivered ${what}`);
    if (copy === undefined) {
      const known = queue.gone.has(key) || queue.copies.some((c) => c.key === key);
      this.wrong(`${what}: ${known ? 'it was settled' : 'a phantom'}`);
      return;
    }
    if (copy.slot >= 0) this.wrong(`${what}: it is held already`);
    if (queue.ordered && !this.outOfReach) {
      const before = queue.copies.find((other) => other === copy || other.available);
      if (before !== copy) this.wrong(`${what} came before ${before!.key}`);
    }
    if (view.attempts !== copy.attempts) this.wrong(`${what} says ${view.attempts} attempts, not ${copy.attempts}`);
    // It is not delivered before it is safe, so from now on it must be.
    if (copy.exactlyOnce && !copy.birth.certain) this.wrong(`${what}: handed out before it was safe`);
    this.judgeView(copy, view, what);
    copy.delivered = true;
    copy.doubtful = false;
    if (reader.settled) this.die(queue, copy, this.ask(`handing out ${what} settled`));
    else {
      copy.slot = slot;
      reader.held.push(copy);
    }
  }

  private die(queue: ModelQueue, copy: Copy, unit: Unit): void {
    this.counts.settled++;
    copy.death = unit;
    if (copy.durable) return;
    queue.copies.splice(queue.copies.indexOf(copy), 1);
    queue.gone.add(copy.key);
  }

  private settleSome(): void {
    const readers = [...this.life!.readers].filter((reader) => reader.held.length > 0);
    if (readers.length === 0) return;
    const { random } = this;
    const reader = random.pick(readers);
    const outcome = random.weighted<Outcome>([
      [7, ACCEPTED],
      [1, REJECTED],
      [1, RELEASED],
      [1, MODIFIED],
    ]);
    const some = random.chance(0.5)
      ? [random.pick(reader.held)]
      : random.chance(0.5)
        ? [...reader.held]
        : reader.held.slice(0, 3);
    this.trace(`settle ${some.map((copy) => copy.key).join()} of ${reader.queue.name}: ${outcome}`);
    for (const copy of some) this.settle(reader, copy, outcome);
  }

  private settle(reader: Reader, copy: Copy, outcome: Outcome): void {
    this.before(reader.queue, copy, outcome);
    reader.settle(copy, outcome);
  }

  /** What the model makes of a settlement. */
  private before(queue: ModelQueue, copy: Copy, outcome: Outcome): void {
    if (outcome === MODIFIED) copy.attempt(this.ask(`giving ${copy.key} back to ${queue.name}`));
    if (outcome === ACCEPTED) this.die(queue, copy, this.ask(`settling ${copy.key} of ${queue.name}`));
    if (outcome === REJECTED) this.bury(queue, copy);
  }

  /** A new message among the dead letters, and the end of this one; when, is for the broker to say. */
  private bury(queue: ModelQueue, copy: Copy): void {
    const unit = new Unit(Number.NaN, `rejecting ${copy.key} of ${queue.name} (turn ${this.turn})`);
    const dead = this.queue(DEAD);
    // Dead letters of dead letters, and those of a failed log, are dropped.
    if (queue === dead || queue.name === TEMP || this.logFailed) {
      this.die(queue, copy, unit);
      this.life!.dying.push({ unit, copy: undefined });
      if (this.logFailed) this.outOfReach = true;
      return;
    }
    const { body } = copy;
    const letter = new Copy(body, `${copy.key}@${queue.name}`, unit, body.assurance > 0, false);
    letter.doubtful = true;
    letter.mayBeMarked = false;
    dead.copies.push(letter);
    this.life!.dying.push({ unit, copy: letter });
    this.die(queue, copy, unit);
  }

  private transact(): void {
    const life = this.life!;
    if (this.holdsBack || this.logFailed) return;
    const unit = this.ask('a transaction');
    const tx = life.session.transaction();
    const publishes: { body: Body; name: string }[] = [];
    for (let i = this.random.between(1, 3); i > 0; i--) {
      const name = this.random.pick(WORKERS);
      if (!this.exists(name) || this.queue(name).copies.length >= COPIES_MAX) continue;
      const body = { ...this.body(1), large: false };
      if (body.size > 4000) continue;
      this.bodies.set(body.id, body);
      const draft = new Draft();
      draft.dialect = 9;
      draft.assurance = 1;
      draft.props = Buffer.from(body.id, 'latin1');
      draft.propsEnd = draft.props.length;
      draft.body = Buffer.from(bodyBytes(body), 'latin1');
      draft.bodyEnd = draft.body.length;
      tx.publish(life.session.route('', 0, Buffer.from(name), 0, name.length), draft);
      publishes.push({ body, name });
    }
    const settled: [Reader, Copy][] = [];
    for (const reader of life.readers) {
      for (const copy of reader.held.slice(0, this.random.below(3))) {
        tx.settle(reader.consumer, copy.slot, ACCEPTED);
        settled.push([reader, copy]);
      }
    }
    for (const [reader, copy] of settled) {
      reader.held.splice(reader.held.indexOf(copy), 1);
      copy.slot = -1;
      this.die(reader.queue, copy, unit);
    }
    for (const { body, name } of publishes) this.queue(name).copies.push(new Copy(body, body.id, unit, true, false));
    const mark = tx.commit();
    this.demand(mark >= 0, () => 'the transaction was refused');
    this.trace(
      `transaction: ${publishes.map(({ body, name }) => `${body.id} to ${name}`)}; settles ${settled.map(([, c]) => c.key)}`,
    );
    this.whenSafe(mark, unit);
  }

  private keepState(): void {
    if (this.logFailed) return;
    const key = `k${this.random.below(4)}`;
    const { state } = this.life!.session;
    const register = this.register(`state ${key}`);
    if (this.random.chance(0.25)) {
      if (register.value === '') return;
      state.delete(key);
      register.set('', this.ask(`deleting state ${key}`));
    } else {
      const value = `v${this.nextId++}`;
      state.put(key, Buffer.from(value));
      register.set(value, this.ask(`keeping state ${key}`));
    }
  }

  private bindOrNot(): void {
    const name = this.random.pick(WORKERS);
    if (this.logFailed || !this.exists(name)) return;
    const { session } = this.life!;
    const register = this.register(`fan to ${name}`);
    if (register.value === 'no') {
      session.bindQueue(name, 'fan', '', BIND);
      register.set('yes', this.ask(`binding ${name}`));
    } else {
      session.unbindQueue(name, 'fan', '', BIND);
      register.set('no', this.ask(`unbinding ${name}`));
    }
  }

  private async purge(): Promise<void> {
    await this.quiet();
    const queue = this.queue(this.random.pick(WORKERS));
    if (this.logFailed || this.outOfReach || !this.exists(queue.name)) return;
    const gone = queue.copies.filter((copy) => copy.available);
    const { messages } = this.life!.session.purgeQueue(queue.name);
    this.demand(messages === gone.length, () => `${messages} were purged from ${queue.name}, not ${gone.length}`);
    const unit = this.ask(`purging ${queue.name}`);
    this.trace(`purge ${queue.name}`);
    for (const copy of gone) this.die(queue, copy, unit);
  }

  private async remove(): Promise<void> {
    await this.quiet();
    const name = this.random.pick(WORKERS);
    if (this.logFailed || this.outOfReach || !this.exists(name)) return;
    const queue = this.queue(name);
    const unit = this.ask(`deleting ${name}`);
    this.trace(`delete ${name}`);
    this.life!.session.deleteQueue(name, false, false);
    this.register(`queue ${name}`).set('gone', unit);
    this.register(`fan to ${name}`).set('no', unit);
    for (const copy of queue.alive()) {
      copy.slot = -1;
      this.die(queue, copy, unit);
    }
    if (this.random.chance(0.5)) await this.ticks(3);
    this.declareWorker(name);
  }

  /** A consumer goes; what it held is given back. */
  private leave(): void {
    const { readers } = this.life!;
    if (readers.size === 0) return;
    const reader = this.random.pick([...readers]);
    const outcome = this.random.pick<Outcome>([RELEASED, MODIFIED]);
    this.trace(`a consumer of ${reader.queue.name} leaves: ${outcome}`);
    this.giveBack(reader, outcome);
    readers.delete(reader);
    reader.consumer.cancel(outcome);
  }

  private giveBack(reader: Reader, outcome: Outcome): void {
    for (const copy of reader.held) {
      copy.slot = -1;
      this.before(reader.queue, copy, outcome);
    }
    reader.held.length = 0;
  }

  private reconnect(): void {
    const life = this.life!;
    const inOrder = this.random.chance(0.5);
    this.trace(inOrder ? 'the client leaves' : 'the client is lost');
    for (const reader of life.readers) this.giveBack(reader, inOrder ? RELEASED : MODIFIED);
    life.reconnect(inOrder);
  }

  private certify(): void {
    const turn = this.turn;
    this.trace('asks what is safe');
    this.life!.certify(() => this.trace(`what was asked for until turn ${turn} is decided`));
  }

  confirmed(unit: Unit, refused: boolean): void {
    if (refused) {
      if (!this.logFailed) this.wrong(`'${unit.text}' was refused though the log is well`);
      return;
    }
    this.counts.confirmed++;
    unit.certain = true;
  }

  /** Everything comes to rest; then the broker's figures must be the model's. */
  private async rest(): Promise<void> {
    await this.quiet();
    if (this.outOfReach || this.logFailed) return;
    for (const queue of this.queues.values()) {
      if (!this.exists(queue.name)) continue;
      const { messages } = this.life!.session.checkQueue(queue.name);
      const wanted = queue.copies.filter((copy) => copy.available).length;
      this.demand(messages === wanted, () => `${messages} messages wait in ${queue.name}, not ${wanted}`);
    }
    const unconfirmed = (): number => this.life!.unconfirmed;
    if (this.fault === 'full' && (unconfirmed() > 0 || this.holdsBack)) await this.makeRoom();
    this.demand(unconfirmed() === 0, () => `${unconfirmed()} publishes were never confirmed`);
  }

  /** A full disk gets room: what waited must go on, by itself. */
  private async makeRoom(): Promise<void> {
    this.trace('the disk has room again');
    this.disk.capacityBytes = Number.POSITIVE_INFINITY;
    for (let seconds = 0; seconds < 5; seconds++) {
      this.clock.advance(1000);
      await this.quiet();
    }
    this.demand(!this.holdsBack, () => 'publishers are still held back though the disk has room again');
  }

  /** Everything that waits can be had. */
  private async drain(): Promise<void> {
    await this.rest();
    if (this.outOfReach || this.logFailed) return;
    for (const queue of this.queues.values()) this.life!.consume(queue, false, 0);
    const waits = (): number => {
      let n = 0;
      for (const queue of this.queues.values()) for (const copy of queue.copies) if (copy.available) n++;
      return n;
    };
    await this.until(
      () => waits() === 0,
      () => `${waits()} messages are not handed out`,
    );
    for (const reader of this.life!.readers) for (const copy of [...reader.held]) this.settle(reader, copy, ACCEPTED);
    if (this.random.chance(0.5)) this.certify();
    await this.rest();
  }

  private async dieOrStop(): Promise<void> {
    await this.end(this.random.chance(0.25));
    this.disarm();
    await this.begin();
  }
}

/** A message's id, which it carries as its properties, and where it died. */
function keyOf(view: MessageView): string {
  const id = view.props.latin1Slice(view.propsStart, view.propsEnd);
  const deaths = decodeAnnotations(view.notes, view.notesStart, view.notesEnd)?.deaths ?? [];
  return [id, ...deaths.map((death) => death.queue)].join('@');
}
