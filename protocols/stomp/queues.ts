/**
 * Queues that a session declares because a destination names them, and what headers say about them.
 *
 *     durable, auto-delete, exclusive   `true` or `false`
 *     activemq.exclusive                `true`: one consumer at a time, as `x-single-active-consumer` says
 *     x-…                               queue arguments; where they are not names, numbers become integers, `true` and
 *                                       `false` booleans
 */
import { createHash } from 'node:crypto';
import type { QueueOptions } from '../../src/api.ts';
import type { Header, Headers, Value } from '../../src/message/properties.ts';
import type { Session } from '../../src/session.ts';
import { FrameError } from './codec/errors.ts';
import type { Frame } from './codec/frame.ts';

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
const SINGLE_ACTIVE = 'x-single-active-consumer';
const DECLARED_MAX = 16_384;

export interface QueueWish {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
}

export class Queues {
  private readonly session: Session;
  /** Declared in this session, or found to be there. */
  private readonly declared = new Set<string>();

  constructor(session: Session) {
    this.session = session;
  }

  /**
   * Declares a durable queue unless this session has done so. A queue that is there is taken as it is, as long as the
   * frame's headers ask for nothing in particular.
   */
  declareOnce(name: string, frame: Frame): void {
    if (this.declared.has(name)) return;
    const options = queueOptions(frame, { durable: true, exclusive: false, autoDelete: false });
    const plain = options.durable && !options.exclusive && !options.autoDelete && options.arguments.length === 0;
    if (!plain || !this.session.queueExists(name)) this.session.declareQueue(name, options);
    if (this.declared.size >= DECLARED_MAX) this.declared.clear();
    this.declared.add(name);
  }

  /** The queue was deleted: a later frame may declare it again. */
  forget(name: string): void {
    this.declared.delete(name);
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

/** A header that must be `true` or `false`; undefined if it is not there. */
export function flag(frame: Frame, name: string): boolean | undefined {
  const value = frame.header(name)?.trim();
  if (value === undefined) return undefined;
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw new FrameError('invalid header', `'${name}' must be 'true' or 'false', not '${value}'.`);
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
  const hash = createHash('sha256').update(`${exchange}\0${key}\0${id}`).digest('base64url').slice(0, 22);
  return `stomp-subscription-${hash}`;
}

/** The queue of a durable subscription that is known, as with ActiveMQ, by the client's id and the subscription's name. */
export function namedDurableQueueName(clientId: string, name: string): string {
  // A dot separates the two, so it cannot stand in the first one: otherwise two clients could have one queue.
  return `${clientId.replace(/[.%]/g, (character) => (character === '.' ? '%2E' : '%25'))}.${name}`;
}
