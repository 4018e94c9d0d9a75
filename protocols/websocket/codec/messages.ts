/**
 * Messages of a WebSocket, cut from what an adapter writes: one for each packet of its protocol, since clients read one from
 * each; a packet that leaves in pieces is one message in fragments.
 *
 *     ┌ bytes of a turn ──────────────────────────┐   ┌ of the next ─────────┐
 *     │ packet │ packet │ packet, not complete ···│   │··· its end │ packet  │
 *     └────────┴────────┴─────────────────────────┘   └────────────┴─────────┘
 *      message  message  fragment                      fragment,fin message
 *
 * Text messages must be UTF-8 as a whole, which nobody knows of one that is not complete: that is binary.
 */
import { isUtf8 } from 'node:buffer';
import type { Framing } from '../../../src/api/index.ts';
import { FrameList, OP_BINARY, OP_CONTINUATION, OP_TEXT } from './frames.ts';

export class OutgoingMessages {
  private readonly framing: Framing;
  /** How much of a packet that was begun is still to come. */
  private missing = 0;
  private rest: Buffer | undefined = undefined;
  private readonly frames = new FrameList();

  constructor(framing: Framing) {
    this.framing = framing;
  }

  /**
   * The frames for these bytes and those that were left over before.
   * @param text whether they may be text
   * @param last false: more bytes follow at once, so that a packet whose head is not whole is left over
   */
  frame(given: Buffer, text: boolean, last = true): Buffer {
    const { framing, frames } = this;
    const bytes = this.rest === undefined ? given : Buffer.concat([this.rest, given]);
    this.rest = undefined;
    const end = bytes.length;
    let at = Math.min(this.missing, end);
    if (at > 0) {
      this.missing -= at;
      frames.add(OP_CONTINUATION, this.missing === 0, 0, at);
    }
    // Packets of a text protocol begin and end in ASCII: if all of them are UTF-8 together, so is each.
    const allText = text && isUtf8(bytes.subarray(at));
    while (at < end) {
      const extent = framing.extent(bytes, at, end);
      if (extent === 0 && !last) {
        this.rest = bytes.subarray(at);
        break;
      }
      const until = extent === 0 ? end : Math.min(end, at + extent);
      this.missing = extent === 0 ? 0 : at + extent - until;
      const isText = text && this.missing === 0 && (allText || isUtf8(bytes.subarray(at, until)));
      frames.add(isText ? OP_TEXT : OP_BINARY, this.missing === 0, at, until);
      at = until;
    }
    return frames.write(bytes);
  }
}
