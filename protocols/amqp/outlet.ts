/** What a connection itself says to its client, on channel 0. Channels write into the same output. */
import type { Output } from '../../src/transport/output.ts';
import {
  CONNECTION_BLOCKED,
  CONNECTION_CLOSE,
  CONNECTION_UNBLOCKED,
  FRAME_END,
  FRAME_HEARTBEAT,
} from './codec/constants.ts';
import { MethodWriter } from './codec/writer.ts';
import { head } from './delivery.ts';

export class Outlet {
  readonly writer = new MethodWriter();
  private readonly output: Output;
  /** Flushes of the output when the last heartbeat was due. */
  private flushesSeen = 0;

  constructor(output: Output) {
    this.output = output;
  }

  send(frame: MethodWriter): void {
    const bytes = frame.end();
    this.output.append(bytes, 0, bytes.length);
  }

  /** A heartbeat, unless anything else has been sent since the last one was due: that does as well. [§4.2.7] */
  heartbeat(): void {
    const { output } = this;
    if (output.flushes !== this.flushesSeen || output.congested) {
      this.flushesSeen = output.flushes;
      return;
    }
    // Its own flush does not count.
    this.flushesSeen++;
    const at = output.reserve(8);
    head(output.buffer, at, FRAME_HEARTBEAT, 0, 0);
    output.buffer[at + 7] = FRAME_END;
  }

  blocked(shortage: string): void {
    this.send(this.writer.begin(0, CONNECTION_BLOCKED).shortString(`low on ${shortage}`));
  }

  unblocked(): void {
    this.send(this.writer.begin(0, CONNECTION_UNBLOCKED));
  }

  /** @param method what it is about, 0 for none */
  close(replyCode: number, replyText: string, method: number): void {
    this.send(
      this.writer
        .begin(0, CONNECTION_CLOSE)
        .uint16(replyCode)
        .shortString(replyText)
        .uint16(method >>> 16)
        .uint16(method & 0xffff),
    );
  }
}
