/**
 * Response topics and the neutral form's reply addresses: of the topic exchange `a/b`, of the default exchange `$queue/q`.
 */
import { type Address, isText, respelled } from '../../../src/api/index.ts';
import { SUCCESS } from '../codec/reasons.ts';
import { meaningOf, QUEUE_TOPIC_PREFIX } from './special-topics.ts';

/** Where a response goes, which other protocols cannot hold back for a time; undefined where none may be sent. */
export function addressOf(topic: string, exchange: string): Address | undefined {
  const { reason, skip, isQueue } = meaningOf(topic);
  if (reason !== SUCCESS) return undefined;
  const key = topic.slice(skip);
  return isQueue ? { exchange: '', key } : { exchange, key: respelled(key) };
}

/** Undefined for an address that no topic leads to. */
export function topicOf(address: Address, exchange: string): string | undefined {
  if (address.key === '') return undefined;
  const topic =
    address.exchange === ''
      ? QUEUE_TOPIC_PREFIX + address.key
      : address.exchange === exchange
        ? respelled(address.key)
        : undefined;
  return topic === undefined || !isText(topic) || /[+#\0]/.test(topic) ? undefined : topic;
}
