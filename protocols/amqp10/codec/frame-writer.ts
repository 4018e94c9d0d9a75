/** Frames that are sent now and then. Transfers and dispositions of many are written straight into the output (`deliver/`). */
import { ByteSink } from '../../../src/api/index.ts';
import { AMQP_FRAME, FRAME_HEAD_BYTES } from './frame-parser.ts';
import { writeValue } from './value-writer.ts';
import type { AmqpValue } from './values.ts';

export const BODY_AT_DOFF = FRAME_HEAD_BYTES / 4;

export class FrameWriter {
  private readonly sink = new ByteSink();

  /**
   * A frame with one performative.
   * @param payload what follows it
   * @returns a view of its own memory, valid until the next call
   */
  frame(channel: number, performative: AmqpValue, payload?: Uint8Array, type = AMQP_FRAME): Buffer {
    const { sink } = this;
    sink.clear();
    sink.reserve(FRAME_HEAD_BYTES);
    writeValue(sink, performative);
    if (payload !== undefined) sink.append(payload);
    writeFrameHead(sink.buffer, 0, sink.length, channel, type);
    return sink.buffer.subarray(0, sink.length);
  }
}

/** @param size of the whole frame, the head counted */
export function writeFrameHead(buffer: Buffer, at: number, size: number, channel: number, type = AMQP_FRAME): void {
  buffer.writeUInt32BE(size, at);
  buffer[at + 4] = BODY_AT_DOFF;
  buffer[at + 5] = type;
  buffer.writeUInt16BE(channel, at + 6);
}
