/**
 * Names of Redis in the neutral model.
 *
 *     Redis                       the broker
 *     channel `a.b`               exchange amq.topic, key `a.b` in dots, byte for byte: AMQP's and STOMP's `a.b`, MQTT's `a/b`
 *     channel `a:b`, `a/b`        the same, one level each: only dots part levels, and `/` is MQTT's `.`
 *     pattern                     the narrowest binding that has all it matches, filtered exactly: `a.*` is `a.#`, `a*` is `#`
 *     list `l`                    queue `l`, durable; elements are persistent messages
 *     value                       the body; there are no properties
 */
import { type Dialect, NO_PROPERTIES, textOf } from '../../../src/api/index.ts';
import { literalEnds } from '../codec/glob.ts';

export const CHANNELS = 'amq.topic';

export const REDIS_DIALECT: Dialect = { id: 4, name: 'redis', decode: () => NO_PROPERTIES };

/** The key of the binding that brings, among others, all channels that the pattern matches. */
export function bindingOf(pattern: Buffer): string {
  const { head, tail } = literalEnds(pattern);
  const before = textOf(head);
  if (tail === null) return before;
  const after = textOf(tail);
  // Whole levels only; what stands between may hold any number of dots.
  const from = after.indexOf('.');
  return `${before.slice(0, before.lastIndexOf('.') + 1)}#${from < 0 ? '' : after.slice(from)}`;
}

/** The user name `vhost:user` chooses a vhost; without a colon it is a user of the default one. */
export function splitUserName(name: string): { vhost: string | undefined; user: string } {
  const colon = name.indexOf(':');
  return { vhost: colon <= 0 ? undefined : name.slice(0, colon), user: name.slice(colon + 1) };
}
