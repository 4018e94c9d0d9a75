/** All resources of the API: one file a family, and what writes beside what reads. */
import type { Resource } from '../http/resource.ts';
import { BINDINGS } from './bindings.ts';
import { BINDINGS_CHANGED } from './bindings-changed.ts';
import { CONNECTIONS } from './connections.ts';
import { DEFINITIONS } from './definitions.ts';
import { EXCHANGES } from './exchanges.ts';
import { EXCHANGES_CHANGED } from './exchanges-changed.ts';
import { FEATURE_FLAGS } from './feature-flags.ts';
import { GLOBAL_PARAMETERS } from './global-parameters.ts';
import { HEALTH } from './health.ts';
import { IDENTITY } from './identity.ts';
import { LIMITS } from './limits.ts';
import { MEMORY } from './memory.ts';
import { NODES } from './nodes.ts';
import { OVERVIEW } from './overview.ts';
import { PARAMETERS } from './parameters.ts';
import { PERMISSIONS } from './permissions.ts';
import { POLICIES } from './policies.ts';
import { QUEUES } from './queues.ts';
import { QUEUES_CHANGED } from './queues-changed.ts';
import { USERS } from './users.ts';
import { VHOSTS } from './vhosts.ts';
import { VHOSTS_CHANGED } from './vhosts-changed.ts';

export const RESOURCES: readonly Resource[] = [
  ...OVERVIEW,
  ...NODES,
  ...MEMORY,
  ...FEATURE_FLAGS,
  ...CONNECTIONS,
  ...EXCHANGES,
  ...QUEUES,
  ...BINDINGS,
  ...VHOSTS,
  ...IDENTITY,
  ...HEALTH,
  ...VHOSTS_CHANGED,
  ...QUEUES_CHANGED,
  ...EXCHANGES_CHANGED,
  ...BINDINGS_CHANGED,
  ...LIMITS,
  ...DEFINITIONS,
  ...USERS,
  ...PERMISSIONS,
  ...POLICIES,
  ...PARAMETERS,
  ...GLOBAL_PARAMETERS,
];
