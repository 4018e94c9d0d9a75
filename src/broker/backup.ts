/**
 * A copy of a broker's logs while it runs: what a start would find if it were killed at one moment. So all that was confirmed before is
 * in it, and a start on the copy does what it does after a kill.
 *
 *     begin ──every log is held──▶ pinned, all in one turn ──▶ files read one by one, each let go of when it is copied ──▶ close
 *                                                                └──less than READ_BYTES_MIN in LOOK_MS────────────────────▶ close
 *
 * What is not copied yet is not given back to the disk: hence the pace that is asked of whoever reads.
 */
import { relative, sep } from 'node:path';
import { type Clock, Timer } from '../clock/clock.ts';
import { type FileSystem, readFully } from '../log/files/files.ts';
import type { Log } from '../log/log.ts';
import type { LogPin } from '../log/reclaim/pins.ts';
import { BrokerError } from '../message/errors.ts';

/** Short: clients wait while one is handed to the socket. */
const PIECE_BYTES = 64 * 1024;
/** Milliseconds between two looks at how much has been read, and how much that has to be: a quarter of a megabyte a second. */
export const LOOK_MS = 60_000;
export const READ_BYTES_MIN = 15 * 1024 * 1024;

export interface BackedUpFile {
  /** In the data directory, its parts parted by `/`. */
  readonly path: string;
  readonly bytes: number;
}

interface Place {
  readonly pin: LogPin;
  readonly at: number;
  readonly path: string;
}

export class Backup {
  /** In the order in which they are best copied. */
  readonly files: readonly BackedUpFile[];
  private readonly system: FileSystem;
  private readonly places: readonly Place[];
  private readonly pins: readonly LogPin[];
  private readonly onClose: () => void;
  private closed = false;
  /** Since the last look. */
  private readBytes = 0;
  private late = false;
  private readonly clock: Clock;
  private readonly looking = new Timer(() => this.look());

  private constructor(
    system: FileSystem,
    pins: readonly LogPin[],
    places: readonly Place[],
    files: readonly BackedUpFile[],
    onClose: () => void,
    clock: Clock,
  ) {
    this.clock = clock;
    clock.schedule(this.looking, LOOK_MS);
    this.system = system;
    this.pins = pins;
    this.places = places;
    this.files = files;
    this.onClose = onClose;
  }

  /**
   * @param directory the data directory
   * @param onClose it is over
   * @param clock for the pace that is asked of who reads
   * @throws BrokerError unavailable: a log has failed, or is being closed
   */
  static async begin(
    system: FileSystem,
    directory: string,
    logs: readonly Log[],
    onClose: () => void,
    clock: Clock,
  ): Promise<Backup> {
    const pins = await pinned(logs);
    try {
      const places: Place[] = [];
      const files: BackedUpFile[] = [];
      for (const pin of pins) {
        for (const [at, { path, bytes }] of pin.files.entries()) {
          places.push({ pin, at, path });
          const named = relative(directory, path).split(sep).join('/');
          files.push({ path: named, bytes: bytes ?? (await sizeOf(system, path)) });
        }
      }
      return new Backup(system, pins, places, files, onClose, clock);
    } catch (error) {
      for (const pin of pins) pin.releaseAll();
      throw error;
    }
  }

  /**
   * The bytes of one of the files, which is let go of afterwards: ask once for each, in order.
   * @throws BrokerError unavailable: the disk is full, and the log takes back what the copy kept; or it was read too slowly
   */
  async *read(at: number): AsyncGenerator<Buffer> {
    const { pin, path, at: place } = this.places[at]!;
    const { bytes } = this.files[at]!;
    const file = await this.system.open(path, 'read');
    try {
      for (let position = 0; position < bytes; ) {
        const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, bytes - position));
        const length = await readFully(file, piece, piece.length, position);
        if (this.late) throw new BrokerError('unavailable', 'it was read too slowly to keep all this back for it');
        if (pin.lost || this.closed)
          throw new BrokerError('unavailable', 'the disk is full: a copy keeps nothing back now');
        if (length === 0) throw new BrokerError('internal', `${path} is shorter than it was`);
        position += length;
        this.readBytes += length;
        yield piece.subarray(0, length);
      }
    } finally {
      await file.close();
    }
    pin.release(place);
  }

  private look(): void {
    if (this.readBytes < READ_BYTES_MIN) {
      this.late = true;
      this.close();
      return;
    }
    this.readBytes = 0;
    this.clock.schedule(this.looking, LOOK_MS);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.clock.cancel(this.looking);
    for (const pin of this.pins) pin.releaseAll();
    this.onClose();
  }
}

/** All logs in one moment. */
async function pinned(logs: readonly Log[]): Promise<LogPin[]> {
  const held: Log[] = [];
  try {
    for (const log of logs) {
      await log.hold();
      held.push(log);
    }
    return held.map((log) => log.pin());
  } catch (error) {
    throw new BrokerError('unavailable', `no copy can be made: ${(error as Error).message}`);
  } finally {
    for (const log of held) log.letGo();
  }
}

async function sizeOf(system: FileSystem, path: string): Promise<number> {
  const file = await system.open(path, 'read');
  try {
    return await file.sizeBytes();
  } finally {
    await file.close();
  }
}
