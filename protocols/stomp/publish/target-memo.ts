/**
 * The memo of a connection's SEND targets: destinations resolved to routes, kept by the bytes they were written with.
 *
 * A target keeps where a destination leads, never that something is there: a queue can be deleted by others at any time.
 * Its route is no longer valid then, and `refresh` declares it again or says that it is missing.
 */
import {
  BrokerError,
  bytesOf,
  DOT,
  type QueueOptions,
  type Route,
  RouteMemo,
  type Session,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { DESTINATION, RECEIPT } from '../codec/names.ts';
import { type Destination, parseDestination, RENEW_DESTINATION, REPLY_PREFIX } from '../mapping/destinations.ts';
import type { DeclaredQueues } from '../topology/declared-queues.ts';

/** Where a SEND goes. */
export interface PublishTarget {
  readonly exchange: string;
  readonly key: Buffer;
  /** Asked for again by `TargetMemo.refresh` when it is no longer valid. */
  route: Route;
  /**
   * The queue that is meant, if it is one that must be there. That of a `/reply-queue/` need not: whoever asked may have gone,
   * and who answers him is not to lose his connection by it.
   */
  readonly queue: string | undefined;
  /** What that queue is declared as; undefined for one that is only to be found. */
  readonly declaredAs: QueueOptions | undefined;
}

export class TargetMemo {
  /** By the header's value as it came. */
  private readonly known = new RouteMemo<PublishTarget>();
  private readonly session: Session;
  private readonly queues: DeclaredQueues;

  constructor(session: Session, queues: DeclaredQueues) {
    this.session = session;
    this.queues = queues;
  }

  /**
   * The target of a SEND, its queue declared and its route valid; null: it is no message, but a word about deliveries.
   *
   * @throws FrameError, BrokerError for what cannot be sent to
   */
  find(frame: Frame): PublishTarget | null {
    const index = frame.indexOf(DESTINATION);
    if (index < 0) throw new FrameError('Missing destination', "SEND must have a 'destination' header.");
    const { buffer } = frame;
    const start = frame.valueStart(index);
    const end = frame.valueEnd(index);
    const known = this.known.find(buffer, start, start, start, end);
    if (known === undefined && frame.text(DESTINATION) === RENEW_DESTINATION) return null;
    const target = known ?? this.resolveTarget(frame, start, end);
    this.refresh(target, frame.has(RECEIPT));
    return target;
  }

  /**
   * Declares the target's queue again and asks for its route again, if somebody has deleted them. To be called before a message
   * is published, whatever has passed since `find`.
   *
   * @param receiptAsked the client will be told that the message is safe, so there must be somebody who keeps it
   * @throws BrokerError where there is nobody, or the queue is refused
   */
  refresh(target: PublishTarget, receiptAsked: boolean): void {
    if (!target.route.valid) {
      if (target.declaredAs !== undefined) this.queues.renew(target.queue!, target.declaredAs);
      target.route = this.session.route(target.exchange, DOT, target.key, 0, target.key.length);
    }
    if (receiptAsked && target.queue !== undefined && !target.route.leadsSomewhere) {
      throw new BrokerError('not-found', `no queue '${target.queue}' in vhost '${this.session.vhost}'`);
    }
  }

  private resolveTarget(frame: Frame, start: number, end: number): PublishTarget {
    const text = frame.text(DESTINATION)!;
    const destination = parseSendDestination(text);
    const isExchange = destination.kind === 'exchange';
    const isReply = text.startsWith(REPLY_PREFIX);
    const declaredAs = destination.kind === 'queue' ? this.queues.declare(destination.name, frame) : undefined;
    const { exchange, key } = sendAddressOf(destination);
    const target: PublishTarget = {
      exchange,
      key,
      route: this.session.route(exchange, DOT, key, 0, key.length),
      queue: isExchange || isReply ? undefined : destination.name,
      declaredAs,
    };
    const value = Buffer.from(frame.buffer.subarray(start, end));
    this.known.set(value, 0, 0, 0, value.length, target);
    return target;
  }
}

type SendDestination = Exclude<Destination, { kind: 'temporary-queue' }>;

/** @throws FrameError for what nobody can send to */
export function parseSendDestination(text: string): SendDestination {
  const destination = parseDestination(text);
  if (destination.kind !== 'temporary-queue') return destination;
  const why =
    "can only be a 'reply-to' or be subscribed to; its messages are sent to the 'reply-to' that consumers see";
  throw new FrameError('Invalid destination', `'${text}' ${why}.`);
}

export function sendAddressOf(destination: SendDestination): { exchange: string; key: Buffer } {
  return destination.kind === 'exchange'
    ? { exchange: destination.exchange, key: bytesOf(destination.key) }
    : { exchange: '', key: bytesOf(destination.name) };
}
