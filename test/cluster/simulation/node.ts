/**
 * A node of the simulated cluster: a disk, a clock, an engine, a `Member`; and a log whose owner is a ledger of numbers: some come, some
 * are settled. What it confirms is told to the history that judges.
 */
import { type Clock, TICK_MS, type Timer, TimerWheel } from '../../../src/clock/clock.ts';
import { Turn } from '../../../src/clock/turn.ts';
import type { ClusterEvent } from '../../../src/cluster/events.ts';
import { type Leadership, Member } from '../../../src/cluster/member.ts';
import { Log } from '../../../src/log/log.ts';
import type { Replay } from '../../../src/log/recover/unit-replay.ts';
import { Sequence } from '../../../src/log/sequence.ts';
import type { SimulatedDisk } from '../../simulation/world/disk.ts';
import { FakeEngine, type FakeServers } from '../fake/engine.ts';

export const DIRECTORY = '/log';
const COMES = 1;
const SETTLED = 128;
const STATE = 129;
const BLOCK_BYTES = 1024;
const SEGMENT_BYTES = 4 * BLOCK_BYTES;

/** The time of the world. */
export interface World {
  nowMs: number;
}

/** A machine's clock: the wall's may jump, the monotonic one does not, and timers wait while the process does not run. */
export class NodeClock implements Clock {
  jumpMs = 0;
  private readonly world: World;
  private readonly wheel = new TimerWheel();
  private readonly startMs: number;

  constructor(world: World) {
    this.world = world;
    this.startMs = world.nowMs;
  }

  epochMs(): number {
    return 1_700_000_000_000 + this.world.nowMs + this.jumpMs;
  }

  monotonicMs(): number {
    return this.world.nowMs;
  }

  schedule(timer: Timer, delayMs: number): void {
    const lagMs = this.world.nowMs - this.startMs - this.wheel.currentTick * TICK_MS;
    this.wheel.schedule(timer, delayMs + Math.max(0, lagMs));
  }

  scheduleFine(timer: Timer, delayMs: number): void {
    this.schedule(timer, delayMs);
  }

  cancel(timer: Timer): void {
    this.wheel.cancel(timer);
  }

  run(): void {
    this.wheel.advanceTo(Math.floor((this.world.nowMs - this.startMs) / TICK_MS));
  }

  stop(): void {}
}

/** What the judge is told. */
export interface Judge {
  /** `number` was confirmed to whoever sent it, by this leadership. */
  confirmed(kind: 'comes' | 'settled', number: number, node: Life): void;
  /** This is what a node has recovered that leads from here on. */
  leads(present: ReadonlySet<number>, node: Life): void;
  event(event: ClusterEvent, node: Life): void;
}

export interface LifeOptions {
  readonly name: string;
  readonly world: World;
  readonly servers: FakeServers;
  readonly disk: SimulatedDisk;
  readonly judge: Judge;
  readonly marginMs: number;
}

/** From a start of the node to its death. */
export class Life {
  readonly name: string;
  readonly clock: NodeClock;
  readonly engine: FakeEngine;
  readonly member: Member;
  readonly disk: SimulatedDisk;
  /** What there is, while it leads. */
  present = new Set<number>();
  leadership: Leadership | undefined = undefined;
  log: Log | undefined = undefined;
  dead = false;
  pausedUntilMs = 0;
  private readonly options: LifeOptions;
  private sequence = new Sequence();
  private waiting: { readonly mark: number; go(): void }[] = [];
  private readonly seqs = new Map<number, number>();

  constructor(options: LifeOptions) {
    const { name, world, servers, disk, judge, marginMs } = options;
    this.options = options;
    this.name = name;
    this.disk = disk;
    this.clock = new NodeClock(world);
    this.engine = new FakeEngine(servers, this.clock);
    this.member = new Member({
      ...{ engine: this.engine, name: 'v', node: name, files: disk, directory: DIRECTORY, clock: this.clock, marginMs },
      report: (event) => judge.event(event, this),
      lead: (leadership) => this.lead(leadership),
      leave: (reason) => this.leave(reason),
    });
  }

  get paused(): boolean {
    return this.engine.paused;
  }

  /** It believes that it leads, and its log takes what comes. */
  get leads(): boolean {
    return this.log !== undefined && this.log.failed === undefined && this.leadership?.holds() === true && !this.dead;
  }

  private async lead(leadership: Leadership): Promise<void> {
    const { disk, clock } = this;
    const present = new Set<number>();
    this.sequence = new Sequence();
    this.seqs.clear();
    const replay: Replay = (type, seq, buffer, start) => {
      const number = buffer.readUInt32LE(start);
      if (type === COMES) {
        present.add(number);
        this.seqs.set(number, seq);
      } else if (type === SETTLED) present.delete(number);
      else if (type === STATE) {
        present.add(number);
        this.seqs.set(number, buffer.readUInt32LE(start + 4));
      }
    };
    const log = await Log.open({
      ...{ files: disk, directory: DIRECTORY, clock, sequence: this.sequence, turn: new Turn(), replay },
      ...{ blockBytes: BLOCK_BYTES, segmentBytes: SEGMENT_BYTES, checkpointBytes: 2 * SEGMENT_BYTES },
      logId: leadership.logId,
      replica: leadership.replica,
      onSynced: (mark) => this.synced(mark),
      onFailed: (error) => {
        this.waiting = [];
        leadership.giveUp(error);
      },
      checkpointDue: () => this.checkpoint(),
      report: () => {},
    });
    if (this.dead) return;
    this.log = log;
    this.leadership = leadership;
    this.present = present;
    for (const number of present) log.addLive(this.seqs.get(number)!, 1);
    log.referencesCounted();
    this.options.judge.leads(present, this);
  }

  private async leave(_reason: Error | undefined): Promise<void> {
    const { log } = this;
    this.log = undefined;
    this.waiting = [];
    if (log !== undefined) await new Promise<void>((resolve) => log.close(resolve));
    this.leadership = undefined;
  }

  /** A checkpoint of all there is, in one piece. */
  private checkpoint(): void {
    const { log } = this;
    if (log === undefined || log.checkpointing) return;
    log.beginCheckpoint();
    // The messages themselves lie in their segments; a replay from here has to know of those that are before it.
    for (const number of this.present) {
      const at = log.append(STATE, 8);
      log.buffer.writeUInt32LE(number, at);
      log.buffer.writeUInt32LE(this.seqs.get(number)!, at + 4);
    }
    log.endCheckpoint();
  }

  private synced(mark: number): void {
    const ready = this.waiting.filter((waiter) => waiter.mark <= mark);
    this.waiting = this.waiting.filter((waiter) => waiter.mark > mark);
    for (const { go } of ready) go();
  }

  /** Somebody sends a number, and waits for its confirm. */
  send(number: number, bytes: number): void {
    const log = this.log!;
    const seq = this.sequence.next++;
    const at = log.appendSequenced(COMES, seq, bytes);
    log.buffer.fill(number & 0xff, at, at + bytes);
    log.buffer.writeUInt32LE(number, at);
    log.addLive(seq, 1);
    this.present.add(number);
    this.seqs.set(number, seq);
    this.whenSafe('comes', number);
  }

  settle(number: number): void {
    const log = this.log!;
    const at = log.append(SETTLED, 4);
    log.buffer.writeUInt32LE(number, at);
    this.present.delete(number);
    log.release(this.seqs.get(number)!, 1);
    this.whenSafe('settled', number);
  }

  private whenSafe(kind: 'comes' | 'settled', number: number): void {
    const { judge } = this.options;
    this.waiting.push({
      mark: this.log!.mark,
      go: () => {
        if (!this.dead && this.leadership !== undefined) judge.confirmed(kind, number, this);
      },
    });
  }

  /** The process dies; what it leaves is the next one's disk. */
  kill(power: boolean): SimulatedDisk {
    this.dead = true;
    this.engine.kill();
    return this.disk.crash(power);
  }
}
