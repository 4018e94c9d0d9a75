/** All operations of the API, and those that describe it. */
import { description } from './description/routes.ts';
import type { Operation } from './http/operation.ts';
import { ACCESS } from './routes/access.ts';
import { AUDIT } from './routes/audit.ts';
import { BACKUP } from './routes/backup.ts';
import { BINDINGS } from './routes/bindings.ts';
import { CONSUMERS } from './routes/consumers.ts';
import { DELAYED_MESSAGES } from './routes/delayed.ts';
import { DROPPED_MESSAGES } from './routes/dropped.ts';
import { EVENTS } from './routes/events.ts';
import { EXPLAIN } from './routes/explain.ts';
import { HALF_MESSAGES } from './routes/half-messages.ts';
import { LIMITS } from './routes/limits.ts';
import { LISTENERS } from './routes/listeners.ts';
import { MESSAGES } from './routes/messages.ts';
import { OVERVIEW } from './routes/overview.ts';
import { PASSPORTS } from './routes/passports.ts';
import { POLICIES } from './routes/policies.ts';
import { PULLS } from './routes/pulls.ts';
import { QUEUES } from './routes/queues.ts';
import { REDRIVES } from './routes/redrives.ts';
import { RELOCATIONS } from './routes/relocations.ts';
import { RETAINED_MESSAGES } from './routes/retained.ts';
import { SCHEDULES } from './routes/schedules.ts';
import { SEARCH } from './routes/search.ts';
import { SESSIONS } from './routes/sessions.ts';
import { SUBSCRIPTIONS } from './routes/subscriptions.ts';

export const OPERATIONS: readonly Operation[] = [
  ...description(() => OPERATIONS),
  ...OVERVIEW,
  ...SEARCH,
  ...QUEUES,
  ...MESSAGES,
  ...RELOCATIONS,
  ...DROPPED_MESSAGES,
  ...PASSPORTS,
  ...REDRIVES,
  ...PULLS,
  ...HALF_MESSAGES,
  ...DELAYED_MESSAGES,
  ...SCHEDULES,
  ...SUBSCRIPTIONS,
  ...BINDINGS,
  ...EXPLAIN,
  ...ACCESS,
  ...SESSIONS,
  ...CONSUMERS,
  ...RETAINED_MESSAGES,
  ...EVENTS,
  ...AUDIT,
  ...LISTENERS,
  ...BACKUP,
  ...POLICIES,
  ...LIMITS,
];
