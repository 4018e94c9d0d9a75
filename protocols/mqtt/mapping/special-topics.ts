/**
 * The table of topics that begin with `$` and mean something here. It is asked for each PUBLISH, of any size and version and by
 * alias too, for each will, and for each subscription:
 *
 *     topic                                PUBLISH, will                             SUBSCRIBE
 *     $queue/q                             the default exchange: the queue q         refused
 *     $delayed/<s>/t                       t, in so many seconds; t may be $queue/q  refused
 *     $share/…                             not authorized                            a shared subscription
 *     $SYS/broker/connection/<id>/state    like any other: how a bridge is           like any other
 *     $SYS, $SYS/…                         not authorized: the broker's alone        what it says of itself
 *     $CONTROL/dynamic-security/v1          commands of who may administer users   their answers, below it in /response
 *     $delivery/renew, /defer, /claim      words about deliveries                    refused
 *     $CONTROL, $CONTROL/…                 not authorized                            like any other
 *     $…                                   like any other                            like any other
 *
 * A subscription that would never bring anything is refused rather than granted: no message arrives under `$queue/`,
 * `$delayed/`, whose rest is where it goes, or `$delivery/`. Mosquitto's bridges publish their state, and leave it as their will, by default.
 */

import { respelled } from '../../../src/api/index.ts';
import { NOT_AUTHORIZED_5, SUCCESS, TOPIC_FILTER_INVALID, TOPIC_NAME_INVALID } from '../codec/reasons.ts';
import { CONTROL_PREFIX, DYNAMIC_SECURITY_TOPIC } from '../control/topics.ts';

/** What a client can say of its deliveries, under `$delivery/`. */
export type DeliveryWord = 'renew' | 'defer' | 'claim';
const DELIVERY_PREFIX = '$delivery/';
const WORDS: ReadonlyMap<string, DeliveryWord> = new Map(
  (['renew', 'defer', 'claim'] as const).map((word) => [DELIVERY_PREFIX + word, word]),
);

/** What a topic means where it is published to. */
export interface Meaning {
  /** A reason code of 5.0: it may not be published to. */
  readonly reason: number;
  /** Bytes before what remains, which is a topic, or a queue's name. */
  readonly skip: number;
  readonly isQueue: boolean;
  /** Commands, and no message. */
  readonly isControl: boolean;
  /** Not '': it says something about deliveries, and is no message. */
  readonly word: DeliveryWord | '';
  /** Milliseconds to wait, -1 for none. */
  readonly delayMs: number;
}

/** Topics under this go straight into the queue that the rest names. */
export const QUEUE_TOPIC_PREFIX = '$queue/';
const DELAYED_PREFIX = '$delayed/';
const DELAYED = /^\$delayed\/(\d{1,10})\/(?=[\s\S])/;
const DELAY_MAX_S = 4_294_967;
const BRIDGE_STATE = /^\$SYS\/broker\/connection\/[^/]*\/state$/;

const PLAIN: Meaning = { reason: SUCCESS, skip: 0, isQueue: false, isControl: false, word: '', delayMs: -1 };

function refused(reason: number): Meaning {
  return { ...PLAIN, reason };
}

/** Of a well-formed topic name. */
export function meaningOf(topic: string): Meaning {
  if (isUnder(topic, '$SYS/')) return BRIDGE_STATE.test(topic) ? PLAIN : refused(NOT_AUTHORIZED_5);
  if (isUnder(topic, CONTROL_PREFIX)) {
    return topic === DYNAMIC_SECURITY_TOPIC ? { ...PLAIN, isControl: true } : refused(NOT_AUTHORIZED_5);
  }
  if (isUnder(topic, DELIVERY_PREFIX)) {
    const word = WORDS.get(topic);
    return word === undefined ? refused(TOPIC_NAME_INVALID) : { ...PLAIN, word };
  }
  if (isUnder(topic, '$share/')) return refused(NOT_AUTHORIZED_5);
  if (isUnder(topic, QUEUE_TOPIC_PREFIX)) {
    if (topic.length <= QUEUE_TOPIC_PREFIX.length) return refused(TOPIC_NAME_INVALID);
    return { ...PLAIN, skip: QUEUE_TOPIC_PREFIX.length, isQueue: true };
  }
  if (isUnder(topic, DELAYED_PREFIX)) {
    const [prefix, seconds] = DELAYED.exec(topic) ?? [];
    if (prefix === undefined || Number(seconds) > DELAY_MAX_S) return refused(TOPIC_NAME_INVALID);
    const rest = meaningOf(topic.slice(prefix.length));
    if (rest.delayMs >= 0 || rest.isControl || rest.word !== '') return refused(TOPIC_NAME_INVALID);
    return { ...rest, skip: prefix.length + rest.skip, delayMs: Number(seconds) * 1000 };
  }
  return PLAIN;
}

/** The same of a dotted key that other protocols publish to: what is told under it is the broker's alone. */
export function isReserved(key: string): boolean {
  if (!isUnder(key, '$SYS.') && !isUnder(key, '$CONTROL.')) return false;
  return !BRIDGE_STATE.test(respelled(key));
}

/** Whether a topic filter may be subscribed to, alone or behind `$share/group/`: a reason code of 5.0. */
export function subscribable(filter: string): number {
  const nothingComes = [QUEUE_TOPIC_PREFIX, DELAYED_PREFIX, DELIVERY_PREFIX, '$share/'];
  return nothingComes.some((prefix) => isUnder(filter, prefix)) ? TOPIC_FILTER_INVALID : SUCCESS;
}

/** @param prefix with its slash, or its dot */
function isUnder(topic: string, prefix: string): boolean {
  return topic.startsWith(prefix) || topic === prefix.slice(0, -1);
}
