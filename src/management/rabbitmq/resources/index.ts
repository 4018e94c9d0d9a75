/** All resources of the API: one file a family, and what writes beside what reads. */
import type { Resource } from '../http/router.ts';
import { BINDINGS } from './bindings.ts';
import { CONNECTIONS } from './connections.ts';
import { EXCHANGES } from './exchanges.ts';
import { HEALTH } from './health.ts';
import { IDENTITY } from './identity.ts';
import { NODES } from './nodes.ts';
import { OVERVIEW } from './overview.ts';
import { QUEUES } from './queues.ts';
import { VHOSTS } from './vhosts.ts';

export const RESOURCES: readonly Resource[] = [
  ...OVERVIEW,
  ...NODES,
  ...CONNECTIONS,
  ...EXCHANGES,
  ...QUEUES,
  ...BINDINGS,
  ...VHOSTS,
  ...IDENTITY,
  ...HEALTH,
];
