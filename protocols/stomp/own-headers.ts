/**
 * The header lines that a MESSAGE has from its publisher, and those of its deaths, in the consumer's version: the stored
 * bytes themselves where they can be copied, rewritten ones where an older version needs that, and for what came in over
 * another protocol, lines made of its properties.
 */
import { decodeAnnotations } from '../../src/message/annotations.ts';
import { equalsBytes } from '../../src/message/bytes.ts';
import type { MessageView } from '../../src/message/message.ts';
import type { Session } from '../../src/session.ts';
import { needsRewriting, type Rewritten, rewriteStored } from './codec/escape.ts';
import type { Version } from './codec/version.ts';
import { HeaderLines, STOMP_DIALECT, writeDeaths, writeProperties } from './mapping.ts';
import type { StompStats } from './stats.ts';
import { isTextMarked } from './stored.ts';

const EMPTY = Buffer.alloc(0);

/** The last foreign property bytes, and the lines they became; shared by the connections that speak one version. */
export class ForeignMemo {
  dialect = 0;
  props: Buffer = EMPTY;
  lines: Buffer = EMPTY;
}

export class OwnHeaders {
  /** Set by `find`: `lines[start, end)`. */
  lines: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** The body came without a length: it is text, as ActiveMQ's clients tell it from bytes. */
  isText = false;
  private scratch: Buffer = EMPTY;
  private readonly rewritten: Rewritten = { end: 0, dropped: 0 };
  private readonly session: Session;
  private readonly version: Version;
  private readonly stats: StompStats;
  private readonly memo: ForeignMemo;

  constructor(session: Session, version: Version, stats: StompStats, memo: ForeignMemo) {
    this.session = session;
    this.version = version;
    this.stats = stats;
    this.memo = memo;
  }

  find(view: MessageView): void {
    const { props, propsEnd } = view;
    let { propsStart } = view;
    this.isText = view.dialect === STOMP_DIALECT.id && isTextMarked(props, propsStart, propsEnd);
    if (view.notesStart !== view.notesEnd) {
      this.findHeadersOfDead(view);
    } else if (propsStart === propsEnd) {
      this.start = this.end = 0;
    } else if (view.dialect !== STOMP_DIALECT.id) {
      this.findForeign(view);
    } else {
      if (this.isText) propsStart++;
      this.setLines(props, propsStart, propsEnd);
      if (needsRewriting(props, propsStart, propsEnd, this.version)) this.rewriteOwn(props, propsStart, propsEnd);
    }
  }

  private rewriteOwn(props: Buffer, start: number, end: number): void {
    if (this.scratch.length < end - start) this.scratch = Buffer.allocUnsafe(2 * (end - start));
    rewriteStored(props, start, end, this.version, this.scratch, this.rewritten);
    this.stats.lossyConversions += this.rewritten.dropped;
    this.setLines(this.scratch, 0, this.rewritten.end);
  }

  /** Publishers of other protocols nearly always send the same properties again: the last ones' lines are kept. */
  private findForeign(view: MessageView): void {
    const memo = this.memo;
    const { dialect, props, propsStart, propsEnd } = view;
    if (memo.dialect !== dialect || !equalsBytes(memo.props, props, propsStart, propsEnd)) {
      const lines = new HeaderLines(this.version);
      writeProperties(this.session.properties(view), lines);
      this.stats.lossyConversions += lines.dropped;
      memo.dialect = dialect;
      memo.props = Buffer.from(props.subarray(propsStart, propsEnd));
      memo.lines = Buffer.from(lines.text);
    }
    this.setLines(memo.lines, 0, memo.lines.length);
  }

  /** A dead letter: seldom enough to be written through the neutral form whoever sent it. */
  private findHeadersOfDead(view: MessageView): void {
    const lines = new HeaderLines(this.version);
    const annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    if (annotations !== undefined) writeDeaths(annotations, lines);
    // What it died of must not kill it again: a dead letter has no expiry of its own.
    const { expiryMs: _, ...properties } = this.session.properties(view);
    writeProperties(properties, lines);
    this.stats.lossyConversions += lines.dropped;
    const bytes = Buffer.from(lines.text);
    this.setLines(bytes, 0, bytes.length);
  }

  private setLines(buffer: Buffer, start: number, end: number): void {
    this.lines = buffer;
    this.start = start;
    this.end = end;
  }
}
