/** The draft of a message that is published again as it lies in the store: one, used again and again. */
import { decodeAnnotations } from '../../message/deaths/annotations.ts';
import { type Continuation, Draft, type MessageView } from '../../message/message.ts';

export class RepublishedDraft {
  readonly draft = new Draft();
  /** The bytes of a message may move under an append: what is carried over is copied here. */
  private scratch = Buffer.alloc(0);
  private readonly why: Continuation;

  /** @param why they are */
  constructor(why: Continuation) {
    this.why = why;
  }

  /** @param retain the message asked to be retained once it is due */
  fill(view: MessageView, retain: boolean): void {
    const { draft } = this;
    draft.reset();
    draft.dialect = view.dialect;
    draft.continues = view.seq;
    draft.continuesAs = this.why;
    draft.assurance = view.assurance;
    draft.retain = retain;
    draft.grouped = view.grouped;
    draft.userChecked = view.userChecked;
    draft.priority = view.priority;
    // It began to live when it became due.
    draft.ttlMs = view.expiresAtMs === 0 ? -1 : view.expiresAtMs - view.arrivedAtMs;
    draft.annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd) ?? null;
    const propsBytes = view.propsEnd - view.propsStart;
    const bodyBytes = view.large === null ? view.bodyEnd - view.bodyStart : 0;
    if (this.scratch.length < propsBytes + bodyBytes)
      this.scratch = Buffer.allocUnsafeSlow(2 * (propsBytes + bodyBytes));
    view.props.copy(this.scratch, 0, view.propsStart, view.propsEnd);
    draft.props = this.scratch;
    draft.propsEnd = propsBytes;
    if (view.large !== null)
      draft.large = view.large; // the same extents: they have one holder more
    else view.body.copy(this.scratch, propsBytes, view.bodyStart, view.bodyEnd);
    draft.body = this.scratch;
    draft.bodyStart = propsBytes;
    draft.bodyEnd = propsBytes + bodyBytes;
  }
}
