/** Frames that the connection, its sessions and links send now and then. Transfers are written by `deliver/transfer-writer.ts`. */
import type { Output } from '../../../src/api/index.ts';
import { AMQP_FRAME, FRAME_HEAD_BYTES, SASL_FRAME } from '../codec/frame-parser.ts';
import { FrameWriter, writeFrameHead } from '../codec/frame-writer.ts';
import type { AmqpValue } from '../codec/values.ts';

export class ConnectionWriter {
  private readonly frames = new FrameWriter();
  private readonly output: Output;

  constructor(output: Output) {
    this.output = output;
  }

  bytes(bytes: Buffer): void {
    this.output.append(bytes, 0, bytes.length);
  }

  send(channel: number, performative: AmqpValue): void {
    this.bytes(this.frames.frame(channel, performative, undefined, AMQP_FRAME));
  }

  sasl(performative: AmqpValue): void {
    this.bytes(this.frames.frame(0, performative, undefined, SASL_FRAME));
  }

  /** A frame without a body. Not while the client does not read what is there already. [§2.4.5] */
  empty(): void {
    const { output } = this;
    if (output.congested) return;
    const at = output.reserve(FRAME_HEAD_BYTES);
    writeFrameHead(output.buffer, at, FRAME_HEAD_BYTES, 0);
  }
}
