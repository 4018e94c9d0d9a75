/** The state of a stopped broker, opened for a command: its data directory is locked meanwhile, as a running broker locks it. */
import { claimDirectory } from '../broker/data-directory.ts';
import { BrokerState } from '../broker/state.ts';
import { SystemClock } from '../clock/clock.ts';
import { Turn } from '../clock/turn.ts';
import { type FileSystem, nodeFiles } from '../log/files/files.ts';
import { NO_LOGGER } from '../logger.ts';

/**
 * @param files default: the operating system's; the directory is made if it is not there
 * @throws BrokerError unavailable; or the lock's error, in a line, if a broker runs there
 */
export async function withStoppedState<T>(
  directory: string,
  work: (state: BrokerState, clock: SystemClock) => Promise<T>,
  files: FileSystem = nodeFiles,
): Promise<T> {
  const unlock = await claimDirectory(files, directory);
  const clock = new SystemClock();
  const release = clock.hold();
  try {
    const state = await BrokerState.open({ files, directory, clock, turn: new Turn(clock), logger: NO_LOGGER });
    try {
      return await work(state, clock);
    } finally {
      await state.close();
    }
  } finally {
    release();
    clock.stop();
    await unlock();
  }
}
