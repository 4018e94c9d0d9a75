/**
 * A random history: a broker and a model of it side by side, on a disk that tears, forgets and fails, through lives that
 * end in order, by a kill or by a power failure, at any point, in the midst of starting and stopping as well. After each
 * death the broker must be what the model says it can be. Everything follows from the seed.
 *
 *     begin ──▶ judge ──▶ step, step, … ──▶ end: stopped, killed, without power ──▶ begin …
 */
import { ACCEPTED, RELEASED } from '../../../src/api/index.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { TICK_MS } from '../../../src/clock/clock.ts';
import { Log } from '../../../src/log/log.ts';
import { Life, Watch, type Witness } from '../world/life.ts';
import type { ModelQueue } from '../world/model.ts';
import { type HistoryOptions, type HistoryReport, immediately, TICKS_MAX, Wrong } from '../world/world.ts';
import { Consuming } from './consuming.ts';

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

class History extends Consuming implements Witness {
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
    const watch = new Watch(this.names, (queue, key, reason) => this.ended(queue, key, reason));
    this.watch = watch;
    const told = (text: string): void => this.trace(`broker: ${text}`);
    Life.start(files, this.clock, this.layout, told, watch, this.durability).then(
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
        this.bequeath(false);
        this.disk = this.disk.crash(this.random.chance(0.7) && this.mayLosePower(false));
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
      // What consumers hold goes back, and may be too old or too much by now.
      for (const reader of life.readers) for (const copy of reader.held) copy.slot = -1;
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
    life.namesTaken(this.names);
    this.life = undefined;
    // A stop on a full disk ends as well as it can: what it had no room for may be lost, as after a kill.
    const clean = stopped && !this.ranFull && life.broker.failure === undefined;
    // After a failed sync only a power failure is a fair test: see world/disk.ts.
    const power = this.disk.broken || (random.chance(0.7) && this.mayLosePower(clean));
    this.trace(`${stopped ? 'stopped, then ' : ''}${power ? 'power failure' : 'killed'}`);
    this.counts.segmentsReclaimed += this.disk.reclaimed;
    this.counts.segmentsCompacted += this.disk.compacted;
    this.disk = this.disk.crash(power);
    this.largeReads = 0;
    this.ranFull = false;
    if (clean) for (const unit of life.asked) unit.certain = true;
    this.bequeath(clean);
  }

  /** What a life leaves to the next. */
  private bequeath(clean: boolean): void {
    this.watch!.alive = false;
    this.dying = [];
    for (const queue of this.queues.values()) {
      if (!queue.durable) queue.copies = [];
      queue.copies = queue.copies.filter((copy) => copy.durable);
      for (const copy of queue.copies) {
        copy.slot = -1;
        copy.doubtful = false;
        copy.birth.past = true;
        if (copy.death !== undefined) copy.death.past = true;
        if (!clean) copy.mayBeMarked = true;
        if (!copy.letter) continue;
        // What a message is to become when it has died is made anew if the crash took it.
        copy.delivered = false;
        copy.mayBeMarked = true;
      }
    }
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
    [4, () => this.suspendOrResume()],
    [6, () => this.ticks(this.random.between(1, 20))],
    [4, () => this.rest()],
    [6, () => this.pass()],
    [4, () => this.dieOrStop()],
  ];

  /** Time passes between turns: the broker takes it once a turn. */
  private async pass(): Promise<void> {
    await this.ticks(2);
    const ms = this.random.between(20, 2_000);
    this.trace(`${ms} ms pass`);
    this.clock.advance(ms);
    await this.ticks(2);
  }

  /** Forgets copies that are gone for certain. */
  private tidy(queue: ModelQueue): void {
    const { copies } = queue;
    if (!copies.some((copy) => copy.death?.certain === true)) return;
    for (const copy of copies) if (copy.death?.certain === true) queue.gone.add(copy.key);
    queue.copies = copies.filter((copy) => copy.death?.certain !== true);
  }

  /** Everything comes to rest; then the broker's figures must be the model's. */
  private async rest(): Promise<void> {
    await this.quiet();
    if (this.outOfReach || this.logFailed) return;
    // Whoever looks makes it end what it has to.
    for (const name of this.queues.keys()) if (this.exists(name)) this.life!.session.checkQueue(name);
    await this.quiet();
    if (this.outOfReach || this.logFailed) return;
    for (const queue of this.queues.values()) {
      if (!this.exists(queue.name)) continue;
      const head = queue.first((copy) => copy.available);
      if (head !== undefined && head.expiresAtMs <= this.clock.epochMs())
        this.wrong(`${head.key} is too old for ${queue.name}`);
      if (!queue.terms.rejects && queue.overfull(false)) this.wrong(`${queue.name} holds more than it may`);
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
    for (const reader of this.life!.readers) if (reader.suspended) this.dismiss(reader, RELEASED);
    // One that is served alone would keep the others from it.
    for (const reader of this.life!.readers) {
      if (reader.queue.terms.single) this.dismiss(reader, RELEASED);
    }
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
