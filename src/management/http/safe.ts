/** Waiting until what was asked of a session is safe. */
import type { Mark } from '../../api/confirms.ts';
import type { Session } from '../../api/session.ts';
import { BrokerError } from '../../message/errors.ts';

/** Resolves when it is. @throws BrokerError unavailable: the log has failed */
export function whenSafe(session: Session, mark: Mark): Promise<void> {
  return new Promise((resolve, reject) => {
    session.whenSafe(mark, (failed) => {
      if (failed) reject(new BrokerError('unavailable', `vhost '${session.vhost}': the log has failed`));
      else resolve();
    });
  });
}
