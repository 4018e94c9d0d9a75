/**
 * Queues that a session declares because a destination names them, and what headers say about them.
 *
 *     durable, auto-delete, exclusive   true or false
 *     activemq.exclusive                true: one consumer at a time, as `x-single-active-consumer` says
 *     x-…                               queue arguments; where they are not names, numbers become integers, `true` and
 *                                       `false` booleans
 */
import { createHash } from 'node:crypto';
import {
  type Header,
  type Headers,
  MARK_NOW,
  type Mark,
  type QueueOptions,
  type Session,
  type Value,
} from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { flag } from '../codec/values.ts';

/** Arguments that may be given as headers. Others with `x-` are the message's or the consumer's. */
const TEXT_ARGUMENTS = [
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-max-age',
  'x-overflow',
  'x-queue-leader-locator',
  'x-queue-master-locator',
  'x-queue-mode',
  'x-queue-type',
]; // prettier-ignore
const TYPED_ARGUMENTS = [
  'x-delivery-limit',
  'x-expires',
  'x-max-in-memory-bytes',
  'x-max-in-memory-length',
  'x-max-length',
  'x-max-length-bytes',
  'x-max-priority',
  'x-message-ttl',
  'x-queue-version',
  'x-quorum-initial-group-size',
  'x-single-active-consumer',
  'x-stream-max-segment-size-bytes',
]; // prettier-ignore
const OPTIONS = ['durable', 'persistent', 'exclusive', 'auto-delete'];
const SINGLE_ACTIVE = 'x-single-active-consumer';
const DECLARED_MAX = 16_384;
/** What the names of durable subscriptions begin with that are known by their ids. */
export const DURABLE_PREFIX = 'stomp-subscription-';

export interface QueueWish {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
}

export class Queues {
  /** Covers what was declared last; MARK_NOW when nothing has to be waited for. */
  mark: Mark = MARK_NOW;
  private readonly session: Session;
  /** What this session asked for when it named a queue first. That it is there still is never taken for granted. */
  private readonly wishes = new Map<string, QueueOptions>();

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * Declares a durable queue unless it is there and this session has named it before. One that is there is taken as it is, as
   * long as the frame's headers ask for nothing in particular. Returns what `renew` makes it of again.
   */
  declare(name: string, frame: Frame): QueueOptions {
    const known = this.wishes.get(name);
    if (known !== undefined && this.session.queueExists(name)) return known;
    const wish = queueOptions(frame, { durable: true, exclusive: false, autoDelete: false });
    const plain = wish.durable && !wish.exclusive && !wish.autoDelete && wish.arguments.length === 0;
    if (!plain || !this.session.queueExists(name)) this.mark = this.session.declareQueue(name, wish).mark;
    if (this.wishes.size >= DECLARED_MAX) this.wishes.clear();
    this.wishes.set(name, wish);
    return wish;
  }

  /** Makes it again if somebody has deleted it. */
  renew(name: string, wish: QueueOptions): void {
    if (!this.session.queueExists(name)) this.mark = this.session.declareQueue(name, wish).mark;
  }
}

/** What the frame's headers say, over what holds where they say nothing. */
export function queueOptions(frame: Frame, otherwise: QueueWish): QueueOptions {
  return {
    durable: flag(frame, 'durable') ?? otherwise.durable,
    exclusive: flag(frame, 'exclusive') ?? otherwise.exclusive,
    autoDelete: flag(frame, 'auto-delete') ?? otherwise.autoDelete,
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
  if (flag(frame, 'activemq.exclusive') === true && !found.some(({ name }) => name === SINGLE_ACTIVE)) {
    found.push({ name: SINGLE_ACTIVE, value: true });
  }
  return found;
}

/** A header's text as the value that another protocol would have sent. */
export function typedValue(text: string): Value {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (!/^-?\d{1,18}$/.test(text)) return text;
  const value = BigInt(text);
  return BigInt.asIntN(32, value) === value ? { type: 'int32', value: Number(value) } : { type: 'int64', value };
}

/** The queue of a durable subscription that is known by its `id`: the same for whoever names both again. */
export function durableQueueName(exchange: string, key: string, id: string): string {
  const parts = [exchange, key, id];
  // A NUL stands between them, so that one within must not be taken for it.
  const text = parts.some((part) => part.includes('\0')) ? JSON.stringify(parts) : parts.join('\0');
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return `${DURABLE_PREFIX}${hash}`;
}

/** The queue of a durable subscription that is known, as with ActiveMQ, by the client's id and the subscription's name. */
export function namedDurableQueueName(clientId: string, name: string): string {
  // A dot separates the two, so it cannot stand in the first one: otherwise two clients could have one queue.
  return `${clientId.replace(/[.%]/g, (character) => (character === '.' ? '%2E' : '%25'))}.${name}`;
}
