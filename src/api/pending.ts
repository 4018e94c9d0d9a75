/** What a call throws whose permission is not known yet. */
import type { PendingAnswer } from './identity.ts';

/**
 * Thrown by the calls of `Session` that ask a permission, before they have changed anything: what may be done has to be asked of a
 * back end first. It is no error of the client's. The adapter takes no further frame (`ReadGate.awaitAnswer`), and carries out the one
 * at hand once more when the answer has come; so a frame's handler asks before it does anything that must not be done twice.
 */
export class AccessPending extends Error {
  private readonly answer: PendingAnswer;

  constructor(answer: PendingAnswer) {
    super('what may be done is not known yet');
    this.answer = answer;
  }

  /** @param done called once, later */
  whenKnown(done: () => void): void {
    this.answer.whenKnown(done);
  }
}
