/** BEGIN, COMMIT, ABORT. */
import { MARK_NOW } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { COMMAND_TEXT, RECEIPT, TRANSACTION } from '../codec/names.ts';
import type { Connection } from '../connection/connection.ts';

export function begin(connection: Connection, frame: Frame): void {
  connection.admitted.transactions.begin(nameOf(frame));
  connection.answers.answer(frame, MARK_NOW);
}

export function commit(connection: Connection, frame: Frame): void {
  const { stats } = connection.adapter;
  const { targets, transactions } = connection.admitted;
  const name = nameOf(frame);
  // Its SENDs may be old, and their queues deleted since: nothing of it is carried out if one cannot be kept.
  for (const target of transactions.get(name).targets) targets.refresh(target, frame.has(RECEIPT));
  const mark = transactions.commit(name, () => {
    stats.unroutable++;
  });
  connection.answers.commit(frame, mark);
}

export function abort(connection: Connection, frame: Frame): void {
  connection.admitted.transactions.abort(nameOf(frame));
  connection.answers.whenAllSafe(frame);
}

function nameOf(frame: Frame): string {
  const name = frame.text(TRANSACTION);
  if (name === undefined)
    throw new FrameError('Missing transaction', `${COMMAND_TEXT[frame.command]} must have a 'transaction' header.`);
  return name;
}
