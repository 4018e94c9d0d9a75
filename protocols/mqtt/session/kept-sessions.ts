/** The records of a vhost's kept sessions, and how many there are, in all and of each user, where they are bounded. */
import type { AdapterState, Session } from '../../../src/api/index.ts';
import { deleteSession, getSession, hasSession, putSession, type SessionRecord } from './session-records.ts';

export class KeptSessions {
  private readonly state: AdapterState;
  private total = 0;
  private readonly byUser = new Map<string, number>();

  /** @param stored those that there are */
  constructor(state: AdapterState, stored: Iterable<SessionRecord>) {
    this.state = state;
    for (const { user } of stored) this.count(user, 1);
  }

  /** Whether there may be one more, of that session's user. @throws LimitError */
  checkRoom(session: Session): void {
    if (!session.boundsSessions) return;
    session.checkSessions({ vhost: this.total, user: this.byUser.get(session.user) ?? 0 });
  }

  /** Whose a session is does not change: another user's is another session. */
  put(clientId: string, record: SessionRecord): void {
    if (!hasSession(this.state, clientId)) this.count(record.user, 1);
    putSession(this.state, clientId, record);
  }

  delete(clientId: string): void {
    const record = getSession(this.state, clientId);
    if (record === undefined) return;
    this.count(record.user, -1);
    deleteSession(this.state, clientId);
  }

  private count(user: string, change: 1 | -1): void {
    this.total += change;
    const count = (this.byUser.get(user) ?? 0) + change;
    if (count > 0) this.byUser.set(user, count);
    else this.byUser.delete(user);
  }
}
