/** Fills a draft with what the headers of a SEND say of its message. */
import {
  AT_LEAST_ONCE,
  CHECK_ADDRESS_HEADER,
  DELAY_MAX_MS,
  type Draft,
  EXPIRATION_MAX_MS,
  HALF_ID_HEADER,
  halfMessage,
  type Schedule,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { decimalOf, type Frame } from '../codec/frame.ts';
import {
  DELIVERY_DELAY,
  DELIVERY_TIME,
  DESTINATION,
  EXPIRATION,
  EXPIRES,
  GROUP_ID,
  HALF_MESSAGE,
  PERSISTENT,
  PRIORITY,
  REPLY_TO,
  SCHEDULED_AGAIN,
  SCHEDULED_DELAY,
  USER_ID,
} from '../codec/names.ts';
import { flag, isSet, numberOf, wholeNumber } from '../codec/values.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { TEMPORARY_PREFIX, TEMPORARY_TOPIC_PREFIX, TOPIC_EXCHANGE } from '../mapping/destinations.ts';
import { STOMP_DIALECT } from '../mapping/properties.ts';
import { ORIGINAL_DESTINATION, type OwnLines } from '../mapping/stored-headers.ts';
import { DELAY, JOB_ID, SCHEDULE_HEADERS, scheduleOf } from './schedule.ts';
import type { PublishTarget } from './target-memo.ts';

/**
 * Brings the draft to its defaults, and sets everything in it but the body. Its properties lie in the frame's buffer or in one
 * of the adapter's: they are valid until the next frame.
 *
 * @throws FrameError for a header that cannot be obeyed; BrokerError where a `reply-to` needs a queue that is refused
 */
export function fillDraft(draft: Draft, client: ConnectedClient, frame: Frame, target: PublishTarget): void {
  const { adapter, session } = client;
  draft.reset();
  draft.dialect = STOMP_DIALECT.id;
  if (isSet(frame, PERSISTENT, 'persistent')) draft.assurance = AT_LEAST_ONCE;
  if (frame.has(PRIORITY)) {
    draft.priority = numberOf(frame, PRIORITY, 'priority');
    if (draft.priority > 255) throw new FrameError('Invalid header', "'priority' must be from 0 to 255.");
  }
  if (frame.has(EXPIRATION)) {
    draft.ttlMs = expirationOf(frame);
  } else if (frame.has(EXPIRES)) {
    const expiresMs = numberOf(frame, EXPIRES, 'expires');
    // JMS: 0 is never; and so is what nobody will live to see.
    const ttlMs = Math.max(0, expiresMs - adapter.broker.clock.epochMs());
    if (expiresMs > 0 && ttlMs <= EXPIRATION_MAX_MS) draft.ttlMs = ttlMs;
  }
  if (frame.has(SCHEDULED_AGAIN)) {
    draft.schedule = scheduleOf(client, frame);
    if (target.others.length > 0) {
      throw new FrameError(
        'Invalid header',
        'What comes again and again has one destination: send it to each by itself.',
      );
    }
  } else if (frame.has(SCHEDULED_DELAY)) {
    draft.delayMs = delayOf(DELAY, frame.text(SCHEDULED_DELAY)!);
  } else if (target.route.acceptsDelay) {
    const delay = frame.header('x-delay');
    if (delay !== undefined) draft.delayMs = delayOf('x-delay', delay);
  }
  if (frame.has(DELIVERY_TIME)) draft.dueMs = numberOf(frame, DELIVERY_TIME, 'x-opt-delivery-time');
  else if (frame.has(DELIVERY_DELAY)) draft.delayMs = delayOf('x-opt-delivery-delay', frame.text(DELIVERY_DELAY)!);
  if (frame.has(HALF_MESSAGE)) {
    const address = checkAddressOf(frame.header(CHECK_ADDRESS_HEADER));
    draft.half = halfMessage(frame.text(HALF_MESSAGE), frame.header(HALF_ID_HEADER), address, session.user);
  }
  if (target.exchange === TOPIC_EXCHANGE && client.session.compat === 'activemq') {
    draft.retain = flag(frame, 'ActiveMQ.Retain') === true;
  }
  draft.origin = client.origin;
  draft.grouped = frame.has(GROUP_ID);
  if (frame.has(USER_ID) && frame.text(USER_ID) !== session.user) {
    const { user } = session;
    throw preconditionFailed(`user_id property set to '${frame.text(USER_ID)}' but authenticated user was '${user}'`);
  }
  const { storedHeaders } = adapter;
  storedHeaders.collect(frame, ownLines(client, frame, target, draft.schedule));
  draft.props = storedHeaders.buffer;
  draft.propsStart = storedHeaders.start;
  draft.propsEnd = storedHeaders.end;
}

/** A destination as the broker calls it: a queue's name, or a topic. */
function checkAddressOf(destination: string | undefined): string | undefined {
  return destination?.replace(/^\/(amq\/queue|queue|topic)\//, '');
}

/** What the broker says in the place of its publisher; undefined: all headers may stay as they are. */
function ownLines(
  client: ConnectedClient,
  frame: Frame,
  target: PublishTarget,
  schedule: Schedule | null,
): OwnLines | undefined {
  const replyTo = frame.has(REPLY_TO) ? replyToOf(client, frame) : undefined;
  if (replyTo === undefined && schedule === null && target.others.length === 0) return undefined;
  const lines: (readonly [name: string, value: string])[] = [];
  if (replyTo !== undefined) lines.push(['reply-to', replyTo]);
  if (target.others.length > 0) lines.push([ORIGINAL_DESTINATION, frame.text(DESTINATION)!]);
  if (schedule !== null) lines.push([JOB_ID, schedule.id]);
  return { lines, hidden: [...lines.map(([name]) => name), ...(schedule === null ? [] : SCHEDULE_HEADERS)] };
}

/** What stands in the place of `reply-to`; undefined if it may stay as it is. */
function replyToOf(client: ConnectedClient, frame: Frame): string | undefined {
  const replyTo = frame.text(REPLY_TO)!;
  const isOwn = replyTo.startsWith(TEMPORARY_PREFIX) || replyTo.startsWith(TEMPORARY_TOPIC_PREFIX);
  return isOwn ? client.temporaryQueues.replyTo(replyTo) : undefined;
}

function delayOf(name: string, text: string): number {
  return wholeNumber(name, text, 0, DELAY_MAX_MS);
}

/** RabbitMQ's bound and its words: more than ten years would not fit where the log keeps it. */
function expirationOf(frame: Frame): number {
  const index = frame.indexOf(EXPIRATION);
  const value = decimalOf(frame.buffer, frame.valueStart(index), frame.valueEnd(index));
  if (value >= 0 && value <= EXPIRATION_MAX_MS) return value;
  const text = frame.text(EXPIRATION)!;
  const why = !/^ *[+-]?\d+ *$/.test(text) ? 'no_integer' : text.includes('-') ? 'value_negative' : 'value_too_large';
  throw preconditionFailed(`invalid expiration '${text}': ${why}`);
}

function preconditionFailed(why: string): FrameError {
  return new FrameError('precondition_failed', `PRECONDITION_FAILED - ${why}`);
}
