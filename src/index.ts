/// <reference types="node" preserve="true" />
/**
 * The package: what a program imports that wants a broker inside itself, or that brings a protocol or an authenticator of its
 * own. Importing starts nothing; a broker installs no signal handler, never ends the process, and leaves nothing behind when
 * it is closed.
 *
 *     const running = await createBroker({ data: './data', listen: ['amqp://127.0.0.1:0'] });
 *     running.port('amqp');
 *     await running.close();
 *
 * `src/server/` brings the core, the adapters, the ports and the settings together; `src/api/` is what an adapter is given.
 */
export * from './api/index.ts';
export type {
  HashingAlgorithm,
  Permissions,
  TopicPermissions,
  UserInfo,
  UserSettings,
  Users,
} from './api/users.ts';
export { Broker } from './broker/broker.ts';
export { ManualClock, SystemClock } from './clock/clock.ts';
export type { ListenAddress } from './config/listen.ts';
export { type Logger, NO_LOGGER } from './logger.ts';
export type { Health } from './management/health.ts';
export type { PullQuery } from './operator/pulls/pull.ts';
export type { LeaseEnd, Pulled } from './operator/pulls/pulls.ts';
export type { RedrivePlan, RedriveRecord, RedriveTarget } from './operator/redrives/plan.ts';
export { createBroker } from './server/create-broker.ts';
export type { BrokerOptions, ListenerInfo, RunningBroker } from './server/options.ts';
