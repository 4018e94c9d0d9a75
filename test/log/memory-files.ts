/**
 * A disk made for breaking: keeps apart what was synced from what was only written, can be switched off at any moment, and
 * fails on demand. A crash keeps, of every write that was not synced, an arbitrary choice of 512-byte sectors, and, of the
 * changes to names since the directory was synced, an arbitrary number of the first ones, as a journal does.
 */
import type { Done, FileSystem, LogFile } from '../../src/log/files/files.ts';

const SECTOR_BYTES = 512;

interface Inode {
  bytes: Buffer;
  /** What would be there after a crash that keeps nothing unsynced. */
  safe: Buffer;
  unsynced: { position: number; bytes: Buffer }[];
}

type Names = Map<string, Inode>;

export type Call = 'open' | 'write' | 'sync' | 'read' | 'syncDirectory' | 'rename' | 'remove' | 'truncate' | 'close';

export class MemoryFiles implements FileSystem {
  names: Names = new Map();
  private safeNames: Names = new Map();
  private changes: ((names: Names) => void)[] = [];
  /** Every call in order; `:done` when it returned. */
  readonly calls: string[] = [];
  /** Give an error to make that call fail. A failing write may keep a part: see `failedWriteKeepsBytes`. */
  fail: (call: Call, path: string) => Error | undefined = () => undefined;
  failedWriteKeepsBytes = 0;
  /** A disk that says it has synced and has not. */
  lies = false;
  /** While set, the completions of these calls wait until `release`. */
  hold: Call | undefined = undefined;
  private held: (() => void)[] = [];

  /** Lets them go on; from now on those of `next` wait. */
  release(next: Call | undefined = undefined): void {
    this.hold = next;
    const { held } = this;
    this.held = [];
    for (const go of held) go();
  }

  /** Calls that have not been answered yet. */
  pending = 0;

  get waiting(): number {
    return this.held.length;
  }

  /** Runs `work`, or fails, and reports a little later, as a disk does. */
  private answer(call: Call, path: string, work: (error: Error | undefined) => void): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    this.calls.push(`${call} ${name}`);
    const error = this.fail(call, path);
    this.pending++;
    const go = () => {
      this.pending--;
      this.calls.push(`${call} ${name} ${error === undefined ? 'done' : 'failed'}`);
      work(error);
    };
    if (this.hold === call) this.held.push(go);
    else setImmediate(go);
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
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return inode;
  }

  open(path: string, how: 'read' | 'update' | 'create'): Promise<LogFile> {
    return this.later('open', path, () => {
      if (how === 'create') {
        if (this.names.has(path)) throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' });
        const made: Inode = { bytes: Buffer.alloc(0), safe: Buffer.alloc(0), unsynced: [] };
        this.change((names) => names.set(path, made));
      }
      return this.fileOf(path, this.inode(path));
    });
  }

  private fileOf(opened: string, inode: Inode): LogFile {
    const disk = this;
    let open = true;
    return {
      path: opened,
      write(buffers: readonly Buffer[], position: number, done: Done) {
        if (!open) throw new Error(`write to closed ${this.path}`);
        // Copied when the call is made: whoever changes the bytes while they are being written breaks the log.
        const bytes = Buffer.concat(buffers);
        const { path } = this;
        disk.answer('write', path, (error) => {
          if (error === undefined && !bytes.equals(Buffer.concat(buffers)))
            error = new Error('changed while being written');
          const kept = error === undefined ? bytes : bytes.subarray(0, disk.failedWriteKeepsBytes);
          if (kept.length > 0) {
            inode.bytes = overwrite(inode.bytes, position, kept);
            inode.unsynced.push({ position, bytes: Buffer.from(kept) });
          }
          done(error);
        });
      },
      read(into, offset, bytes, position, done) {
        if (!open) throw new Error(`read from closed ${this.path}`);
        disk.answer('read', this.path, (error) => {
          done(error, error !== undefined ? 0 : inode.bytes.copy(into, offset, position, position + bytes));
        });
      },
      sync(done: Done) {
        if (!open) throw new Error(`sync of closed ${this.path}`);
        const covered = inode.unsynced.length;
        disk.answer('sync', this.path, (error) => {
          if (disk.lies) {
            // Nothing becomes safe.
          } else if (error === undefined) {
            inode.safe = Buffer.from(inode.bytes);
            inode.unsynced.splice(0, covered);
          } else {
            // As Linux does: what failed to be written back is clean now, and gone after a crash.
            inode.unsynced.length = 0;
          }
          done(error);
        });
      },
      sizeBytes: async () => inode.bytes.length,
      truncate(bytes: number) {
        return disk.later('truncate', this.path, () => {
          inode.bytes = Buffer.from(inode.bytes.subarray(0, bytes));
          inode.safe = Buffer.from(inode.safe.subarray(0, bytes));
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
    const covered = this.changes.length;
    return this.later('syncDirectory', directory, () => {
      for (const apply of this.changes.splice(0, covered)) apply(this.safeNames);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.later('rename', from, () => {
      const inode = this.inode(from);
      this.change((names) => {
        names.delete(from);
        names.set(to, inode);
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.later('remove', path, () => {
      this.inode(path);
      this.change((names) => names.delete(path));
    });
  }

  async removeDirectory(directory: string): Promise<void> {
    for (const path of [...this.names.keys()]) if (path.startsWith(`${directory}/`)) await this.remove(path);
  }

  async createExclusive(path: string, text: string): Promise<boolean> {
    if (this.names.has(path)) return false;
    this.put(path, Buffer.from(text));
    return true;
  }

  async readText(path: string): Promise<string | undefined> {
    return this.names.get(path)?.bytes.toString('latin1');
  }

  // -- what a test does to the disk

  bytes(path: string): Buffer {
    return this.inode(path).bytes;
  }

  /** Puts a file there as if it had always been. */
  put(path: string, bytes: Buffer): void {
    const inode: Inode = { bytes: Buffer.from(bytes), safe: Buffer.from(bytes), unsynced: [] };
    this.names.set(path, inode);
    this.safeNames.set(path, inode);
  }

  delete(path: string): void {
    this.names.delete(path);
    this.safeNames.delete(path);
  }

  /** The disk as a killed process leaves it: all that was written is there. */
  afterKill(): MemoryFiles {
    const copy = new MemoryFiles();
    for (const [path, inode] of this.names) copy.put(path, inode.bytes);
    return copy;
  }

  /** The disk as a power failure leaves it. `random` gives 0 ≤ x < 1 and decides what of the unsynced is kept. */
  afterPowerLoss(random: () => number): MemoryFiles {
    const names: Names = new Map(this.safeNames);
    for (const apply of this.changes.slice(0, Math.floor(random() * (this.changes.length + 1)))) apply(names);
    const copy = new MemoryFiles();
    for (const [path, inode] of names) {
      let { safe } = inode;
      const likelihood = random();
      for (const { position, bytes } of inode.unsynced) {
        let at = 0;
        while (at < bytes.length) {
          const sectorEnd = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
          if (random() < likelihood) safe = overwrite(safe, position + at, bytes.subarray(at, sectorEnd));
          at = sectorEnd;
        }
      }
      copy.put(path, safe);
    }
    return copy;
  }
}

function overwrite(before: Buffer, position: number, bytes: Buffer): Buffer {
  if (position + bytes.length <= before.length) {
    const after = Buffer.from(before);
    bytes.copy(after, position);
    return after;
  }
  const after = Buffer.alloc(position + bytes.length);
  before.copy(after);
  bytes.copy(after, position);
  return after;
}
