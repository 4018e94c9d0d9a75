/** All resources of the API: one file a family, and what writes beside what reads. */
import type { Resource } from '../http/router.ts';
import { IDENTITY } from './identity.ts';
import { VHOSTS } from './vhosts.ts';

export const RESOURCES: readonly Resource[] = [...IDENTITY, ...VHOSTS];
