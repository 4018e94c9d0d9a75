/**
 * Where the last at-most-once message was encoded, so that its next subscriber gets a copy of the bytes. One for each form
 * that a PUBLISH has, shared by all connections of the adapter.
 */
export class FanoutCache {
  /** `MessageView.serial` of the message; -1 before the first. */
  serial = -1;
  retained = false;
  /** The packet: `buffer[at, at + length)`, in the output of whoever got it first. */
  buffer: Buffer = Buffer.alloc(0);
  at = 0;
  length = 0;
}
