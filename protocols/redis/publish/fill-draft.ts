/** Fills the draft of a value that is published: it is the body, and all there is. */
import { type Assurance, type Draft, INLINE_BODY_BYTES, type Session } from '../../../src/api/index.ts';
import { REDIS_DIALECT } from '../mapping/names.ts';

/** The value `buffer[start, end)` as a message. One that is large goes into the log in pieces from here. */
export function fillDraft(
  draft: Draft,
  session: Session,
  assurance: Assurance,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  draft.reset();
  draft.dialect = REDIS_DIALECT.id;
  draft.assurance = assurance;
  if (end - start > INLINE_BODY_BYTES) {
    const body = session.openBody(end - start, draft.outlives);
    body.append(buffer, start, end);
    draft.large = body;
    return;
  }
  draft.body = buffer;
  draft.bodyStart = start;
  draft.bodyEnd = end;
}
