/** SEND: the way of every message into the broker. */
import { Draft, INLINE_BODY_BYTES, MARK_NOW, MARK_REFUSED, type Mark } from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT, TRANSACTION } from '../codec/names.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { carryOut } from '../deliver/delivery-commands.ts';
import { fillDraft } from './fill-draft.ts';
import { manageSchedules } from './scheduler-management.ts';
import type { PublishTarget } from './target-memo.ts';

/** @throws FrameError, BrokerError for a message that cannot be taken */
export function send(client: ConnectedClient, frame: Frame): void {
  const { adapter, session } = client;
  const target = client.targets.find(frame);
  if (target === null) {
    carryOut(client, frame);
    return;
  }
  if (target.manages && manageSchedules(client, frame)) return;
  const { draft } = adapter;
  fillDraft(draft, client, frame, target);
  if (target.others.length > 0) {
    sendToAll(client, frame, target);
    return;
  }
  draft.body = frame.buffer;
  draft.bodyStart = frame.bodyStart;
  draft.bodyEnd = frame.bodyEnd;
  const length = frame.bodyEnd - frame.bodyStart;
  if (length > INLINE_BODY_BYTES) {
    // It lies here in one piece, but the log takes such a size only as a large body.
    const writer = session.openBody(length, draft.outlives);
    writer.append(frame.buffer, frame.bodyStart, frame.bodyEnd);
    draft.large = writer;
    draft.bodyEnd = draft.bodyStart;
  }
  adapter.stats.messagesIn++;
  if (frame.has(TRANSACTION)) {
    const open = client.transactions.get(frame.text(TRANSACTION)!);
    open.publish(target, draft);
    // Received is all that such a receipt says; COMMIT's says that it is safe.
    client.receipts.answer(frame, MARK_NOW);
  } else {
    const mark = session.publish(target.route, draft);
    const asked = frame.has(RECEIPT);
    countUntaken(client, draft, mark, asked);
    if (asked) client.receipts.confirmSend(frame, receiptMark(client, mark), draft.duplicate);
  }
}

/**
 * One message for each of several destinations, all of them in one commit unit. One that refuses its own does not keep the others from
 * theirs, and a receipt says so, as where an exchange leads to several queues.
 *
 * @throws FrameError, BrokerError as `send`: nothing is sent then
 */
function sendToAll(client: ConnectedClient, frame: Frame, target: PublishTarget): void {
  const { adapter, session } = client;
  const { draft } = adapter;
  const body = frame.buffer.subarray(frame.bodyStart, frame.bodyEnd);
  const isLarge = body.length > INLINE_BODY_BYTES;
  const drafts = [target, ...target.others].map((to): [PublishTarget, Draft] => {
    const one = copyOf(draft);
    if (isLarge) {
      const writer = session.openBody(body.length, draft.outlives);
      writer.append(body, 0, body.length);
      one.large = writer;
    } else {
      one.body = body;
      one.bodyEnd = body.length;
    }
    return [to, one];
  });
  const { mark, duplicate } = publishAll(client, drafts, frame.text(TRANSACTION), frame.has(RECEIPT));
  if (frame.has(TRANSACTION)) client.receipts.answer(frame, mark);
  else if (frame.has(RECEIPT)) client.receipts.confirmSend(frame, mark, duplicate);
}

/** The draft once more, with the same properties' bytes; what body it has is the caller's to say. */
function copyOf(draft: Draft): Draft {
  return Object.assign(new Draft(), draft);
}

/**
 * Publishes each draft to its target: one at once, several in one unit, or all as part of an open transaction.
 *
 * @param asked a receipt is
 * @returns what that waits for
 * @throws FrameError, BrokerError: a large body that is not published is the caller's to give up
 */
export function publishAll(
  client: ConnectedClient,
  drafts: readonly (readonly [PublishTarget, Draft])[],
  transaction: string | undefined,
  asked: boolean,
): { readonly mark: Mark; readonly duplicate: boolean } {
  const { adapter, session, transactions } = client;
  adapter.stats.messagesIn += drafts.length;
  if (transaction !== undefined) {
    const open = transactions.get(transaction);
    for (const [target, draft] of drafts) open.publish(target, draft);
    // Received is all that such a receipt says; COMMIT's says that it is safe.
    return { mark: MARK_NOW, duplicate: false };
  }
  if (drafts.length === 1) {
    const [[target, draft]] = drafts as [[PublishTarget, Draft]];
    const mark = session.publish(target.route, draft);
    countUntaken(client, draft, mark, asked);
    return { mark: receiptMark(client, mark), duplicate: draft.duplicate };
  }
  const all = session.transaction();
  try {
    for (const [target, draft] of drafts) all.publish(target.route, draft);
    const mark = all.commit(() => {
      adapter.stats.unroutable++;
    });
    if (mark === MARK_REFUSED && !asked) adapter.stats.refusedUnasked++;
    return { mark: receiptMark(client, mark), duplicate: false };
  } catch (error) {
    all.rollback();
    throw error;
  }
}

/** What a receipt waits for: a message that need not be kept may have made a queue that must be. */
export function receiptMark(client: ConnectedClient, mark: Mark): Mark {
  return mark === MARK_NOW ? client.queues.mark : mark;
}

/**
 * Counts a message that was not taken, or that no queue took, after its publish outside a transaction.
 *
 * @param asked its SEND asks for a receipt
 */
export function countUntaken(client: ConnectedClient, draft: Draft, mark: Mark, asked: boolean): void {
  const { stats } = client.adapter;
  if (mark === MARK_REFUSED) {
    if (!asked) stats.refusedUnasked++;
  } else if (draft.routed === 0) stats.unroutable++;
}
