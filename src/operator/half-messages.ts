/** Half messages, as an operator sees them: listed, and ended in the place of a publisher who never will. */
import type { Mark } from '../api/confirms.ts';
import { MARK_REFUSED } from '../api/confirms.ts';
import type { Broker } from '../broker/broker.ts';
import { BrokerError } from '../message/errors.ts';
import type { HalfMessageView } from '../vhost/half/half-messages.ts';
import type { Vhost } from '../vhost/vhost.ts';

/** Looked at for one list at most. */
const LISTED_MAX = 1_000;

export class HalfMessageList {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  /** The oldest first, as many as a list may have; and how many there are. @throws BrokerError not-found */
  list(vhost: string): { readonly items: readonly HalfMessageView[]; readonly total: number } {
    const { half } = this.vhostNamed(vhost);
    const items: HalfMessageView[] = [];
    for (const one of half.all()) {
      if (items.length >= LISTED_MAX) break;
      items.push(one);
    }
    return { items, total: half.size };
  }

  /**
   * @param user whose it is; left out where only one user has one of that id
   * @returns the mark that covers it
   * @throws BrokerError not-found; precondition-failed: several users have one of that id
   */
  end(vhost: string, id: string, action: 'commit' | 'rollback', user?: string): Mark {
    const { half } = this.vhostNamed(vhost);
    const users = user === undefined ? half.usersOf(id) : [user];
    const [only] = users;
    if (users.length > 1) {
      throw new BrokerError('precondition-failed', `several users have a half message '${id}': say whose is meant`);
    }
    const mark = only === undefined ? MARK_REFUSED : half.end(id, only, action);
    if (mark === MARK_REFUSED) throw new BrokerError('not-found', `no half message '${id}' in vhost '${vhost}'`);
    return mark;
  }

  private vhostNamed(name: string): Vhost {
    const vhost = this.broker.vhostsByName.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost;
  }
}
