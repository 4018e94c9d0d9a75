/**
 * The names of MQTT in the neutral model. Topics are in `topic-writer.ts`, properties in `dialect.ts`, topics that begin with
 * `$` in `special-topics.ts`; no files outside this folder know both sides.
 *
 *     MQTT                          the broker
 *     topic a/b                     exchange amq.topic, key `a/b` spelled with slashes
 *     topic $queue/q                the default exchange, key q: straight into a queue
 *     filter a/+/#                  binding of the session's queue, spelled with slashes
 *     QoS 0, 1, 2                   assurance: the same number
 *     session                       queue mqtt-subscription-<client identifier>
 *     $share/group/filter           queue of that very name
 */
import { type BindOptions, EXACTLY_ONCE, type Headers, SLASH } from '../../../src/api/index.ts';
import type { Subscription } from '../codec/subscriptions.ts';
import type { Limits } from '../options.ts';

const QUEUE_PREFIX = 'mqtt-subscription-';

export function queueOf(clientId: string): string {
  return QUEUE_PREFIX + clientId;
}

/** The arguments of a session's queue: what bounds it. */
export function sessionArguments(limits: Limits): Headers {
  const bounds: [name: string, value: number][] = [
    ['x-max-length', limits.sessionMessagesMax],
    ['x-max-length-bytes', limits.sessionBytesMax],
    ['x-message-ttl', limits.sessionMessageTtlMs],
  ];
  return bounds
    .filter(([, value]) => value > 0)
    .map(([name, value]) => ({ name, value: { type: 'int64', value: BigInt(value) } }));
}

/** `$share/group/filter`: the queue's name, which other protocols may consume from as well. */
export function sharedQueueOf(group: string, filter: string): string {
  return `$share/${group}/${filter}`;
}

/**
 * The binding of a subscription. Topics that begin with `$` hide from a leading wildcard [MQTT-4.7.2-1].
 * @param identifier the subscription identifier, 0 for none
 */
export function bindingOf(subscription: Subscription, identifier: number): BindOptions {
  const { qos, noLocal, retainAsPublished } = subscription;
  return {
    spelling: SLASH,
    arguments: [],
    assurance: qos,
    hideReserved: true,
    keepRetain: retainAsPublished,
    notOwn: noLocal,
    data: identifier,
  };
}

/** The binding of a shared subscription's queue: it keeps what was promised, and each member takes it on terms of its own. */
export const SHARED_BINDING: BindOptions = {
  spelling: SLASH,
  arguments: [],
  assurance: EXACTLY_ONCE,
  hideReserved: true,
  keepRetain: true,
};

/** The user name `vhost:user` chooses a vhost; without a colon it is a user of the default one. */
export function splitUserName(name: string | undefined): { vhost: string | undefined; user: string | undefined } {
  const colon = name === undefined ? -1 : name.indexOf(':');
  if (name === undefined || colon < 0) return { vhost: undefined, user: name };
  return { vhost: colon === 0 ? undefined : name.slice(0, colon), user: name.slice(colon + 1) };
}
