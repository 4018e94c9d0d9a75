/**
 * The broker's own durable state: small facts that belong to no vhost, such as users, in a log of their own under `state/` in the
 * data directory. The log is small (segments of 1 MiB) and is made with the first fact, so a broker that keeps none has none.
 *
 *     opened() ──▶ unit(put, delete …) ──▶ safe()
 *
 * A change is in force when it has been appended, and told to be safe when it is on the disk. If the log fails before, what was
 * not safe is taken back (`onTakenBack`): nothing is in force that was refused. While the disk is full no change is begun, and one
 * that is under way waits for room.
 *
 * Always synced, whatever the durability of messages: there are few changes, and a user that comes back after a power failure is a
 * surprise that nobody wants.
 */
import { join } from 'node:path';
import type { AdapterState } from '../api/adapter-state.ts';
import type { Mark } from '../api/confirms.ts';
import type { Clock } from '../clock/clock.ts';
import { Slices } from '../clock/slices.ts';
import type { Turn } from '../clock/turn.ts';
import type { FileSystem } from '../log/files/files.ts';
import { Log } from '../log/log.ts';
import { Sequence } from '../log/sequence.ts';
import type { Logger } from '../logger.ts';
import { BrokerError } from '../message/errors.ts';
import { JournaledState } from '../vhost/journal/adapter-state.ts';
import { Journal } from '../vhost/journal/journal.ts';
import { STATE_LOG } from '../vhost/journal/offline.ts';
import { readState, readStateDeleted } from '../vhost/journal/records/state.ts';
import { RECORD_STATE, RECORD_STATE_DELETED } from '../vhost/journal/records/types.ts';
import { Confirms } from '../vhost/publish/confirms.ts';

const SEGMENT_BYTES = 1024 * 1024;
const BLOCK_BYTES = 128 * 1024;
const CHECKPOINT_BYTES = 512 * 1024;
const CHECKPOINT_SLICE_BYTES = 64 * 1024;

export interface BrokerStateOptions {
  readonly files: FileSystem;
  /** The data directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly logger: Logger;
}

/** What a change that is not safe yet has replaced. */
interface Replaced {
  readonly key: string;
  /** Undefined: there was nothing. */
  readonly value: Buffer | undefined;
  readonly mark: Mark;
}

export class BrokerState implements AdapterState {
  private readonly options: BrokerStateOptions;
  private readonly directory: string;
  private readonly confirms: Confirms;
  private readonly values = new Map<string, Buffer>();
  private opening: Promise<void> | undefined = undefined;
  private log: Log | undefined = undefined;
  private kept: JournaledState | undefined = undefined;
  private journal: Journal | undefined = undefined;
  private closed = false;
  /** Told what begins to be wrong with its log, and is over. */
  onAlarm: (alarm: 'disk-full' | 'log-failed', on: boolean) => void = () => {};
  /** Oldest first. */
  private replaced: Replaced[] = [];
  private readonly takenBack: (() => void)[] = [];
  /** Of the checkpoint that is being written. */
  private left: string[] = [];
  private readonly slices: Slices;

  private constructor(options: BrokerStateOptions) {
    this.options = options;
    this.directory = join(options.directory, STATE_LOG);
    this.confirms = new Confirms(options.turn, options.clock);
    this.slices = new Slices(options.turn, () => this.checkpointSlice());
  }

  /** Brings back what was kept. @throws LogRefused, the file system's errors */
  static async open(options: BrokerStateOptions): Promise<BrokerState> {
    const state = new BrokerState(options);
    const names = await options.files.list(state.directory).catch((error: NodeJS.ErrnoException): string[] => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    if (names.length > 0) await state.opened();
    return state;
  }

  /** There is a log to write to: to be awaited before a change. @throws BrokerError unavailable */
  async opened(): Promise<void> {
    if (this.closed) throw new BrokerError('unavailable', 'the broker is shutting down');
    this.opening ??= this.openLog();
    try {
      await this.opening;
    } catch (error) {
      // The next one tries again.
      this.opening = undefined;
      throw error;
    }
    this.demandWritable();
  }

  /** Undefined: nothing has been kept yet. */
  get keptLog(): Log | undefined {
    return this.log;
  }

  private demandWritable(): void {
    if (this.closed) throw new BrokerError('unavailable', 'the broker is shutting down');
    if (this.failed !== undefined) throw hasFailed();
    if (this.log?.full === true) throw new BrokerError('unavailable', 'the disk is full: nothing can be changed now');
  }

  /** Takes whom to call when changes that had been in force are not any more, since they cannot be made safe. */
  onTakenBack(listener: () => void): void {
    this.takenBack.push(listener);
  }

  get(key: string): Buffer | undefined {
    return this.values.get(key);
  }

  put(key: string, value: Buffer): void {
    const before = this.values.get(key);
    this.written.put(key, value);
    this.replacedBy(key, before);
  }

  delete(key: string): boolean {
    const before = this.values.get(key);
    if (!this.written.delete(key)) return false;
    this.replacedBy(key, before);
    return true;
  }

  /** It has been written, so that the log's mark covers it. */
  private replacedBy(key: string, value: Buffer | undefined): void {
    this.replaced.push({ key, value, mark: this.log!.mark });
  }

  keys(prefix: string): string[] {
    return [...this.values.keys()].filter((key) => key.startsWith(prefix));
  }

  /** What `work` changes is there after a crash as a whole, or not at all. @throws BrokerError unavailable: the log has failed */
  unit<T>(work: () => T): T {
    const log = this.log!;
    let result: T;
    log.beginUnit();
    try {
      result = work();
    } finally {
      log.endUnit();
    }
    if (log.failed === undefined) return result;
    this.takeBack();
    throw hasFailed();
  }

  /** What is not safe never will be. */
  private takeBack(): void {
    if (this.replaced.length === 0) return;
    for (const { key, value } of this.replaced.reverse()) {
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, value);
    }
    this.replaced = [];
    for (const listener of this.takenBack) listener();
  }

  /** Marks are of flushes, in their order. */
  private synced(mark: Mark): void {
    let safe = 0;
    while (safe < this.replaced.length && this.replaced[safe]!.mark <= mark) safe++;
    this.replaced.splice(0, safe);
    this.confirms.advance(mark);
  }

  /** Resolves when all that was changed so far is on the disk. @throws BrokerError unavailable: the log has failed */
  safe(): Promise<void> {
    const { log } = this;
    if (log === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.confirms.whenSafe(log.mark, (failed) => {
        if (failed) reject(hasFailed());
        else resolve();
      });
    });
  }

  /** Why nothing can be kept any more; undefined while all is well. */
  get failed(): Error | undefined {
    return this.log?.failed;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => {});
    const { log } = this;
    if (log === undefined) return;
    this.slices.finish();
    await new Promise<void>((done) => log.close(done, !log.full));
  }

  private get written(): JournaledState {
    if (this.kept === undefined) throw new BrokerError('internal', 'the state is changed before its log is open');
    return this.kept;
  }

  private async openLog(): Promise<void> {
    const { files, clock, turn, logger } = this.options;
    const { values } = this;
    this.log = await Log.open({
      ...{ files, clock, turn, directory: this.directory, sequence: new Sequence() },
      ...{ segmentBytes: SEGMENT_BYTES, blockBytes: BLOCK_BYTES, checkpointBytes: CHECKPOINT_BYTES },
      replay: (type, _seq, buffer, start, end) => {
        if (type === RECORD_STATE) {
          const { key, value } = readState(buffer, start, end);
          values.set(key, Buffer.from(value));
        } else if (type === RECORD_STATE_DELETED) values.delete(readStateDeleted(buffer, start, end));
      },
      onSynced: (mark) => this.synced(mark),
      onFailed: (error) => {
        this.onAlarm('log-failed', true);
        logger.error({ err: error }, "the log of the broker's own state has failed; users cannot be changed any more");
        this.takeBack();
        this.confirms.fail();
      },
      onFull: () => {
        this.onAlarm('disk-full', true);
        logger.error({}, "the disk is full: changes of the broker's own state wait for room");
      },
      onSpace: () => {
        this.onAlarm('disk-full', false);
        logger.info({}, "the broker's own state has room on the disk again");
      },
      checkpointDue: () => this.checkpoint(),
      report: (event) => {
        if (event.kind !== 'recovered') logger.warn({ log: STATE_LOG, ...event }, `log: ${event.kind}`);
      },
    });
    this.journal = new Journal(this.log, 1);
    this.kept = new JournaledState(this.journal, values);
  }

  private checkpoint(): void {
    if (this.closed || this.log!.checkpointing) return;
    this.log!.beginCheckpoint();
    this.left = [...this.values.keys()];
    this.slices.start();
  }

  private checkpointSlice(): boolean {
    const log = this.log!;
    const journal = this.journal!;
    const until = journal.appendedBytes + CHECKPOINT_SLICE_BYTES;
    while (log.failed === undefined && journal.appendedBytes < until) {
      const key = this.left.pop();
      if (key === undefined) {
        log.endCheckpoint();
        return true;
      }
      this.written.rewrite(key);
    }
    return log.failed !== undefined;
  }
}

function hasFailed(): BrokerError {
  return new BrokerError('unavailable', "the log of the broker's own state has failed");
}
