/**
 * Durable subscriptions: queues that outlive their connection, found again by a name that is made of what the client says.
 *
 *     RabbitMQ's   destination and `id`                       stomp-subscription-HASH
 *     ActiveMQ's   `client-id` and the subscription's name    CLIENT.NAME
 *
 * Such a name may be that of a queue which others have made, or which they bind to and read as well. What a subscription
 * adds it may take away, and nothing else: so its binding says (in `BindOptions.data`) that it is a subscription's, and
 * whether the queue was made for it. The mark goes with the binding, and others who bind the same take it over. Whose the
 * subscription is says a record beside it (`durable-owners.ts`).
 */
import { createHash } from 'node:crypto';
import {
  type BindingInfo,
  type BindOptions,
  BrokerError,
  DOT,
  type QueueOptions,
  type Session,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { flag } from '../codec/values.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { speaksOfQueue } from '../mapping/queue-options.ts';
import { disown, own, ownerOf } from './durable-owners.ts';

/** What the names of durable subscriptions begin with that are known by their ids. */
const DURABLE_PREFIX = 'stomp-subscription-';

/** The subscription's binding, of a queue that was there. */
const ADDED = 1;
/** The subscription's binding, of a queue that was made for it. */
const MADE = 2;

/** What a durable subscription reads. */
export interface DurableSource {
  readonly exchange: string;
  /** As it is bound. */
  readonly key: string;
  readonly noLocal: boolean;
  readonly options: QueueOptions;
}

/**
 * The name of the durable subscription that a SUBSCRIBE asks for; undefined if it is not meant to be one. `key` as the
 * destination has it.
 */
export function durableName(
  client: ConnectedClient,
  frame: Frame,
  exchange: string,
  key: string,
  id: string | undefined,
): string | undefined {
  const named = namedDurable(client, frame);
  if (named !== undefined) return named;
  if (!wantsDurable(frame)) return undefined;
  if (id === undefined) throw new FrameError('Missing Header', "A durable subscription must have an 'id' header.");
  return durableQueueName(exchange, key, id);
}

export function wantsDurable(frame: Frame): boolean {
  return flag(frame, 'durable') === true || flag(frame, 'persistent') === true;
}

/** The queue of a durable subscription that has a name of its own, as with ActiveMQ; undefined if the frame names none. */
export function namedDurable(client: ConnectedClient, frame: Frame): string | undefined {
  const name =
    frame.header('durable-subscriber-name') ??
    frame.header('durable-subscription-name') ??
    frame.header('activemq.subscriptionName') ??
    frame.header('activemq.subcriptionName'); // as ActiveMQ's own documentation long spelled it
  if (name === undefined) return undefined;
  const clientId = frame.header('client-id') ?? client.clientId;
  if (!clientId)
    throw new FrameError('Missing header', "A durable subscription by name needs a 'client-id' on CONNECT.");
  return namedDurableQueueName(clientId, name);
}

/** What was made in the broker for a SUBSCRIBE of which it is not known yet whether it is granted. */
export interface Made {
  /** It is refused: takes away what was made. */
  undo(): void;
  /** It is granted. Left out: there is nothing more to do. */
  keep?(): void;
}

/** Binds a queue that was just made, or was there; what was made goes again if that fails. */
export function bindNew(
  session: Session,
  name: string,
  existed: boolean,
  exchange: string,
  key: string,
  options: Pick<BindOptions, 'notOwn' | 'data'>,
): Made {
  const asBound: BindOptions = { spelling: DOT, arguments: [], ...options };
  const undo = (): void => {
    if (!existed) session.deleteQueue(name, true, true);
    else unbind(session, name, { exchange, key, options: asBound });
  };
  try {
    session.bindQueue(name, exchange, key, asBound);
  } catch (error) {
    if (!existed) session.ofBegun(undo);
    throw error;
  }
  return { undo };
}

/**
 * Makes its queue and binding, if they have to be. `isOwn`: the queue is its own, and there is nobody else to think of. `through`: its
 * binding; undefined where others had made it.
 */
export function openDurable(
  client: ConnectedClient,
  frame: Frame,
  name: string,
  source: DurableSource,
): Made & { isOwn: boolean; through: BindingInfo | undefined } {
  const { session, sessionName } = client;
  const existed = session.queueExists(name);
  const bindings = existed ? session.bindings(name) : [];
  const marked = bindings.filter(isMarked);
  const isOwn = !existed || isMadeFor(session, name, bindings);
  const { exchange, key, noLocal } = source;
  if (noLocal && !isOwn) throw notItsOwn(name);
  if (existed && !speaksOfQueue(frame)) session.checkQueue(name);
  if (!existed || isOwn || speaksOfQueue(frame)) {
    session.declareQueue(name, {
      ...source.options,
      durable: true,
      forSubscription: true,
      ...(noLocal ? { origin: sessionName } : {}),
    });
  }
  const there = bindings.find((binding) => isBinding(binding, exchange, key));
  let undo = (): void => {};
  let through: BindingInfo | undefined;
  if (there === undefined || isMarked(there)) {
    const data = isOwn ? MADE : ADDED;
    const made = bindNew(session, name, existed, exchange, key, { notOwn: noLocal, data });
    through = { exchange, key, options: { spelling: DOT, arguments: [], notOwn: noLocal, data } };
    if (there === undefined) undo = made.undo;
  }
  return {
    isOwn,
    through,
    undo,
    keep: () => {
      if (through !== undefined) own(session, name, isOwn);
      // As with JMS: a durable subscription that comes back with another topic gives up the old one.
      for (const old of marked) if (!isBinding(old, exchange, key)) unbind(session, name, old);
    },
  };
}

/**
 * The subscription is given up: its binding goes, and its queue if it was made for it and nobody else binds to it or reads
 * it. Throws if others read it and `alone` says that this is not to be borne.
 */
export function forgetDurable(session: Session, name: string, alone: boolean): void {
  if (!session.queueExists(name)) return;
  const bindings = session.bindings(name);
  const marked = bindings.filter(isMarked);
  const isOwn = isMadeFor(session, name, bindings);
  if (marked.length === 0 && !isOwn) return;
  // Whose it is, and whether somebody reads it, is not for everybody; and it stays whose it is unless it may be given up.
  if ((alone ? session.passiveQueue(name) : session.checkQueue(name)).consumers > 0) {
    if (alone) throw new BrokerError('precondition-failed', `queue '${name}' in vhost '${session.vhost}' in use`);
    return;
  }
  if (isOwn && marked.length === bindings.length) session.deleteQueue(name, true, false);
  else for (const binding of marked) unbind(session, name, binding);
  disown(session.state, name);
}

export function isMarked({ options }: BindingInfo): boolean {
  return options.data === ADDED || options.data === MADE;
}

/** Made for a durable subscription; one whose binding is gone, with its exchange or with what its user may, has lost its mark. */
function isMadeFor(session: Session, name: string, bindings: readonly BindingInfo[]): boolean {
  if (bindings.some(({ options }) => options.data === MADE)) return true;
  return bindings.length === 0 && (name.startsWith(DURABLE_PREFIX) || ownerOf(session.state, name)?.made === true);
}

export function isBinding({ exchange, key, options }: BindingInfo, wantedExchange: string, wantedKey: string): boolean {
  return exchange === wantedExchange && key === wantedKey && options.spelling === DOT && options.arguments.length === 0;
}

function unbind(session: Session, name: string, { exchange, key, options }: BindingInfo): void {
  session.unbindQueue(name, exchange, key, options);
}

/** What others publish to a queue that is not one subscriber's own cannot be told from what he publishes. */
export function notItsOwn(name: string): FrameError {
  return new FrameError('Invalid header', `'no-local' needs a queue of its own, and '${name}' is there already.`);
}

/** The queue of a durable subscription that is known by its `id`: the same for whoever names both again. */
function durableQueueName(exchange: string, key: string, id: string): string {
  const parts = [exchange, key, id];
  // A NUL stands between them, so that one within must not be taken for it.
  const text = parts.some((part) => part.includes('\0')) ? JSON.stringify(parts) : parts.join('\0');
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return `${DURABLE_PREFIX}${hash}`;
}

/** The queue of a durable subscription that is known, as with ActiveMQ, by the client's id and the subscription's name. */
function namedDurableQueueName(clientId: string, name: string): string {
  // A dot separates the two, so it cannot stand in the first one: otherwise two clients could have one queue.
  return `${clientId.replace(/[.%]/g, (character) => (character === '.' ? '%2E' : '%25'))}.${name}`;
}
