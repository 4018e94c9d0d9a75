/**
 * The headers of SEND and SUBSCRIBE that say what a queue is declared as.
 *
 *     durable, auto-delete, exclusive   true or false
 *     activemq.exclusive                true: one consumer at a time, as `x-single-active-consumer` says
 *     x-…                               queue arguments; where they are not names, numbers become numbers, `true` and
 *                                       `false` booleans
 */
import type { Header, Headers, QueueOptions, Value } from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { SUBSCRIBE } from '../codec/names.ts';
import { flag } from '../codec/values.ts';

/** Arguments that may be given as headers. Others with `x-` are the message's or the consumer's. */
const TEXT_ARGUMENTS = [
  'x-cache-persistence',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-delayed-retry-type',
  'x-fair-by',
  'x-group-by',
  'x-max-age',
  'x-overflow',
  'x-queue-leader-locator',
  'x-queue-master-locator',
  'x-queue-mode',
  'x-queue-type',
  'x-retry-backoff',
  'x-retry-delays',
]; // prettier-ignore
const TYPED_ARGUMENTS = [
  'x-cache-size',
  'x-delayed-retry-max',
  'x-delayed-retry-min',
  'x-delayed-retry-multiplier',
  'x-delivery-limit',
  'x-expires',
  'x-group-buckets',
  'x-group-in-flight',
  'x-max-in-memory-bytes',
  'x-max-in-memory-length',
  'x-max-length',
  'x-max-length-bytes',
  'x-max-priority',
  'x-message-deduplication',
  'x-message-ttl',
  'x-queue-version',
  'x-quorum-initial-group-size',
  'x-retry-delay',
  'x-retry-delay-max',
  'x-retry-initial-interval',
  'x-retry-jitter',
  'x-retry-max-attempts',
  'x-retry-max-interval',
  'x-retry-multiplier',
  'x-single-active-consumer',
  'x-stream-max-segment-size-bytes',
  'x-strict-order',
]; // prettier-ignore
/** With SEND they are the message's: its id, and for how long that is to be kept. */
const TEXT_OF_SUBSCRIBE = ['x-deduplication-header'];
const TYPED_OF_SUBSCRIBE = ['x-cache-ttl'];
const OPTIONS = ['durable', 'persistent', 'exclusive', 'auto-delete'];
const SINGLE_ACTIVE = 'x-single-active-consumer';

/** What a queue is where the headers say nothing. */
export interface QueueDefaults {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
}

/** @throws FrameError for a header that is neither true nor false where it must be */
export function queueOptions(frame: Frame, defaults: QueueDefaults): QueueOptions {
  return {
    durable: flag(frame, 'durable') ?? defaults.durable,
    exclusive: flag(frame, 'exclusive') ?? defaults.exclusive,
    autoDelete: flag(frame, 'auto-delete') ?? defaults.autoDelete,
    arguments: queueArguments(frame),
  };
}

/** Whether the frame says anything of the queue itself. */
export function speaksOfQueue(frame: Frame): boolean {
  return OPTIONS.some((name) => frame.header(name) !== undefined) || queueArguments(frame).length > 0;
}

function queueArguments(frame: Frame): Headers {
  const found: Header[] = [];
  const take = (names: readonly string[], read: (text: string) => Value): void => {
    for (const name of names) {
      const text = frame.header(name);
      if (text !== undefined) found.push({ name, value: read(text) });
    }
  };
  take(TEXT_ARGUMENTS, (text) => text); // an exchange may well be called 1 or true
  take(TYPED_ARGUMENTS, typedValue);
  if (frame.command === SUBSCRIBE) {
    take(TEXT_OF_SUBSCRIBE, (text) => text);
    take(TYPED_OF_SUBSCRIBE, typedValue);
  }
  if (flag(frame, 'activemq.exclusive') === true && !found.some(({ name }) => name === SINGLE_ACTIVE)) {
    found.push({ name: SINGLE_ACTIVE, value: true });
  }
  return found;
}

/** A header's text as the value that another protocol would have sent. */
function typedValue(text: string): Value {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (/^\d{1,9}\.\d{1,9}$/.test(text)) return { type: 'double', value: Number(text) };
  if (!/^-?\d{1,18}$/.test(text)) return text;
  const value = BigInt(text);
  return BigInt.asIntN(32, value) === value ? { type: 'int32', value: Number(value) } : { type: 'int64', value };
}
