/**
 * A simulated disk that obeys nobody but its seed. Every call is answered when the simulation says so and in an order of its
 * choosing; what was not synced can be torn, forgotten and reordered; calls fail; room runs out.
 *
 *     call ──▶ pending ──step()──▶ done, or failed        crash(): a new disk with what this one kept; this one is dead,
 *                                                         and whoever still calls it is never answered
 *
 * A crash of the process keeps all that was written, and of a write under way some sectors. A crash of the machine keeps,
 * of every write that was not synced, an arbitrary choice of its sectors, whatever their order, and of the changes to
 * names since the directory was synced an arbitrary number of the first ones, as a journal does.
 *
 * A failed sync follows Linux: what could not be written back counts as clean from then on and is gone after a crash of
 * the machine.
 */
import type { Done, FileSystem, LogFile } from '../../../src/log/files/files.ts';
import type { FaultCounts } from './fault-counts.ts';
import { Inode, type Write } from './inode.ts';
import type { Random } from './random.ts';

export { FaultCounts } from './fault-counts.ts';

const SECTOR_BYTES = 512;
const SEGMENT = /\/[0-9]{10}\.log$/;

type Names = Map<string, Inode>;

export type Call = 'open' | 'write' | 'sync' | 'read' | 'syncDirectory' | 'rename' | 'remove' | 'truncate' | 'close';

interface Pending {
  readonly call: Call;
  readonly path: string;
  /** Set while a write is under way: what a crash may have got of it. */
  readonly inode: Inode | undefined;
  readonly write: Write | undefined;
  run(): void;
}

function coded(code: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}

export class SimulatedDisk implements FileSystem {
  readonly pending: Pending[] = [];
  readonly counts: FaultCounts;
  /** Answers are given in the order of the calls; else in any order. */
  inOrder = false;
  /** Told every answer. */
  onAnswer: (call: Call, path: string, error: Error | undefined) => void = () => {};
  /** Decides whether a call fails with EIO. */
  fails: (call: Call, path: string) => boolean = () => false;
  /** Bytes in all files together, at most. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** A write or sync has failed with an error other than a full disk. */
  broken = false;
  calls = 0;
  /** Segments that were given back, and that were replaced by a compacted one. */
  reclaimed = 0;
  compacted = 0;
  private usedBytes = 0;
  private readonly random: Random;
  private names: Names = new Map();
  private safeNames: Names = new Map();
  private changes: ((names: Names) => void)[] = [];
  private dead = false;

  constructor(random: Random, counts: FaultCounts) {
    this.random = random;
    this.counts = counts;
  }

  // ---------------------------------------------------------------------------------- what the simulation does to it

  /** Answers one call. False if none waits. */
  step(): boolean {
    const { pending } = this;
    if (pending.length === 0) return false;
    const at = this.inOrder || pending.length === 1 ? 0 : this.random.below(pending.length);
    pending.splice(at, 1)[0]!.run();
    return true;
  }

  /** Changes one bit of a file, in memory of the kernel and on the disk. */
  flip(path: string, at: number, bit: number): void {
    const inode = this.names.get(path)!;
    for (const bytes of [inode.bytes, inode.safe]) if (at < bytes.length) bytes[at]! ^= 1 << bit;
  }

  /** What a file holds. */
  contents(path: string): Buffer {
    const { bytes, length } = this.names.get(path)!;
    return Buffer.from(bytes.subarray(0, length));
  }

  /** Writes over a part of a file, in memory of the kernel and on the disk. */
  replace(path: string, at: number, others: Buffer): void {
    const inode = this.names.get(path)!;
    for (const bytes of [inode.bytes, inode.safe]) others.copy(bytes, at);
  }

  /** Segments, and how long they are. */
  get segmentLengths(): (readonly [path: string, bytes: number])[] {
    const found: [string, number][] = [];
    for (const [path, inode] of this.names) if (SEGMENT.test(path)) found.push([path, inode.length]);
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get bytesUsed(): number {
    return this.usedBytes;
  }

  /** What is left of it when the process dies (`power` false) or the machine does. */
  crash(power: boolean): SimulatedDisk {
    const { random, counts } = this;
    this.dead = true;
    const left = new SimulatedDisk(random, counts);
    left.onAnswer = this.onAnswer;
    if (power) counts.powerLosses++;
    else counts.kills++;
    for (const { write, inode } of this.pending) if (write !== undefined) inode!.unsynced.push(write);
    if (power) this.loseNames(left);
    else left.names = this.names;
    for (const inode of new Set(left.names.values())) {
      if (power) this.loseSectors(inode);
      else this.tearUnderWay(inode);
    }
    left.safeNames = new Map(left.names);
    if (!power) {
      // The names are the kernel's now; they may still be forgotten by a power failure that follows.
      left.safeNames = this.safeNames;
      left.changes = this.changes;
    }
    left.capacityBytes = this.capacityBytes;
    for (const inode of new Set(left.names.values())) left.usedBytes += inode.length;
    this.pending.length = 0;
    return left;
  }

  private loseNames(left: SimulatedDisk): void {
    const kept = this.random.below(this.changes.length + 1);
    this.counts.forgottenNames += this.changes.length - kept;
    left.names = this.safeNames;
    for (let i = 0; i < kept; i++) this.changes[i]!(left.names);
  }

  private loseSectors(inode: Inode): void {
    const { random, counts } = this;
    // Now and then all or nothing; mostly some.
    const likelihood = random.weighted<number>([
      [2, 0],
      [1, 1],
      [5, random.fraction()],
    ]);
    let lostOne = false;
    for (const { position, bytes } of inode.unsynced) {
      let kept = 0;
      let lost = 0;
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
        if (random.fraction() < likelihood) {
          inode.persist(position + at, bytes.subarray(at, end));
          kept++;
        } else lost++;
        at = end;
      }
      if (kept > 0 && lost > 0) counts.tornWrites++;
      else if (kept === 0) counts.forgottenWrites++;
      if (lostOne && kept > 0) counts.reorderedWrites++;
      if (lost > 0) lostOne = true;
    }
    inode.unsynced = [];
    inode.bytes = Buffer.from(inode.safe);
    inode.length = inode.safeLength;
  }

  /** The process died in the midst of a write: the kernel took a part of it. */
  private tearUnderWay(inode: Inode): void {
    for (const pending of this.pending) {
      if (pending.inode !== inode || pending.write === undefined) continue;
      const { position, bytes } = pending.write;
      const n = this.random.below(bytes.length + 1);
      inode.write(position, bytes.subarray(0, n));
      if (n > 0 && n < bytes.length) this.counts.tornWrites++;
      const at = inode.unsynced.indexOf(pending.write);
      inode.unsynced[at] = { ...pending.write, bytes: bytes.subarray(0, n) };
    }
  }

  // ------------------------------------------------------------------------------------------------------- the port

  private answer(
    call: Call,
    path: string,
    work: (error: Error | undefined) => void,
    inode?: Inode,
    write?: Write,
  ): void {
    if (this.dead) return;
    this.calls++;
    const run = (): void => {
      let error: Error | undefined;
      if (this.fails(call, path)) {
        error = coded('EIO', `${call} ${path}`);
        if (call === 'write') this.counts.writeErrors++;
        else if (call === 'sync') this.counts.syncErrors++;
        else if (call === 'read') this.counts.readErrors++;
        else this.counts.otherErrors++;
        if (call === 'write' || call === 'sync') this.broken = true;
      }
      this.onAnswer(call, path, error);
      work(error);
    };
    this.pending.push({ call, path, inode, write, run });
  }

  private later<T>(call: Call, path: string, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.answer(call, path, (error) => {
        if (error !== undefined) return reject(error);
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  private change(apply: (names: Names) => void): void {
    apply(this.names);
    this.changes.push(apply);
  }

  private inode(path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw coded('ENOENT', path);
    return inode;
  }

  open(path: string, how: 'read' | 'update' | 'create'): Promise<LogFile> {
    return this.later('open', path, () => {
      if (how === 'create') {
        if (this.names.has(path)) throw coded('EEXIST', path);
        const made = new Inode();
        this.change((names) => names.set(path, made));
      }
      return this.fileOf(path, this.inode(path));
    });
  }

  /** How much of a write there is room for; what there is room for is used from now on. */
  private allot(inode: Inode, position: number, bytes: number): number {
    const more = position + bytes - inode.length;
    if (more <= 0) return bytes;
    const free = Math.max(0, this.capacityBytes - this.usedBytes);
    const got = Math.min(more, free);
    this.usedBytes += got;
    return bytes - (more - got);
  }

  private fileOf(opened: string, inode: Inode): LogFile {
    const disk = this;
    let open = true;
    return {
      path: opened,
      write(buffers: readonly Buffer[], position: number, done: Done) {
        if (!open) throw new Error(`write to closed ${this.path}`);
        // Copied when the call is made: whoever changes the bytes while they are being written breaks the log.
        const write = { position, bytes: Buffer.concat(buffers) };
        const work = (failed: Error | undefined): void => {
          let error = failed;
          let { bytes } = write;
          if (error !== undefined) bytes = bytes.subarray(0, disk.random.below(bytes.length + 1));
          const room = Math.max(0, disk.allot(inode, position, bytes.length));
          if (room < bytes.length) {
            bytes = bytes.subarray(0, room);
            error ??= coded('ENOSPC', `write ${this.path}`);
            disk.counts.fullDisk++;
            disk.onAnswer('write', this.path, error);
          }
          if (error === undefined) {
            let at = 0;
            for (const buffer of buffers) {
              if (buffer.compare(bytes, at, at + buffer.length) !== 0) throw new Error('changed while being written');
              at += buffer.length;
            }
          }
          if (bytes.length > 0) {
            inode.write(position, bytes);
            inode.unsynced.push({ ...write, bytes });
          }
          done(error);
        };
        disk.answer('write', this.path, work, inode, write);
      },
      read(into, offset, bytes, position, done) {
        if (!open) throw new Error(`read from closed ${this.path}`);
        disk.answer('read', this.path, (error) => {
          const end = Math.min(inode.length, position + bytes);
          if (error === undefined && end > position) inode.bytes.copy(into, offset, position, end);
          done(error, error !== undefined ? 0 : Math.max(0, end - position));
        });
      },
      sync(done: Done) {
        if (!open) throw new Error(`sync of closed ${this.path}`);
        const covered = new Set(inode.unsynced);
        disk.answer('sync', this.path, (error) => {
          const rest: Write[] = [];
          for (const write of inode.unsynced) {
            if (!covered.has(write)) rest.push(write);
            else if (error === undefined) inode.persist(write.position, write.bytes);
          }
          inode.unsynced = rest;
          done(error);
        });
      },
      async sizeBytes() {
        return inode.length;
      },
      truncate(bytes: number) {
        return disk.later('truncate', this.path, () => {
          disk.usedBytes -= Math.max(0, inode.length - bytes);
          inode.truncate(bytes);
        });
      },
      close() {
        return disk.later('close', this.path, () => {
          if (!open) throw new Error(`${this.path} closed twice`);
          open = false;
        });
      },
    };
  }

  async list(directory: string): Promise<string[]> {
    const names: string[] = [];
    for (const path of this.names.keys()) {
      if (path.startsWith(`${directory}/`)) names.push(path.slice(directory.length + 1));
    }
    return names.reverse(); // no particular order
  }

  async makeDirectory(): Promise<void> {}

  syncDirectory(directory: string): Promise<void> {
    const covered = new Set(this.changes);
    return this.later('syncDirectory', directory, () => {
      // Those that came before are covered; they are the first ones.
      while (this.changes.length > 0 && covered.has(this.changes[0]!)) this.changes.shift()!(this.safeNames);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.later('rename', from, () => {
      const inode = this.inode(from);
      const replaced = this.names.get(to);
      if (replaced !== undefined && replaced !== inode) {
        this.usedBytes -= replaced.length;
        this.compacted++;
      } else if (SEGMENT.test(from)) this.reclaimed++;
      this.change((names) => {
        names.delete(from);
        names.set(to, inode);
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.later('remove', path, () => {
      this.usedBytes -= this.inode(path).length;
      if (SEGMENT.test(path)) this.reclaimed++;
      this.change((names) => names.delete(path));
    });
  }

  async removeDirectory(directory: string): Promise<void> {
    for (const path of [...this.names.keys()]) if (path.startsWith(`${directory}/`)) await this.remove(path);
  }

  async createExclusive(path: string, text: string): Promise<boolean> {
    if (this.names.has(path)) return false;
    const made = new Inode();
    made.write(0, Buffer.from(text, 'latin1'));
    made.persist(0, Buffer.from(text, 'latin1'));
    this.names.set(path, made);
    this.safeNames.set(path, made);
    return true;
  }

  async readText(path: string): Promise<string | undefined> {
    const inode = this.names.get(path);
    return inode?.bytes.toString('latin1', 0, inode.length);
  }
}
