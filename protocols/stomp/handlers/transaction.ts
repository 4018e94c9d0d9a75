/** BEGIN, COMMIT, ABORT. */
import { MARK_NOW } from '../../../src/api.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { COMMAND_TEXT, TRANSACTION } from '../codec/names.ts';
import type { Connection } from '../connection.ts';

export function begin(connection: Connection, frame: Frame): void {
  connection.admitted.transactions.begin(nameOf(frame));
  connection.answers.answer(frame, MARK_NOW);
}

export function commit(connection: Connection, frame: Frame): void {
  const { stats } = connection.adapter;
  const mark = connection.admitted.transactions.commit(nameOf(frame), () => {
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
    throw new FrameError('missing header', `${COMMAND_TEXT[frame.command]} must have a 'transaction' header.`);
  return name;
}
