/**
 * The ground that a broker stands on, made before it: clock and turn, the operator's log, the data directory that is locked, and
 * the broker's own state read back. A start that fails gives all of it back.
 */
import { type Clock, SystemClock } from '../clock/clock.ts';
import { Turn } from '../clock/turn.ts';
import { type FileSystem, nodeFiles } from '../log/files/files.ts';
import { MemoryFiles } from '../log/files/memory-files.ts';
import { type Logger, loggerOf, NO_LOGGER } from '../logger.ts';
import { ClientLog } from './client-log.ts';
import { claimDirectory } from './data-directory.ts';
import type { StartOptions } from './options.ts';
import { BrokerState } from './state.ts';

export interface Ground {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly logger: Logger;
  readonly clientLog: ClientLog;
  readonly files: FileSystem;
  readonly directory: string;
  /** It outlives the process. */
  readonly onDisk: boolean;
  readonly state: BrokerState;
  /** Closes the state, stops the clock if it is the broker's own, and unlocks the directory; after everything that used them. */
  release(): Promise<void>;
}

/** @throws BrokerError unavailable: the directory cannot be used; what the state's log throws */
export async function openGround(options: StartOptions): Promise<Ground> {
  const files = options.files ?? (options.dataDirectory === null ? new MemoryFiles() : nodeFiles);
  const directory = options.dataDirectory ?? 'memory';
  const logger = options.logger ?? NO_LOGGER;
  const unlock = options.dataDirectory === null ? async () => {} : await claimDirectory(files, directory);
  // What a timer or a task throws costs no more than it must: never the process, and with it everybody.
  const fault = (error: unknown): void => clientLog.fault(undefined, error);
  const own = options.clock === undefined;
  const clock = options.clock ?? new SystemClock(fault);
  const clientLog = new ClientLog(clock, logger);
  const turn = new Turn(clock);
  if (own) turn.onError = fault;
  const stop = async (): Promise<void> => {
    if (own) clock.stop();
    await unlock();
  };
  const hold = clock instanceof SystemClock ? clock.hold() : () => {};
  try {
    const state = await BrokerState.open({ files, directory, clock, turn, logger: loggerOf(logger, 'storage') });
    const release = async (): Promise<void> => {
      await state.close();
      await stop();
    };
    const onDisk = options.dataDirectory !== null;
    return { clock, turn, logger, clientLog, files, directory, onDisk, state, release };
  } catch (error) {
    clientLog.close();
    await stop();
    throw error;
  } finally {
    hold();
  }
}
