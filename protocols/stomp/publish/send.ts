/** SEND: the way of every message into the broker. */
import {
  AT_LEAST_ONCE,
  AT_MOST_ONCE,
  DELAY_MAX_MS,
  type Draft,
  INLINE_BODY_BYTES,
  MARK_NOW,
  MARK_REFUSED,
  type Mark,
} from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { decimalOf, type Frame } from '../codec/frame.ts';
import {
  EXPIRATION,
  EXPIRES,
  GROUP_ID,
  PERSISTENT,
  PRIORITY,
  RECEIPT,
  REPLY_TO,
  SCHEDULED_AGAIN,
  SCHEDULED_DELAY,
  TRANSACTION,
  USER_ID,
} from '../codec/names.ts';
import { isSet, numberOf, wholeNumber } from '../codec/values.ts';
import type { Connection } from '../connection/connection.ts';
import { TEMPORARY_PREFIX } from '../mapping/destinations.ts';
import { replyQueueFor } from '../topology/temporary.ts';
import type { Target } from './publish-targets.ts';

/** Ten years. */
const EXPIRATION_MAX_MS = 315_360_000_000;

export function send(connection: Connection, frame: Frame): void {
  const { adapter, session, admitted } = connection;
  const target = admitted.targets.find(frame);
  const { draft } = adapter;
  fillDraft(connection, frame, target, draft);
  draft.body = frame.buffer;
  draft.bodyStart = frame.bodyStart;
  draft.bodyEnd = frame.bodyEnd;
  const length = frame.bodyEnd - frame.bodyStart;
  if (length > INLINE_BODY_BYTES) {
    // It lies here in one piece, but the log takes such a size only as a large body.
    const writer = session.openBody(length, draft.assurance !== AT_MOST_ONCE);
    writer.append(frame.buffer, frame.bodyStart, frame.bodyEnd);
    draft.large = writer;
    draft.bodyEnd = draft.bodyStart;
  }
  adapter.stats.messagesIn++;
  if (frame.has(TRANSACTION)) {
    const open = admitted.transactions.get(frame.text(TRANSACTION)!);
    open.publish(target, draft);
    // Received is all that such a receipt says; COMMIT's says that it is safe.
    connection.answers.answer(frame, MARK_NOW);
  } else {
    const mark = session.publish(target.route, draft);
    const asked = frame.has(RECEIPT);
    count(connection, draft, mark, asked);
    if (asked) connection.answers.answer(frame, promised(connection, mark));
  }
}

/** What a receipt waits for: a message that need not be kept may have made a queue that must be. */
export function promised(connection: Connection, mark: Mark): Mark {
  return mark === MARK_NOW ? connection.admitted.queues.mark : mark;
}

/** After a publish outside a transaction. */
export function count(connection: Connection, draft: Draft, mark: Mark, asked: boolean): void {
  const { stats } = connection.adapter;
  if (mark === MARK_REFUSED) {
    if (!asked) stats.refusedUnasked++;
  } else if (draft.routed === 0) stats.unroutable++;
}

/** Sets everything in the draft but the body. */
export function fillDraft(connection: Connection, frame: Frame, target: Target, draft: Draft): void {
  const { stored } = connection.adapter;
  draft.reset();
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
    const ttlMs = Math.max(0, expiresMs - connection.adapter.broker.clock.epochMs());
    if (expiresMs > 0 && ttlMs <= EXPIRATION_MAX_MS) draft.ttlMs = ttlMs;
  }
  if (frame.has(SCHEDULED_DELAY) || frame.has(SCHEDULED_AGAIN)) {
    draft.delayMs = scheduledDelay(frame);
  } else if (target.route.acceptsDelay) {
    const delay = frame.header('x-delay');
    if (delay !== undefined) draft.delayMs = delayOf('x-delay', delay);
  }
  draft.origin = connection.admitted.origin;
  draft.grouped = frame.has(GROUP_ID);
  if (frame.has(USER_ID) && frame.text(USER_ID) !== connection.session.user) {
    const { user } = connection.session;
    throw preconditionFailed(`user_id property set to '${frame.text(USER_ID)}' but authenticated user was '${user}'`);
  }
  stored.collect(frame, frame.has(REPLY_TO) ? replyToOf(connection, frame) : undefined);
  draft.props = stored.buffer;
  draft.propsStart = stored.start;
  draft.propsEnd = stored.end;
}

/** What stands in the place of `reply-to`; undefined if it may stay as it is. */
function replyToOf(connection: Connection, frame: Frame): string | undefined {
  const replyTo = frame.text(REPLY_TO)!;
  return replyTo.startsWith(TEMPORARY_PREFIX) ? replyQueueFor(connection, replyTo) : undefined;
}

/** ActiveMQ's scheduler. A message that comes again and again is refused rather than delivered once. */
function scheduledDelay(frame: Frame): number {
  if (frame.has(SCHEDULED_AGAIN)) {
    const text = `'${frame.nameText(frame.indexOf(SCHEDULED_AGAIN))}' is not built: a message is delivered once.`;
    throw new FrameError('Not implemented', text);
  }
  return delayOf('AMQ_SCHEDULED_DELAY', frame.text(SCHEDULED_DELAY)!);
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
