/** Kept sessions as an operator sees and ends them. */
import type { SessionKeeper } from '../../../src/api/index.ts';
import { EXPIRY_NEVER_S } from '../codec/connect.ts';
import { queueOf } from '../mapping/names.ts';
import { getSession, keptSessions } from './session-records.ts';
import { knownRegistry } from './session-registry.ts';

export const SESSION_KEEPER: SessionKeeper = {
  ids(broker, vhost) {
    const registry = knownRegistry(broker, vhost);
    return registry === undefined ? [] : keptSessions(registry.state);
  },
  find(broker, vhost, clientId) {
    const registry = knownRegistry(broker, vhost);
    const record = registry === undefined ? undefined : getSession(registry.state, clientId);
    if (registry === undefined || record === undefined) return undefined;
    const { user, expiryS, endsAtMs, hasQueue } = record;
    const connection = registry.sessions.get(clientId)?.connection ?? null;
    return {
      ...{ clientId, user, connected: connection !== null },
      queue: hasQueue ? queueOf(clientId) : undefined,
      expiryS: expiryS === EXPIRY_NEVER_S ? undefined : expiryS,
      endsAtMs: endsAtMs > 0 ? endsAtMs : undefined,
    };
  },
  end: (broker, vhost, clientId) => knownRegistry(broker, vhost)?.endByOperator(clientId) === true,
};
