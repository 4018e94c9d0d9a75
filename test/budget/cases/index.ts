/**
 * The abuses: what one client, or some, can do to all others. Each is prepared, which takes as long as it takes, and then
 * begins; its function may return when all is sent, or go on for as long as the process lives.
 */
import type { Case } from './case.ts';
import { DELIVERIES } from './deliveries.ts';
import { FAN_OUT } from './fan-out.ts';
import { FLOODS } from './floods.ts';
import { HEADERS } from './headers.ts';
import { LOGINS } from './logins.ts';
import { MEMORY } from './memory.ts';
import { OPERATORS } from './operators.ts';
import { REDIS } from './redis.ts';
import { SUBSCRIPTIONS } from './subscriptions.ts';
import { TOPOLOGY } from './topology.ts';

export type { Case } from './case.ts';

export const CASES: readonly Case[] = [
  ...TOPOLOGY,
  ...DELIVERIES,
  ...SUBSCRIPTIONS,
  ...FAN_OUT,
  ...REDIS,
  ...MEMORY,
  ...FLOODS,
  ...HEADERS,
  ...OPERATORS,
  ...LOGINS,
];
