/** BEGIN, COMMIT, ABORT. */
import { MARK_NOW } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { COMMAND_TEXT, RECEIPT, TRANSACTION } from '../codec/names.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';

/** @throws FrameError where the name is open already, or too many are */
export function begin(client: ConnectedClient, frame: Frame): void {
  client.transactions.begin(nameOf(frame));
  client.receipts.answer(frame, MARK_NOW);
}

/** @throws FrameError for an unknown name; BrokerError where one of its messages cannot be kept: nothing is done then */
export function commit(client: ConnectedClient, frame: Frame): void {
  const name = nameOf(frame);
  const index = frame.indexOf(RECEIPT);
  const receipt =
    index < 0 ? undefined : Buffer.from(frame.buffer.subarray(frame.valueStart(index), frame.valueEnd(index)));
  let atOnce = true;
  client.transactions.get(name).transaction.prepare(() => {
    if (atOnce) carryOut(client, name, receipt);
    else client.resume(receipt, () => carryOut(client, name, receipt));
  });
  atOnce = false;
}

function carryOut(client: ConnectedClient, name: string, receipt: Buffer | undefined): void {
  const { stats } = client.adapter;
  const { targets, transactions } = client;
  // Its SENDs may be old, and their queues deleted since: nothing of it is carried out if one cannot be kept.
  for (const target of transactions.get(name).targets) targets.refresh(target, receipt !== undefined);
  const mark = transactions.commit(name, () => {
    stats.unroutable++;
  });
  client.receipts.answerCommit(receipt, mark);
}

/** @throws FrameError for an unknown name */
export function abort(client: ConnectedClient, frame: Frame): void {
  client.transactions.abort(nameOf(frame));
  client.receipts.answerWhenAllSafe(frame);
}

function nameOf(frame: Frame): string {
  const name = frame.text(TRANSACTION);
  if (name === undefined)
    throw new FrameError('Missing transaction', `${COMMAND_TEXT[frame.command]} must have a 'transaction' header.`);
  return name;
}
