/**
 * The client sessions of each vhost of a broker: who is connected under which client identifier, which sessions are
 * kept, and who is in which shared subscription.
 *
 * Adapter instances that serve the same broker (TCP, WebSocket) share one registry, since a client identifier is unique
 * in its vhost whichever way its client came [MQTT-3.1.4-2].
 */
import type { AdapterState } from '../../../src/api.ts';
import type { Broker } from '../../../src/broker.ts';
import type { Session } from '../../../src/session.ts';
import type { ClientSession } from './client.ts';
import { type Leftovers, readAll } from './store.ts';

export class VhostClients {
  /** Sessions in memory: connected ones, and kept ones that have been connected since the broker started. */
  readonly clients = new Map<string, ClientSession>();
  readonly state: AdapterState;
  /** What a former run left under way, for clients that have not connected since. */
  private readonly leftovers: Map<string, Leftovers>;
  /** Members of each shared subscription, by its queue's name. */
  private readonly members = new Map<string, Set<string>>();

  constructor(state: AdapterState) {
    this.state = state;
    const stored = readAll(state);
    this.leftovers = stored.leftovers;
    for (const [clientId, record] of stored.sessions) {
      for (const queue of Object.keys(record.shares)) this.join(queue, clientId);
    }
  }

  /** Takes, once, what a former run left under way for a client. */
  takeLeftovers(clientId: string): Leftovers | undefined {
    const found = this.leftovers.get(clientId);
    this.leftovers.delete(clientId);
    return found;
  }

  join(queue: string, clientId: string): void {
    let members = this.members.get(queue);
    if (members === undefined) {
      members = new Set();
      this.members.set(queue, members);
    }
    members.add(clientId);
  }

  /** Returns true if the last member has left. */
  leave(queue: string, clientId: string): boolean {
    const members = this.members.get(queue);
    if (members === undefined) return true;
    members.delete(clientId);
    if (members.size > 0) return false;
    this.members.delete(queue);
    return true;
  }
}

const brokers = new WeakMap<Broker, Map<string, VhostClients>>();

export function clientsOf(broker: Broker, session: Session): VhostClients {
  let vhosts = brokers.get(broker);
  if (vhosts === undefined) {
    vhosts = new Map();
    brokers.set(broker, vhosts);
  }
  let clients = vhosts.get(session.vhost);
  if (clients === undefined) {
    clients = new VhostClients(session.state);
    vhosts.set(session.vhost, clients);
  }
  return clients;
}
