/** Schedules, as an operator sees them: listed, and ended in the place of who has made them. */
import type { ScheduleView } from '../api/schedules.ts';
import type { Broker } from '../broker/broker.ts';
import { BrokerError } from '../message/errors.ts';
import type { Vhost } from '../vhost/vhost.ts';

/** In one list at most. */
const LISTED_MAX = 1_000;

export class ScheduleList {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  /** The oldest first, as many as a list may have; and how many there are. @throws BrokerError not-found */
  list(vhost: string): { readonly items: readonly ScheduleView[]; readonly total: number } {
    const { schedules } = this.vhostNamed(vhost);
    const items: ScheduleView[] = [];
    for (const one of schedules.all()) {
      if (items.push(one) >= LISTED_MAX) break;
    }
    return { items, total: schedules.size };
  }

  /** @throws BrokerError not-found */
  remove(vhost: string, id: string): void {
    if (this.vhostNamed(vhost).schedules.remove(id)) return;
    throw new BrokerError('not-found', `no schedule '${id}' in vhost '${vhost}'`);
  }

  private vhostNamed(name: string): Vhost {
    const vhost = this.broker.vhostsByName.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost;
  }
}
