/**
 * The frames of one connection on their way out, one after the other.
 *
 *               a MESSAGE with a large body
 *     between ────────────────────────────────▶ within a body
 *     frames  ◀────────────────────────────────  (pieces, as the socket takes them)
 *                       its last byte, NUL LF
 *
 * Within a body consumers see the connection as congested, receipts are kept behind the body, and heart-beats are not needed.
 * Everyone else's connections flow on.
 */
import {
  type Backpressure,
  type BodyReader,
  BodySender,
  type BodySenderOwner,
  type Output,
} from '../../../src/api/index.ts';

const LF = 0x0a;
const NUL = 0;

export class FrameOutput implements Backpressure {
  /** The connection's own: where frames are written that never come within a body. */
  readonly output: Output;
  /** Bytes were written since the heart-beat last looked. */
  wrote = false;
  private readonly bodies: BodySender;

  /** @param owner `bodiesSent`: what waited for the end of a body may be written. `bodyLost`: no frame can be written any more */
  constructor(output: Output, owner: BodySenderOwner) {
    this.output = output;
    this.bodies = new BodySender(output, owner);
  }

  get congested(): boolean {
    return this.bodies.busy || this.output.congested;
  }

  get withinBody(): boolean {
    return this.bodies.busy;
  }

  /** Where a frame is written that may come within a body: behind that body then. */
  get out(): Output {
    return this.bodies.out;
  }

  /** Headers of a MESSAGE are written to `output`: its body follows from there, then NUL. */
  writeBody(reader: BodyReader): void {
    const { bodies } = this;
    bodies.send(reader);
    const { out } = bodies;
    const at = out.reserve(2);
    out.buffer[at] = NUL;
    out.buffer[at + 1] = LF;
    bodies.pump();
  }

  /** Writes as much of the body as may be written now. */
  pump(): void {
    this.bodies.pump();
  }

  heartbeat(): void {
    if (this.bodies.busy) return;
    const at = this.output.reserve(1);
    this.output.buffer[at] = LF;
  }

  close(): void {
    this.bodies.close();
  }
}
