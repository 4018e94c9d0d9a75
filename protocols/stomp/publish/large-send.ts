/**
 * A SEND whose body is too large to be gathered: its bytes go into the log as they come, and nobody sees the message
 * before the last one. Until then the message is kept as a draft.
 */
import { type BodyWriter, Draft } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT, TRANSACTION } from '../codec/names.ts';
import { notEnded } from '../codec/parser.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { fillDraft } from './fill-draft.ts';
import { publishAll } from './send.ts';
import type { PublishTarget } from './target-memo.ts';

export class LargeSend {
  /** The body and its NUL are there. */
  complete = false;
  private readonly client: ConnectedClient;
  private readonly target: PublishTarget;
  /** Where it goes, and with each the message: nearly always one. */
  private readonly drafts: (readonly [PublishTarget, Draft])[] = [];
  private readonly writers: BodyWriter[] = [];
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
    if (target === null)
      throw new FrameError('Invalid header', 'What is sent to /delivery/… has no body of this size.');
    this.target = target;
    const { draft } = client.adapter;
    fillDraft(draft, client, frame, target);
    const props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    const receipt = frame.indexOf(RECEIPT);
    this.receipt =
      receipt < 0 ? undefined : Buffer.from(frame.buffer.subarray(frame.valueStart(receipt), frame.valueEnd(receipt)));
    this.transaction = frame.text(TRANSACTION);
    if (this.transaction !== undefined) client.transactions.get(this.transaction); // or refuse before the body
    for (const target of [this.target, ...this.target.others]) {
      const writer = client.session.openBody(frame.contentLength, draft.outlives);
      const one = Object.assign(new Draft(), draft, { props, propsStart: 0, propsEnd: props.length, large: writer });
      this.writers.push(writer);
      this.drafts.push([target, one]);
    }
  }

  /** The broker holds publishers back: the next piece should wait. */
  get congested(): boolean {
    return this.client.session.congested;
  }

  /** Takes what belongs to it of `buffer[start, end)` and returns where that ends. */
  feed(buffer: Buffer, start: number, end: number): number {
    const { writers } = this;
    const [first] = writers as [BodyWriter];
    const bodyEnd = Math.min(end, start + first.missing);
    if (bodyEnd > start) for (const writer of writers) writer.append(buffer, start, bodyEnd);
    if (first.missing > 0 || bodyEnd === end) return bodyEnd;
    if (buffer[bodyEnd] !== 0) throw notEnded();
    this.complete = true;
    return bodyEnd + 1;
  }

  /** The body is complete. Throws as `send`. */
  publish(): void {
    const { client, target, drafts, receipt } = this;
    client.session.ofBegun(() => client.targets.refresh(target, receipt !== undefined));
    const { mark, duplicate } = publishAll(client, drafts, this.transaction, receipt !== undefined);
    if (receipt !== undefined) client.receipts.owe(receipt, 0, receipt.length, mark, duplicate);
  }

  /** Nothing of it is published. */
  abort(): void {
    for (const writer of this.writers) writer.abort();
  }
}
