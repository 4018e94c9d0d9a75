/**
 * A SEND whose body is too large to be gathered: its bytes go into the log as they come, and nobody sees the message
 * before the last one. What its headers said is kept aside until then.
 */
import { AT_MOST_ONCE, type BodyWriter, Draft, MARK_NOW } from '../../../src/api/index.ts';
import type { Frame } from '../codec/frame.ts';
import { RECEIPT, TRANSACTION } from '../codec/names.ts';
import { notEnded } from '../codec/parser.ts';
import type { Connection } from '../connection/connection.ts';
import { STOMP_DIALECT } from '../mapping/properties.ts';
import type { Target } from './publish-targets.ts';
import { count, fillDraft, promised } from './send.ts';

export class LargeSend {
  /** The body and its NUL are there. */
  complete = false;
  private readonly connection: Connection;
  private readonly target: Target;
  private readonly draft = new Draft();
  private readonly writer: BodyWriter;
  /** The value of the `receipt` header as it came. */
  readonly receipt: Buffer | undefined;
  private readonly transaction: string | undefined;

  /** `frame` has come as far as its body. Throws what `send` would throw. */
  constructor(connection: Connection, frame: Frame) {
    this.connection = connection;
    this.target = connection.admitted.targets.find(frame);
    const { draft } = this;
    draft.dialect = STOMP_DIALECT.id;
    fillDraft(connection, frame, this.target, draft);
    draft.props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    draft.propsStart = 0;
    draft.propsEnd = draft.props.length;
    const receipt = frame.indexOf(RECEIPT);
    this.receipt =
      receipt < 0 ? undefined : Buffer.from(frame.buffer.subarray(frame.valueStart(receipt), frame.valueEnd(receipt)));
    this.transaction = frame.text(TRANSACTION);
    if (this.transaction !== undefined) connection.admitted.transactions.get(this.transaction); // or refuse before the body
    this.writer = connection.session.openBody(frame.contentLength, draft.assurance !== AT_MOST_ONCE);
    draft.large = this.writer;
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

  publish(): void {
    const { connection, target, draft, receipt } = this;
    const { admitted, session, adapter } = connection;
    admitted.targets.refresh(target, receipt !== undefined);
    adapter.stats.messagesIn++;
    let mark = MARK_NOW;
    if (this.transaction !== undefined) {
      admitted.transactions.get(this.transaction).publish(target, draft);
    } else {
      mark = session.publish(target.route, draft);
      count(connection, draft, mark, receipt !== undefined);
      mark = promised(connection, mark);
    }
    if (receipt !== undefined) connection.answers.owe(receipt, 0, receipt.length, mark);
  }

  abort(): void {
    this.writer.abort();
  }
}
