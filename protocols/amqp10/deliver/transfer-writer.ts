/**
 * Writes deliveries: the transfers of one message, cut where the client's frames end. [§2.6.12, §2.7.5]
 *
 *     frame | transfer(handle, delivery-id, tag, format, settled, more) | head | body …
 *     frame | transfer(handle, more)                                    | body …            for what is left of it
 *
 * Frames of transfers are what the session's windows count: where the client's is used up, what is left of a message waits here, and
 * with it the session's other deliveries.
 */
import { giveBack, type MessageView, type Output, takeBuffer } from '../../../src/api/index.ts';
import * as descriptors from '../codec/descriptors.ts';
import * as codes from '../codec/format-codes.ts';
import { FRAME_HEAD_BYTES } from '../codec/frame-parser.ts';
import { writeFrameHead } from '../codec/frame-writer.ts';
import type { OutgoingMessage } from '../mapping/outgoing.ts';

/** The session, as writing sees it. */
export interface TransferSession {
  readonly channel: number;
  readonly output: Output;
  /** Bytes of a frame that the client takes, its head counted. */
  readonly frameBytesMax: number;
  /** Frames that the client takes now. */
  remoteIncomingWindow: number;
  /** Counts a frame that goes out. */
  frameSent(): void;
}

/** Code, id, list head and the fields of the longest transfer that is written here. */
const PERFORMATIVE_BYTES_MAX = 48;

export class TransferWriter {
  /** Frames that wait until the client takes more, each whole. */
  private readonly waiting: Buffer[] = [];
  private waitingBytes = 0;
  private readonly session: TransferSession;

  constructor(session: TransferSession) {
    this.session = session;
  }

  /** The client's window is used up: no delivery is to be begun. */
  get blocked(): boolean {
    return this.waiting.length > 0 || this.session.remoteIncomingWindow <= 0;
  }

  get heldBytes(): number {
    return this.waitingBytes;
  }

  /** @param deliveryId of the session, which is the delivery's tag as well */
  message(handle: number, deliveryId: number, settled: boolean, message: OutgoingMessage, view: MessageView): void {
    const { session } = this;
    const bodyBytes = message.bodyInHead || view.large !== null ? 0 : view.bodyEnd - view.bodyStart;
    const footerBytes = message.footerEnd - message.footerStart;
    const payload = message.head.length + bodyBytes + footerBytes;
    if (payload <= session.frameBytesMax - FRAME_HEAD_BYTES - PERFORMATIVE_BYTES_MAX) {
      this.single(handle, deliveryId, settled, message, view, payload);
      return;
    }
    // Seldom: a message that is larger than a frame is put together, and cut.
    const whole = takeBuffer(payload);
    let at = message.head.buffer.copy(whole, 0, 0, message.head.length);
    if (bodyBytes > 0) at += view.body.copy(whole, at, view.bodyStart, view.bodyEnd);
    if (footerBytes > 0) message.footer.copy(whole, at, message.footerStart, message.footerEnd);
    this.pieces(handle, deliveryId, settled, whole, payload);
    giveBack(whole);
  }

  /** Sends a message that is all in one piece of memory, cut into as many frames as it takes. */
  pieces(handle: number, deliveryId: number, settled: boolean, whole: Buffer, length: number): void {
    const most = this.session.frameBytesMax - FRAME_HEAD_BYTES - PERFORMATIVE_BYTES_MAX;
    for (let at = 0; at < length; at += most) {
      const end = Math.min(length, at + most);
      this.piece(handle, at === 0 ? deliveryId : -1, settled, end < length, whole, at, end);
    }
  }

  /** The client takes more: sends what has waited, as far as that goes. */
  goOn(): void {
    const { waiting, session } = this;
    while (waiting.length > 0 && session.remoteIncomingWindow > 0) {
      const frame = waiting.shift()!;
      this.waitingBytes -= frame.length;
      session.output.append(frame, 0, frame.length);
      session.frameSent();
    }
  }

  close(): void {
    this.waiting.length = 0;
    this.waitingBytes = 0;
  }

  private single(
    handle: number,
    deliveryId: number,
    settled: boolean,
    message: OutgoingMessage,
    view: MessageView,
    payload: number,
  ): void {
    const { session } = this;
    const { output } = session;
    const { head } = message;
    const start = output.reserve(FRAME_HEAD_BYTES + PERFORMATIVE_BYTES_MAX + head.length);
    const { buffer } = output;
    const at = writeTransfer(buffer, start + FRAME_HEAD_BYTES, handle, deliveryId, settled, false);
    head.buffer.copy(buffer, at, 0, head.length);
    // What was reserved and is not needed goes back: it is the last that was.
    output.length = at + head.length;
    writeFrameHead(buffer, start, at - start + payload, session.channel);
    if (!message.bodyInHead && view.large === null)
      output.appendBody(view.body, view.bodyStart, view.bodyEnd, view.memory);
    if (message.footerEnd > message.footerStart) output.append(message.footer, message.footerStart, message.footerEnd);
    session.frameSent();
  }

  private piece(
    handle: number,
    deliveryId: number,
    settled: boolean,
    more: boolean,
    source: Buffer,
    start: number,
    end: number,
  ): void {
    const { session } = this;
    const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + PERFORMATIVE_BYTES_MAX + end - start);
    const at = writeTransfer(frame, FRAME_HEAD_BYTES, handle, deliveryId, settled, more);
    const size = at + source.copy(frame, at, start, end);
    writeFrameHead(frame, 0, size, session.channel);
    if (this.blocked) {
      this.waiting.push(frame.subarray(0, size));
      this.waitingBytes += size;
      return;
    }
    session.output.append(frame, 0, size);
    session.frameSent();
  }
}

/**
 * Writes a transfer's performative at `at` and returns where it ends.
 * @param deliveryId -1: what continues a message
 */
function writeTransfer(
  b: Buffer,
  at: number,
  handle: number,
  deliveryId: number,
  settled: boolean,
  more: boolean,
): number {
  b[at] = codes.DESCRIBED;
  b[at + 1] = codes.SMALL_ULONG;
  b[at + 2] = descriptors.TRANSFER;
  b[at + 3] = codes.LIST8;
  const sizeAt = at + 4;
  let end = writeUint(b, at + 6, handle);
  if (deliveryId < 0) {
    b[end] = b[end + 1] = b[end + 2] = b[end + 3] = codes.NULL;
    end += 4;
  } else {
    end = writeUint(b, end, deliveryId);
    b[end] = codes.BINARY8;
    b[end + 1] = 4;
    b.writeUInt32BE(deliveryId, end + 2);
    b[end + 6] = codes.UINT0; // message-format
    b[end + 7] = settled ? codes.TRUE : codes.FALSE;
    end += 8;
  }
  b[end++] = more ? codes.TRUE : codes.FALSE;
  b[sizeAt] = end - sizeAt - 1;
  b[sizeAt + 1] = 6;
  return end;
}

function writeUint(b: Buffer, at: number, value: number): number {
  if (value === 0) {
    b[at] = codes.UINT0;
    return at + 1;
  }
  if (value < 0x100) {
    b[at] = codes.SMALL_UINT;
    b[at + 1] = value;
    return at + 2;
  }
  b[at] = codes.UINT;
  b.writeUInt32BE(value, at + 1);
  return at + 5;
}
