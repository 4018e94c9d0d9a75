/**
 * Random histories of a small cluster: three nodes with a disk and a clock each, an engine that loses and delays, processes that die, are
 * paused for longer than a lease, and are cut off. Clients send numbers and settle them; what was confirmed must hold.
 *
 * - Nothing confirmed is lost, nothing settled and confirmed comes back: looked at whenever a node begins to lead, and in the end on each node.
 * - No two nodes confirm in one epoch, and none confirms when a later epoch has begun to lead.
 * - In the end all nodes have the same batches in the same places.
 */
import type { ClusterEvent } from '../../../src/cluster/events.ts';
import { TooFarBehind } from '../../../src/cluster/follower/follower.ts';
import { align8, BatchHeader, findBatch } from '../../../src/log/format/batch.ts';
import { readSegmentHeader, SEGMENT_HEADER_BYTES, segmentNumber } from '../../../src/log/format/segment.ts';
import { FaultCounts, SimulatedDisk } from '../../simulation/world/disk.ts';
import { Random } from '../../simulation/world/random.ts';
import { FakeServers, type Mishaps } from '../fake/engine.ts';
import { type Judge, Life, NodeClock, type World } from './node.ts';

const NAMES = ['a', 'b', 'c'] as const;
const LEASE_MS = 3_000;
const MARGIN_MS = 300;
const TICK_MS = 40;
const TURNS_MAX = 6_000;

export interface ClusterReport {
  readonly seed: number;
  readonly failures: readonly string[];
  readonly counts: Record<string, number>;
}

export interface ClusterOptions {
  readonly steps?: number;
  readonly trace?: (line: string) => void;
}

const immediately = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export async function runCluster(seed: number, options: ClusterOptions = {}): Promise<ClusterReport> {
  const history = new ClusterHistory(seed, options);
  await history.run();
  return { seed, failures: history.failures, counts: { ...history.counts, ...history.servers.counts } };
}

class ClusterHistory implements Judge {
  readonly failures: string[] = [];
  readonly counts: Record<string, number> = {};
  readonly servers: FakeServers;
  private readonly random: Random;
  private readonly world: World = { nowMs: 0 };
  private readonly disks = new Map<string, SimulatedDisk>();
  private readonly lives = new Map<string, Life>();
  private readonly faults = new FaultCounts();
  private readonly options: ClusterOptions;
  private next = 1;
  private readonly safe = new Set<number>();
  private readonly settling = new Set<number>();
  private readonly settled = new Set<number>();
  private readonly epochs = new Map<number, Life>();
  private latestEpoch = 0;

  constructor(seed: number, options: ClusterOptions) {
    this.options = options;
    this.random = new Random(seed);
    const clock = new NodeClock(this.world);
    this.servers = new FakeServers(clock, { leaseMs: LEASE_MS, chance: this.random.fraction });
    this.servers.auto = false;
    this.servers.discards = this.random.chance(0.25);
    for (const name of NAMES) this.disks.set(name, new SimulatedDisk(this.random, this.faults));
  }

  async run(): Promise<void> {
    try {
      for (const name of NAMES) this.start(name);
      const steps = this.options.steps ?? 120;
      for (let i = 0; i < steps && this.failures.length === 0; i++) {
        await this.random.weighted<() => void | Promise<void>>([
          [40, () => this.send()],
          [20, () => this.settle()],
          [25, () => this.pass(this.random.between(1, 10))],
          [6, () => this.pass(this.random.between(20, 120))],
          [4, () => this.kill()],
          [3, () => this.pause()],
          [3, () => this.cut()],
          [2, () => this.engineAway()],
          [4, () => this.mishaps()],
          [2, () => this.damage()],
          [2, () => this.jump()],
        ])();
        await this.pass(this.random.below(3));
      }
      if (this.failures.length === 0) await this.end();
    } catch (error) {
      this.failures.push(String((error as Error).stack ?? error));
    }
    for (const life of this.lives.values()) life.kill(false);
  }

  // ------------------------------------------------------------------------------------------------------ what happens

  private trace(line: string): void {
    this.options.trace?.(`${String(this.world.nowMs).padStart(7)} ${line}`);
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  private start(name: string): void {
    const { world, servers } = this;
    const disk = this.disks.get(name)!;
    this.lives.set(name, new Life({ name, world, servers, disk, judge: this, marginMs: MARGIN_MS }));
  }

  private get running(): Life[] {
    return [...this.lives.values()].filter(({ paused }) => !paused);
  }

  private leader(): Life | undefined {
    const leading = this.running.filter(({ leads }) => leads);
    return leading.length === 0 ? undefined : this.random.pick(leading);
  }

  private send(): void {
    const leader = this.leader();
    if (leader === undefined) return;
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const number = this.next++;
      this.count('sent');
      leader.send(number, this.random.between(4, 400));
    }
  }

  private settle(): void {
    const leader = this.leader();
    if (leader === undefined || leader.present.size === 0) return;
    for (let n = this.random.between(1, 4); n > 0 && leader.present.size > 0; n--) {
      const number = this.random.pick([...leader.present].slice(0, 20));
      this.settling.add(number);
      leader.settle(number);
    }
  }

  private kill(): void {
    if (this.lives.size === 0) return;
    const life = this.random.pick([...this.lives.values()]);
    const power = this.random.chance(0.4);
    this.trace(`${life.name} ${power ? 'loses its power' : 'is killed'}`);
    this.count(power ? 'powerLosses' : 'kills');
    this.lives.delete(life.name);
    this.disks.set(life.name, life.kill(power));
    this.later(this.random.between(0, 60), () => this.start(life.name));
  }

  private pause(): void {
    if (this.lives.size === 0) return;
    const life = this.random.pick([...this.lives.values()]);
    if (life.paused) return;
    this.trace(`${life.name} is paused`);
    this.count('pauses');
    life.engine.paused = true;
    this.later(this.random.between(5, 200), () => this.resume(life));
  }

  private resume(life: Life): void {
    if (life.dead || !life.paused) return;
    this.trace(`${life.name} runs again`);
    if (this.random.chance(0.5)) life.clock.run();
    life.engine.resume();
  }

  private cut(): void {
    if (this.lives.size === 0) return;
    const life = this.random.pick([...this.lives.values()]);
    this.trace(`${life.name} is cut off`);
    this.count('cuts');
    life.engine.cut = true;
    this.later(this.random.between(5, 150), () => {
      life.engine.cut = false;
    });
  }

  private engineAway(): void {
    this.trace('the engine is away');
    this.count('elections');
    this.servers.away = true;
    this.later(this.random.between(5, 100), () => {
      this.servers.away = false;
    });
  }

  private mishaps(): void {
    const { mishaps } = this.servers;
    for (const kind of Object.keys(mishaps) as (keyof Mishaps)[]) {
      mishaps[kind] = this.random.chance(0.5) ? 0 : this.random.fraction() * 0.2;
    }
  }

  /** The replica that answers has lost something that was acknowledged; another one has it. */
  private damage(): void {
    const log = this.servers.log('v');
    if (log.last < log.first) return;
    this.count('holes');
    log.holes.add(this.random.between(Math.max(log.first, log.last - 8), log.last));
  }

  private jump(): void {
    if (this.lives.size === 0) return;
    const life = this.random.pick([...this.lives.values()]);
    life.clock.jumpMs = this.random.between(-100_000, 100_000);
    this.count('jumps');
  }

  // ---------------------------------------------------------------------------------------------------------- the judge

  confirmed(kind: 'comes' | 'settled', number: number, life: Life): void {
    const { epoch } = life.leadership!;
    const other = this.epochs.get(epoch);
    if (other !== undefined && other !== life) this.wrong(`${other.name} and ${life.name} confirm in epoch ${epoch}`);
    this.epochs.set(epoch, life);
    if (epoch < this.latestEpoch)
      this.wrong(`${life.name} confirms in epoch ${epoch}, and epoch ${this.latestEpoch} has begun`);
    if (kind === 'comes') this.safe.add(number);
    else this.settled.add(number);
    this.count(kind === 'comes' ? 'confirmed' : 'settledConfirmed');
  }

  leads(present: ReadonlySet<number>, life: Life): void {
    const { epoch } = life.leadership ?? { epoch: 0 };
    this.trace(`${life.name} leads in epoch ${epoch}`);
    this.count('leaderships');
    this.latestEpoch = Math.max(this.latestEpoch, epoch);
    for (const number of this.safe) {
      if (!this.settling.has(number) && !present.has(number))
        this.wrong(`${number} was confirmed, and ${life.name} has it not`);
    }
    for (const number of this.settled) {
      if (present.has(number)) this.wrong(`${number} was settled and confirmed, and is back on ${life.name}`);
    }
  }

  event(event: ClusterEvent, life: Life): void {
    this.trace(`${life.name}: ${JSON.stringify(event)}`);
    this.count(`event ${event.kind}`);
    // Whoever was away for longer than what is kept has to be given the segments of another node.
    if (event.kind === 'stuck' && life.member.stuck instanceof TooFarBehind && this.servers.discards)
      this.out.add(life);
    else if (event.kind === 'stuck') this.wrong(`${life.name} is stuck: ${event.reason}`);
    if (event.kind === 'went-backwards') this.wrong(`${life.name}: ${event.reason}`);
  }

  private wrong(text: string): void {
    this.trace(`WRONG ${text}`);
    this.failures.push(text);
  }

  // --------------------------------------------------------------------------------------------------------------- time

  /** Those that are too far behind. */
  private readonly out = new Set<Life>();
  private readonly due: { atTurn: number; run(): void }[] = [];
  private turn = 0;

  private later(turns: number, run: () => void): void {
    this.due.push({ atTurn: this.turn + turns, run });
  }

  private async pass(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await this.oneTurn();
  }

  private async oneTurn(): Promise<void> {
    const { random } = this;
    this.turn++;
    this.world.nowMs += TICK_MS;
    for (const due of this.due.filter(({ atTurn }) => atTurn <= this.turn)) {
      this.due.splice(this.due.indexOf(due), 1);
      due.run();
    }
    for (const life of this.running) life.clock.run();
    for (let i = random.between(1, 4); i > 0; i--) {
      for (let k = random.below(6); k > 0; k--) this.servers.step();
      for (const life of this.running) for (let k = random.below(8); k > 0; k--) life.disk.step();
      await immediately();
    }
  }

  /** All is well again: everybody comes to have the same, and each node can lead with it. */
  private async end(): Promise<void> {
    const { servers } = this;
    for (const due of this.due.splice(0)) due.run();
    servers.away = false;
    for (const kind of Object.keys(servers.mishaps) as (keyof Mishaps)[]) servers.mishaps[kind] = 0;
    for (const life of this.lives.values()) {
      life.engine.cut = false;
      this.resume(life);
    }
    await this.until(() => this.leader() !== undefined, 'a leader');
    const log = servers.log('v');
    await this.until(() => {
      const leader = this.leader();
      if (leader === undefined || leader.log!.unsyncedBytes > 0) return false;
      return [...this.lives.values()].every(
        (life) => life === leader || this.out.has(life) || life.member.sequence === log.last,
      );
    }, 'all nodes to have followed');
    await this.compare();
    // One after the other stops; whoever is left leads.
    for (const life of this.out) {
      life.kill(false);
      this.lives.delete(life.name);
    }
    for (let left = this.lives.size; left > 0 && this.failures.length === 0; left--) {
      await this.until(() => this.leader() !== undefined, 'a leader');
      const leader = this.leader()!;
      let stopped = false;
      void leader.member.stop().then(() => {
        stopped = true;
      });
      await this.until(() => stopped, `${leader.name} to stop`);
      this.lives.delete(leader.name);
    }
  }

  private async until(done: () => boolean, what: string): Promise<void> {
    for (let i = 0; !done(); i++) {
      if (this.failures.length > 0) return;
      if (i > TURNS_MAX) throw new Error(`it never came: ${what}; ${this.state()}`);
      await this.oneTurn();
    }
  }

  private state(): string {
    const { first, last } = this.servers.log('v');
    const lives = [...this.lives.values()].map(
      ({ name, member, log }) =>
        `${name} ${member.role} at ${member.sequence}${log === undefined ? '' : ' with its log'}`,
    );
    return `${lives.join(', ')}; kept ${first} to ${last}; ${this.servers.pending.length} pending, disks ${[...this.lives.values()].map((l) => l.disk.pending.map((p) => p.call).join('/')).join(' ')}; leases ${JSON.stringify([...this.servers.leases.values()])}`;
  }

  private async compare(): Promise<void> {
    const leader = this.leader();
    if (leader === undefined) return;
    const wanted = batchesOf(leader.disk);
    for (const life of this.lives.values()) {
      if (life === leader || this.out.has(life)) continue;
      const there = batchesOf(life.disk);
      for (const [segment, batches] of wanted) {
        const own = there.get(segment);
        if (own !== batches)
          this.wrong(`segment ${segment} is ${own} on ${life.name}, and ${batches} on ${leader.name}`);
      }
    }
  }
}

/** Of each segment its batches, where they are and what their checksums are: as far as the log goes on without a gap. */
function batchesOf(disk: SimulatedDisk): Map<number, string> {
  const found = new Map<number, string>();
  for (const [path] of disk.segmentLengths) {
    const number = segmentNumber(path.slice(path.lastIndexOf('/') + 1));
    const bytes = disk.contents(path);
    const header = readSegmentHeader(bytes, bytes.length);
    if (header?.number !== number) continue;
    const batch = new BatchHeader();
    let next = header.firstBatch;
    let text = `${header.firstBatch}:`;
    for (let block = 0; block < bytes.length; block += header.blockBytes) {
      const end = Math.min(bytes.length, block + header.blockBytes);
      let at = block === 0 ? SEGMENT_HEADER_BYTES : block;
      while (findBatch(bytes, at, end, header.logId, number, next, batch) && batch.number === next) {
        text += ` ${batch.at}/${bytes.readUInt32LE(batch.at + 4).toString(16)}`;
        at = align8(batch.end);
        next++;
      }
    }
    found.set(number, text);
  }
  return found;
}
