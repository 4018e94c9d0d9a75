/**
 * The header lines that a MESSAGE has from its publisher, and those of its deaths, in the consumer's version: the stored
 * bytes themselves where they can be copied, rewritten ones where an older version needs that, and for a message that came in
 * over another protocol, lines made of its properties.
 */

import {
  bytesOf,
  type Conversion,
  type Conversions,
  DEATH_HEADERS,
  decodeAnnotations,
  type MessageView,
  type Pinnable,
  type Session,
} from '../../../src/api/index.ts';
import { needsRewriting, type Rewritten, rewriteStored } from '../codec/escape.ts';
import type { Version } from '../codec/version.ts';
import { HeaderLines } from '../mapping/header-lines.ts';
import { expiryLine, STOMP_DIALECT, writeActivemqDeath, writeDeaths, writeProperties } from '../mapping/properties.ts';
import { isTextMarked } from '../mapping/stored-headers.ts';
import type { StompStats } from '../stats.ts';

const EMPTY = Buffer.alloc(0);
const LF = 0x0a;
const COLON = 0x3a;
const NUL = 0;

export class MessageHeaders {
  /** Set by `find`: `lines[start, end)`. */
  lines: Buffer = EMPTY;
  start = 0;
  end = 0;
  /** Set where they are long, and stay as they are: they may be written from where they lie. */
  memory: Pinnable | null = null;
  /** The body goes without a length: it is text, as ActiveMQ's clients tell it from bytes. */
  isText = false;
  private scratch: Buffer = EMPTY;
  private readonly rewritten: Rewritten = { end: 0, dropped: 0 };
  private readonly session: Session;
  private readonly version: Version;
  private readonly stats: StompStats;
  private readonly foreign: Conversions;

  /** @param foreign properties of other protocols, and the lines they became; shared by the connections that speak one version */
  constructor(session: Session, version: Version, stats: StompStats, foreign: Conversions) {
    this.session = session;
    this.version = version;
    this.stats = stats;
    this.foreign = foreign;
  }

  find(view: MessageView): void {
    const before = this.stats.lossyConversions;
    this.findHeaders(view);
    if (this.stats.lossyConversions !== before) view.lossy = true;
  }

  private findHeaders(view: MessageView): void {
    const { props, propsEnd } = view;
    let { propsStart } = view;
    this.isText = view.dialect === STOMP_DIALECT.id && isTextMarked(props, propsStart, propsEnd);
    if (view.notesStart !== view.notesEnd) {
      this.findHeadersOfDead(view);
    } else if (view.dialect !== STOMP_DIALECT.id) {
      this.findForeign(view);
      const leftMs = this.session.timeLeftMs(view);
      if (leftMs !== undefined) this.append(Buffer.from(expiryLine(leftMs), 'latin1'));
    } else {
      if (this.isText) propsStart++;
      this.setStored(props, propsStart, propsEnd);
    }
  }

  /** Stored lines, in this version's form. */
  private setStored(stored: Buffer, start: number, end: number): void {
    this.setLines(stored, start, end);
    if (needsRewriting(stored, start, end, this.version)) this.rewrite(stored, start, end);
  }

  private append(line: Buffer): void {
    const lines = Buffer.concat([this.lines.subarray(this.start, this.end), line]);
    this.setLines(lines, 0, lines.length);
  }

  private rewrite(props: Buffer, start: number, end: number): void {
    if (this.scratch.length < end - start) this.scratch = Buffer.allocUnsafe(2 * (end - start));
    rewriteStored(props, start, end, this.version, this.scratch, this.rewritten);
    this.stats.lossyConversions += this.rewritten.dropped;
    this.setLines(this.scratch, 0, this.rewritten.end);
  }

  /** Publishers of other protocols nearly always send the same properties again: the last ones' lines are kept. */
  private findForeign(view: MessageView): void {
    if (view.propsStart === view.propsEnd) {
      this.setLines(EMPTY, 0, 0);
      return;
    }
    const { result, memory, lost, text } = this.foreign.find(view) ?? this.convert(view);
    this.stats.lossyConversions += lost;
    this.isText = text && isWithoutNul(view);
    this.setLines(result, 0, result.length);
    this.memory = memory;
  }

  private convert(view: MessageView): Conversion {
    const lines = new HeaderLines(this.version);
    const properties = this.session.properties(view);
    writeProperties(properties, lines);
    // Whether its publisher says that the body is text is no part of the lines.
    return this.foreign.add(view, bytesOf(lines.text), lines.dropped, properties.text === true);
  }

  /**
   * A dead letter: what the broker says of its deaths stands for what its publisher may have said of others, and what it died
   * of must not kill it again: it has no expiry of its own.
   */
  private findHeadersOfDead(view: MessageView): void {
    const lines = new HeaderLines(this.version);
    const annotations = decodeAnnotations(view.notes, view.notesStart, view.notesEnd);
    if (annotations !== undefined) {
      writeDeaths(annotations, lines);
      if (this.session.compat === 'activemq') writeActivemqDeath(annotations, lines);
    }
    if (view.dialect === STOMP_DIALECT.id) {
      const stored = withoutLines(view.props, view.propsStart, view.propsEnd, BROKER_KNOWS);
      this.setStored(stored, 0, stored.length);
    } else {
      const { headers, ...properties } = this.session.properties(view);
      const others = headers.filter(({ name }) => !DEATH_HEADERS.has(name));
      writeProperties({ ...properties, headers: others }, lines);
      this.isText = properties.text === true && isWithoutNul(view);
      this.setLines(EMPTY, 0, 0);
    }
    this.stats.lossyConversions += lines.dropped;
    const own = this.lines.subarray(this.start, this.end);
    const all = Buffer.concat([bytesOf(lines.text), own]);
    this.setLines(all, 0, all.length);
  }

  private setLines(buffer: Buffer, start: number, end: number): void {
    this.memory = null;
    this.lines = buffer;
    this.start = start;
    this.end = end;
  }
}

/** Whether the body lies here and holds no NUL, so that a frame without a length ends where it should. */
function isWithoutNul({ large, body, bodyStart, bodyEnd }: MessageView): boolean {
  return large === null && !body.subarray(bodyStart, bodyEnd).includes(NUL);
}

/** Headers of a dead letter that are not its publisher's to write. */
const BROKER_KNOWS: ReadonlySet<string> = new Set([...DEATH_HEADERS, 'expiration', 'expires']);

/** Stored lines, the mark of a text message left out, without those of these names. */
function withoutLines(stored: Buffer, start: number, end: number, names: ReadonlySet<string>): Buffer {
  const kept: Buffer[] = [];
  for (let at = isTextMarked(stored, start, end) ? start + 1 : start; at < end; ) {
    const lf = stored.indexOf(LF, at);
    const lineEnd = lf < 0 ? end : lf + 1;
    const colon = stored.indexOf(COLON, at);
    if (!names.has(stored.latin1Slice(at, colon))) kept.push(stored.subarray(at, lineEnd));
    at = lineEnd;
  }
  return Buffer.concat(kept);
}
