/**
 * A SEND whose body is too large to be gathered: its bytes go into the log as they come, and nobody sees the message
 * before the last one. Until then the message is kept as a draft.
 */
import { AT_MOST_ONCE, type BodyWriter, Draft, MARK_NOW } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT, TRANSACTION } from '../codec/names.ts';
import { notEnded } from '../codec/parser.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { fillDraft } from './fill-draft.ts';
import { countUntaken, receiptMark } from './send.ts';
import type { PublishTarget } from './target-memo.ts';

export class LargeSend {
  /** The body and its NUL are there. */
  complete = false;
  private readonly client: ConnectedClient;
  private readonly target: PublishTarget;
  private readonly draft = new Draft();
  private readonly writer: BodyWriter;
  /** The value of the `receipt` header as it came. */
  readonly receipt: Buffer | undefined;
  private readonly transaction: string | undefined;

  /**
   * @param frame has come as far as its body
   * @throws FrameError, BrokerError as `send`
   */
  constructor(client: ConnectedClient, frame: Frame) {
    this.client = client;
    const target = client.targets.find(frame);
    if (target === null) throw new FrameError('Invalid header', 'What renews a lease has no body of this size.');
    this.target = target;
    const { draft } = this;
    fillDraft(draft, client, frame, target);
    draft.props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    draft.propsStart = 0;
    draft.propsEnd = draft.props.length;
    const receipt = frame.indexOf(RECEIPT);
    this.receipt =
      receipt < 0 ? undefined : Buffer.from(frame.buffer.subarray(frame.valueStart(receipt), frame.valueEnd(receipt)));
    this.transaction = frame.text(TRANSACTION);
    if (this.transaction !== undefined) client.transactions.get(this.transaction); // or refuse before the body
    this.writer = client.session.openBody(frame.contentLength, draft.assurance !== AT_MOST_ONCE);
    draft.large = this.writer;
  }

  /** The broker holds publishers back: the next piece should wait. */
  get congested(): boolean {
    return this.client.session.congested;
  }

  /** Takes what belongs to it of `buffer[start, end)` and returns where that ends. */
  feed(buffer: Buffer, start: number, end: number): number {
    const { writer } = this;
    const bodyEnd = Math.min(end, start + writer.missing);
    if (bodyEnd > start) writer.append(buffer, start, bodyEnd);
    if (writer.missing > 0 || bodyEnd === end) return bodyEnd;
    if (buffer[bodyEnd] !== 0) throw notEnded();
    this.complete = true;
    return bodyEnd + 1;
  }

  /** The body is complete. Throws as `send`. */
  publish(): void {
    const { client, target, draft, receipt } = this;
    const { session, adapter } = client;
    session.ofBegun(() => client.targets.refresh(target, receipt !== undefined));
    adapter.stats.messagesIn++;
    let mark = MARK_NOW;
    let duplicate = false;
    if (this.transaction !== undefined) {
      client.transactions.get(this.transaction).publish(target, draft);
    } else {
      mark = session.publish(target.route, draft);
      countUntaken(client, draft, mark, receipt !== undefined);
      duplicate = draft.duplicate;
      mark = receiptMark(client, mark);
    }
    if (receipt !== undefined) client.receipts.owe(receipt, 0, receipt.length, mark, duplicate);
  }

  /** Nothing of it is published. */
  abort(): void {
    this.writer.abort();
  }
}
