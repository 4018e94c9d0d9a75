/** Begins backups, one at a time. */
import { BrokerError } from '../message/errors.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Backup } from './backup.ts';
import type { Ground } from './ground.ts';

export class Backups {
  private readonly ground: Pick<Ground, 'files' | 'directory' | 'state' | 'onDisk' | 'clock'>;
  private readonly vhosts: ReadonlyMap<string, Vhost>;
  private making = false;

  constructor(
    ground: Pick<Ground, 'files' | 'directory' | 'state' | 'onDisk' | 'clock'>,
    vhosts: ReadonlyMap<string, Vhost>,
  ) {
    this.ground = ground;
    this.vhosts = vhosts;
  }

  /** @throws BrokerError as `Broker.backup` does */
  async begin(): Promise<Backup> {
    const { files, directory, state, onDisk, clock } = this.ground;
    if (!onDisk) throw new BrokerError('not-implemented', 'this broker keeps nothing on a disk');
    if (this.making) throw new BrokerError('resource-locked', 'a backup is being made already');
    this.making = true;
    const over = (): void => {
      this.making = false;
    };
    const own = state.keptLog;
    const logs = [...(own === undefined ? [] : [own]), ...[...this.vhosts.values()].map(({ log }) => log)];
    return Backup.begin(files, directory, logs, over, clock).catch((error) => {
      over();
      throw error;
    });
  }
}
