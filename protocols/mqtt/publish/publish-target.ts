/**
 * The target of a PUBLISH or a will. All that was found out about a topic is one object, and that is what is remembered: for
 * the topic that comes again, for its alias, while a large body arrives. So nothing can be left behind on the way.
 */
import {
  type AddressMeaning,
  type Administration,
  BrokerError,
  bytesOf,
  equalRanges,
  type Route,
  type RouteMemo,
  respelled,
  type Session,
  SLASH,
} from '../../../src/api/index.ts';
import { checkTopicName } from '../codec/publish.ts';
import { NOT_AUTHORIZED_5, SUCCESS, UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import { type DeliveryWord, meaningOf } from '../mapping/special-topics.ts';

const DOLLAR = 0x24;

export class PublishTarget {
  /** The topic: `bytes[start, end)`, memory that does not change. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  /** Null: it may not be published to; `reason` says why. */
  readonly route: Route | null;
  /** A reason code of 5.0. */
  readonly reason: number;
  /** Milliseconds to wait, -1 for none. */
  readonly delayMs: number;
  /** A message to a queue of its own is nobody's retained one. */
  readonly retainable: boolean;
  /** Not null: it is no message but commands, for this. */
  readonly administration: Administration | null;
  /** Not '': it is no message but says something about deliveries. */
  readonly word: DeliveryWord | '';

  constructor(
    bytes: Buffer,
    start: number,
    end: number,
    route: Route | null,
    reason: number,
    delayMs: number,
    retainable: boolean,
    administration: Administration | null = null,
    word: DeliveryWord | '' = '',
  ) {
    this.word = word;
    this.administration = administration;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.route = route;
    this.reason = reason;
    this.delayMs = delayMs;
    this.retainable = retainable;
  }

  /** Where it leads has not changed. One that is refused is asked for each time. */
  get valid(): boolean {
    return this.route?.valid === true;
  }
}

/** What a publisher's topics are looked up with. */
export interface TargetLookup {
  readonly session: Session;
  readonly targets: RouteMemo<PublishTarget>;
  /** The last one that was looked up; null before the first. */
  lastTarget: PublishTarget | null;
  readonly context: { readonly limits: { readonly exchange: string; readonly topicLevelsMax: number } };
}

/**
 * The target of a topic `buffer[start, end)`, from the publisher's last ones if it is among them.
 * @throws MalformedPacket for a topic that is none
 */
export function targetOf(lookup: TargetLookup, buffer: Buffer, start: number, end: number): PublishTarget {
  const { targets } = lookup;
  const known = targets.find(buffer, start, start, start, end);
  if (known?.valid) {
    lookup.lastTarget = known;
    return known;
  }
  const { exchange, topicLevelsMax } = lookup.context.limits;
  checkTopicName(buffer, start, end, topicLevelsMax);
  const target = resolveTarget(exchange, lookup.session, buffer, start, end);
  if (target.route !== null) {
    targets.set(target.bytes, target.start, target.start, target.start, target.end, target);
    lookup.lastTarget = target;
  }
  return target;
}

/** Looks a well-formed topic up, wherever it comes from. @param exchange the one that topics live in */
export function resolveTarget(
  exchange: string,
  session: Session,
  buffer: Buffer,
  start: number,
  end: number,
): PublishTarget {
  if (buffer[start] !== DOLLAR) {
    const found = routeOf(session, exchange, buffer, start, end);
    if (typeof found === 'number') return refusal(buffer, start, end, found);
    const { bytes, keyStart, end: keyEnd } = found;
    // Its address is the topic's bytes already, where it is spelled like it.
    if (equalRanges(bytes, keyStart, keyEnd, buffer, start, end)) {
      return new PublishTarget(bytes, keyStart, keyEnd, found, SUCCESS, -1, true);
    }
    const topic = Buffer.from(buffer.subarray(start, end));
    return new PublishTarget(topic, 0, topic.length, found, SUCCESS, -1, true);
  }
  const text = buffer.utf8Slice(start, end);
  const { reason, skip, isQueue, isControl, word, delayMs } = meaningOf(text);
  if (reason !== SUCCESS) return refusal(buffer, start, end, reason);
  if (word !== '') {
    const topic = Buffer.from(buffer.subarray(start, end));
    return new PublishTarget(topic, 0, topic.length, null, SUCCESS, -1, false, null, word);
  }
  if (isControl) return controlTarget(session, text, buffer, start, end);
  const found = routeOf(session, isQueue ? '' : exchange, buffer, start + skip, end);
  if (typeof found === 'number') return refusal(buffer, start, end, found);
  const topic = Buffer.from(buffer.subarray(start, end));
  return new PublishTarget(topic, 0, topic.length, found, SUCCESS, delayMs, !isQueue);
}

/** What a topic means to who publishes to it, without a session: for a dry run. @throws BrokerError invalid */
export function meaningOfTopic(exchange: string, topicLevelsMax: number, topic: string): AddressMeaning {
  const bytes = bytesOf(topic);
  try {
    checkTopicName(bytes, 0, bytes.length, topicLevelsMax);
  } catch (error) {
    throw new BrokerError('invalid', `'${topic}' is no topic: ${(error as Error).message}`);
  }
  const { reason, skip, isQueue, isControl, word, delayMs } = meaningOf(topic);
  if (reason !== SUCCESS) throw new BrokerError('invalid', `nobody may publish to '${topic}' (reason code ${reason})`);
  if (isControl || word !== '')
    throw new BrokerError('invalid', `what is published to '${topic}' is a command, and no message`);
  return {
    exchange: isQueue ? '' : exchange,
    key: bytes.subarray(skip),
    spelling: SLASH,
    ...(delayMs >= 0 && { delayMs }),
  };
}

/** It is asked for each time: what its client may do can change. */
function controlTarget(session: Session, text: string, buffer: Buffer, start: number, end: number): PublishTarget {
  try {
    const administration = session.administration(respelled(text));
    const topic = Buffer.from(buffer.subarray(start, end));
    return new PublishTarget(topic, 0, topic.length, null, SUCCESS, -1, false, administration);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return refusal(buffer, start, end, NOT_AUTHORIZED_5);
  }
}

function refusal(buffer: Buffer, start: number, end: number, reason: number): PublishTarget {
  const topic = Buffer.from(buffer.subarray(start, end));
  return new PublishTarget(topic, 0, topic.length, null, reason, -1, false);
}

/** A route, or a reason code of 5.0. */
function routeOf(session: Session, exchange: string, buffer: Buffer, start: number, end: number): Route | number {
  try {
    return session.route(exchange, SLASH, buffer, start, end);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    return error.code === 'access-refused' ? NOT_AUTHORIZED_5 : UNSPECIFIED_ERROR;
  }
}
