/** Frames of channel 0: what the connection itself tells its client. Channels write into the same output. */
import type { Output } from '../../../src/api/index.ts';
import {
  CONNECTION_BLOCKED,
  CONNECTION_CLOSE,
  CONNECTION_UNBLOCKED,
  FRAME_END,
  FRAME_HEARTBEAT,
} from '../codec/constants.ts';
import { frameHead } from '../codec/frame-writer.ts';
import { MethodWriter } from '../codec/method-writer.ts';

export class ConnectionWriter {
  readonly writer = new MethodWriter();
  private readonly output: Output;

  constructor(output: Output) {
    this.output = output;
  }

  send(frame: MethodWriter): void {
    const bytes = frame.end();
    this.output.append(bytes, 0, bytes.length);
  }

  /**
   * A heartbeat, whatever else was said lately: so the client never waits longer for a sign of life than the time between
   * two of them. Not while it does not read what is there already. [§4.2.7]
   */
  heartbeat(): void {
    const { output } = this;
    if (output.congested) return;
    const at = output.reserve(8);
    frameHead(output.buffer, at, FRAME_HEARTBEAT, 0, 0);
    output.buffer[at + 7] = FRAME_END;
  }

  blocked(shortage: 'disk' | 'memory' | 'rate'): void {
    const reason = shortage === 'rate' ? 'the publish rate of this connection is used up' : `low on ${shortage}`;
    this.send(this.writer.begin(0, CONNECTION_BLOCKED).shortString(reason));
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
