/** SEND: the way of every message into the broker. */
import {
  AT_MOST_ONCE,
  type Draft,
  INLINE_BODY_BYTES,
  MARK_NOW,
  MARK_REFUSED,
  type Mark,
} from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT, TRANSACTION } from '../codec/names.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { renew } from '../deliver/renew.ts';
import { fillDraft } from './fill-draft.ts';

/** @throws FrameError, BrokerError for a message that cannot be taken */
export function send(client: ConnectedClient, frame: Frame): void {
  const { adapter, session } = client;
  const target = client.targets.find(frame);
  if (target === null) {
    renew(client, frame);
    return;
  }
  const { draft } = adapter;
  fillDraft(draft, client, frame, target);
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
