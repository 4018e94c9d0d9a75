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
import { refuseAdvisory } from '../deliver/advisories.ts';
import {
  CLAIM_DESTINATION,
  type Destination,
  listedDestinations,
  parseDestination,
  RENEW_DESTINATION,
  REPLY_PREFIX,
  TOPIC_EXCHANGE,
} from '../mapping/destinations.ts';
import type { DeclaredQueues } from '../topology/declared-queues.ts';
import type { TemporaryQueues } from '../topology/temporary-queues.ts';

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
  /** The other destinations that are listed with it: each gets a message of its own. Nearly always none. */
  readonly others: readonly PublishTarget[];
  /** It is where ActiveMQ's clients manage schedules. */
  readonly manages: boolean;
}

const NO_OTHERS: readonly PublishTarget[] = [];

export class TargetMemo {
  /** By the header's value as it came. */
  private readonly known = new RouteMemo<PublishTarget>();
  private readonly session: Session;
  private readonly queues: DeclaredQueues;
  private readonly temporaries: TemporaryQueues;

  constructor(session: Session, queues: DeclaredQueues, temporaries: TemporaryQueues) {
    this.session = session;
    this.queues = queues;
    this.temporaries = temporaries;
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
    if (known === undefined && isCommand(frame.text(DESTINATION)!)) return null;
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
    for (const other of target.others) this.refresh(other, receiptAsked);
    if (!target.route.valid) {
      if (target.declaredAs !== undefined) this.queues.renew(target.queue!, target.declaredAs);
      target.route = this.session.route(target.exchange, DOT, target.key, 0, target.key.length);
    }
    if (receiptAsked && target.queue !== undefined && !target.route.leadsSomewhere) {
      throw new BrokerError('not-found', `no queue '${target.queue}' in vhost '${this.session.vhost}'`);
    }
  }

  /** Where a destination leads that the frame names elsewhere. @throws as `find` */
  named(frame: Frame, destination: string): PublishTarget {
    return this.targetOf(frame, destination);
  }

  private resolveTarget(frame: Frame, start: number, end: number): PublishTarget {
    const text = frame.text(DESTINATION)!;
    const listed = listedDestinations(text, this.session.compat === 'activemq');
    const [first, ...others] = listed.map((one) => this.targetOf(frame, one));
    const target = others.length === 0 ? first! : { ...first!, others };
    const value = Buffer.from(frame.buffer.subarray(start, end));
    this.known.set(value, 0, 0, 0, value.length, target);
    return target;
  }

  private targetOf(frame: Frame, text: string): PublishTarget {
    const destination = this.own(parseDestination(text));
    const declaredAs = destination.kind === 'queue' ? this.queues.declare(destination.name, frame) : undefined;
    const mustBeThere = destination.kind === 'queue' || destination.kind === 'existing-queue';
    const { exchange, key } = sendAddressOf(destination);
    if (this.session.compat === 'activemq') refuseAdvisory(exchange, key.toString());
    return {
      exchange,
      key,
      route: this.session.route(exchange, DOT, key, 0, key.length),
      queue: mustBeThere && !text.startsWith(REPLY_PREFIX) ? destination.name : undefined,
      declaredAs,
      others: NO_OTHERS,
      manages: isManagement(exchange, key),
    };
  }

  /** What the client calls its own, as others would call it. */
  private own(destination: Destination): SendDestination {
    switch (destination.kind) {
      case 'temporary-queue':
        return { kind: 'existing-queue', name: this.temporaries.queueName(destination.name) };
      case 'temporary-topic':
        return { kind: 'remote-topic', key: this.temporaries.topicKey(destination.name) };
      default:
        return destination;
    }
  }
}

function isCommand(destination: string): boolean {
  return destination === RENEW_DESTINATION || destination === CLAIM_DESTINATION;
}

type SendDestination = Exclude<Destination, { kind: 'temporary-queue' | 'temporary-topic' }>;

/** What an address means to whoever sends to it. @throws FrameError for what means something to one connection alone */
export function parseSendDestination(text: string): SendDestination {
  const destination = parseDestination(text);
  if (destination.kind !== 'temporary-queue' && destination.kind !== 'temporary-topic') return destination;
  throw new FrameError(
    'Invalid destination',
    `'${text}' is one connection's own: others send to the 'reply-to' they see.`,
  );
}

export function sendAddressOf(destination: SendDestination): { exchange: string; key: Buffer } {
  switch (destination.kind) {
    case 'exchange':
      return { exchange: destination.exchange, key: bytesOf(destination.key) };
    case 'remote-topic':
      return { exchange: TOPIC_EXCHANGE, key: bytesOf(destination.key) };
    default:
      return { exchange: '', key: bytesOf(destination.name) };
  }
}

const MANAGEMENT_TOPIC = 'ActiveMQ.Scheduler.Management';

function isManagement(exchange: string, key: Buffer): boolean {
  return exchange === TOPIC_EXCHANGE && key.length === MANAGEMENT_TOPIC.length && key.toString() === MANAGEMENT_TOPIC;
}
