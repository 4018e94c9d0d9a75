/** What is around the broker, for its operator. */
import type { Watermarks } from '../broker/watermarks.ts';
import type { Surroundings } from '../operator/surroundings.ts';
import type { Connections } from '../transport/connections.ts';
import type { GuardedServers } from './guarded-servers.ts';
import type { Listeners } from './listeners.ts';

export interface Around {
  readonly open: Listeners;
  readonly clients: Connections;
  readonly guarded: GuardedServers;
  readonly watermarks: Watermarks;
  readonly descriptors: number | undefined;
}

export function surroundingsOf({ open, clients, guarded, watermarks, descriptors }: Around): Surroundings {
  return {
    listeners: () => open.all.map(({ name, addresses }) => ({ protocols: name.split('+'), addresses })),
    certificates: () => guarded.statistics.certificates.map(({ path, expiresMs }) => ({ path, untilMs: expiresMs })),
    machine: () => {
      const { memoryMaxBytes, diskFreeMinBytes, diskFreeBytes, memoryScarce, diskScarce } = watermarks.statistics;
      return {
        ...{ memoryMaxBytes, diskFreeMinBytes, diskFreeBytes },
        alarms: [...(memoryScarce ? (['memory'] as const) : []), ...(diskScarce ? (['disk'] as const) : [])],
        sockets: clients.size,
        socketsMax: clients.limit,
        descriptorsMax: descriptors ?? 0,
      };
    },
  };
}
