/** Opens vhosts with what a broker gives each of them, and tells what happens to their queues. */
import { loggerOf } from '../logger.ts';
import type { Dialects } from '../message/dialect.ts';
import type { Retainer } from '../message/message.ts';
import type { Resource } from '../vhost/flow/publish-flow-control.ts';
import { Vhost } from '../vhost/vhost.ts';
import type { Alarms } from './alarms.ts';
import { type BrokerEvents, queueUse } from './events.ts';
import type { Ground } from './ground.ts';
import type { StartOptions, VhostSettings } from './options.ts';

export interface VhostOpening {
  readonly ground: Ground;
  readonly options: StartOptions;
  readonly dialects: Dialects;
  readonly events: BrokerEvents;
  readonly alarms: Alarms;
  /** Of what the machine has too little. */
  readonly scarce: Iterable<Resource>;
  uncongested(vhost: string): void;
  /** As `VhostOptions.reserves`. */
  reserves(exchange: string, key: string): boolean;
  /** As `VhostOptions.mayPublish`. */
  mayPublish(vhost: string, user: string, exchange: string, key: string): boolean;
  /** As `VhostOptions.mayRetain`; asked where the options say so. */
  mayRetain(vhost: string, retainer: Retainer, exchange: string, key: string): boolean;
}

/** @param directory its own @throws what opening a log throws */
export async function openVhost(
  { ground, options, dialects, events, alarms, scarce, uncongested, mayPublish, mayRetain, reserves }: VhostOpening,
  settings: VhostSettings,
  directory: string,
): Promise<Vhost> {
  const { clock, turn, logger, files } = ground;
  const { name, durability = options.durability, compat = options.compat } = settings;
  const vhost = await Vhost.open({
    ...{ name, files, clock, turn, dialects, directory },
    logger: loggerOf(logger, 'storage'),
    topologyLogger: loggerOf(logger, 'topology'),
    ...(durability !== undefined && { durability }),
    ...(compat !== undefined && { compat }),
    ...(settings.policies !== undefined && { policies: settings.policies }),
    ...(settings.limits !== undefined && { limits: settings.limits }),
    ...(options.log !== undefined && { log: options.log }),
    ...(options.transient !== undefined && { transient: options.transient }),
    mayPublish: (user, exchange, key) => mayPublish(name, user, exchange, key),
    ...(options.checkRetainSource === true && {
      mayRetain: (retainer: Retainer, exchange: string, key: string) => mayRetain(name, retainer, exchange, key),
    }),
    reserves,
    onUncongested: () => uncongested(name),
    onAlarm: (alarm, on) => alarms.set(alarm, name, on),
    onSlowFlush: (ms, more) => {
      if (events.watched) events.tell({ kind: 'disk-slow', vhost: name, ms, more });
    },
  });
  for (const resource of scarce) vhost.publishFlow.setScarce(resource, true);
  vhost.topology.registry.onQueue = (queue, made) => {
    if (!events.watched) return;
    const kind = made ? 'queue-made' : 'queue-deleted';
    events.tell({ kind, vhost: name, queue: queue.name, ...queueUse(queue.options) });
  };
  return vhost;
}
