/**
 * Fills a `Draft` from a content header's property list: what the publisher's properties ask of the broker. Nearly always the
 * draft points at the bytes as they came; they are changed only where a message may not be stored as it is.
 */
import { AT_LEAST_ONCE, AT_MOST_ONCE, type Draft, takeHints } from '../../../src/api/index.ts';
import { PropertyScan } from '../codec/properties.ts';
import { replaced, withoutFields, withoutRepeats } from '../codec/property-edit.ts';
import { readTable } from '../codec/table.ts';
import { AmqpError } from '../connection/errors.ts';
import { isShortForm } from '../deliver/direct-replies.ts';
import { amqpDialect } from '../mapping/dialect.ts';
import { delayOf } from './delay.ts';
import { expirationOf } from './expiration.ts';
import type { PublishTarget } from './publish-target.ts';
import { copyKeys } from './sender-selected.ts';

const PERSISTENT = 2;
const HIDDEN_COPIES: ReadonlySet<string> = new Set(['BCC']);

/** What a publish may need of its channel. */
export interface PublisherContext {
  /** Counts a message of which something could not be kept. */
  countLossy(): void;
  /**
   * The address that stands for `amq.rabbitmq.reply-to`.
   * @throws AmqpError PRECONDITION_FAILED if the channel does not listen there
   */
  readonly replyAddress: string;
}

const scan = new PropertyScan();

/**
 * Fills `draft` from the property list `buffer[start, end)`, all but the body; what the last message has left in it is gone.
 * Adds the further routing keys that the message names to `target`.
 * @param user the name of the authenticated user, as bytes
 * @throws SyntaxFault for bytes that are no property list
 * @throws AmqpError PRECONDITION_FAILED for a property that may not be what it is
 */
export function fillDraft(
  draft: Draft,
  target: PublishTarget,
  buffer: Buffer,
  start: number,
  end: number,
  user: Buffer,
  context: PublisherContext,
): void {
  scan.read(buffer, start, end);
  if (scan.claimsUser) checkUser(buffer, user);
  draft.reset();
  draft.dialect = amqpDialect.id;
  draft.props = buffer;
  draft.propsStart = start;
  draft.propsEnd = end;
  draft.assurance = scan.deliveryMode === PERSISTENT ? AT_LEAST_ONCE : AT_MOST_ONCE;
  draft.priority = scan.priority;
  draft.grouped = scan.grouped;
  if (scan.expires) draft.ttlMs = expirationOf(buffer, scan.expirationStart, scan.expirationEnd);
  if (target.route!.acceptsDelay && scan.headersEnd > scan.headersStart) {
    draft.delayMs = delayOf(buffer, scan.headersStart, scan.headersEnd);
  }
  if (scan.hinted) {
    takeHints(draft, readTable(buffer, scan.headersStart, scan.headersEnd), user.utf8Slice());
  }
  if (scan.replyToEnd > scan.replyToStart && isShortForm(buffer, scan.replyToStart, scan.replyToEnd)) {
    replaceReplyTo(draft, context.replyAddress);
  }
  if (scan.repeats) {
    // A name stands for one thing, the first that it was given. [§4.2.5.5]
    replaceHeaders(draft, withoutRepeats(draft.props, scan.headersStart, scan.headersEnd));
    context.countLossy();
  }
  if (scan.copies) addCopies(draft, target);
}

function checkUser(buffer: Buffer, user: Buffer): void {
  const start = scan.userIdStart;
  const same =
    scan.userIdEnd - start === user.length && buffer.compare(user, 0, user.length, start, scan.userIdEnd) === 0;
  if (same) return;
  const claimed = buffer.utf8Slice(start, scan.userIdEnd);
  throw new AmqpError(
    'PRECONDITION_FAILED',
    `user_id property set to '${claimed}' but authenticated user was '${user.utf8Slice()}'`,
  );
}

/** Direct replies: the message is to carry the address, not its short form. */
function replaceReplyTo(draft: Draft, replyAddress: string): void {
  const address = Buffer.from(replyAddress, 'latin1');
  const text = Buffer.concat([Buffer.from([address.length]), address]);
  setProperties(
    draft,
    replaced(draft.props, draft.propsStart, draft.propsEnd, scan.replyToStart - 1, scan.replyToEnd, text),
  );
}

/** `CC` and `BCC`: more routing keys. Nobody who gets the message hears of the latter. */
function addCopies(draft: Draft, target: PublishTarget): void {
  const { headersStart, headersEnd } = scan;
  const copies = copyKeys(draft.props, headersStart, headersEnd);
  if (copies.keys.length > 0) target.addKeys(copies.keys);
  if (!copies.hidden) return;
  replaceHeaders(draft, withoutFields(draft.props, headersStart, headersEnd, HIDDEN_COPIES));
}

/** @param table the content of the new headers table */
function replaceHeaders(draft: Draft, table: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(table.length);
  const rest = Buffer.concat([length, table]);
  const { headersStart, headersEnd } = scan;
  setProperties(draft, replaced(draft.props, draft.propsStart, draft.propsEnd, headersStart - 4, headersEnd, rest));
}

function setProperties(draft: Draft, props: Buffer): void {
  draft.props = props;
  draft.propsStart = 0;
  draft.propsEnd = props.length;
  scan.read(props, 0, props.length);
}
