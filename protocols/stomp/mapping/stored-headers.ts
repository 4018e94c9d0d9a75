/**
 * The property bytes of a message that came in over STOMP, as they are kept with it (dialect 3).
 *
 *     [ LF ]                      the body came without `content-length`: a text message
 *     *( name ":" value LF )      the headers that travel, in their order, escaped as 1.2 does
 *
 * Headers that travel are all but those that belong to the SEND frame itself (`destination`, `content-length`,
 * `receipt`, `transaction`), that the message carries elsewhere (`persistent`), or that are the broker's to write on a
 * MESSAGE (`message-id`, `subscription`, `ack`, `redelivered`; left out and counted). Of a name that comes twice the first one
 * travels, alone: other protocols know no repeated names, or take the last.
 *
 * Nearly always the bytes can be taken from the frame as they lie there.
 */

import { escapeText, writeStored } from '../codec/escape.ts';
import type { Frame } from '../codec/frame.ts';
import {
  ACK_ID,
  CONTENT_LENGTH,
  DESTINATION,
  MESSAGE_ID,
  OTHER,
  PERSISTENT,
  RECEIPT,
  REDELIVERED,
  SUBSCRIPTION,
  TRANSACTION,
} from '../codec/names.ts';
import type { StompStats } from '../stats.ts';

/** ActiveMQ's word for all that a message was sent to. */
export const ORIGINAL_DESTINATION = 'original-destination';
/** What the broker says of a message in the place of its publisher. */
export interface OwnLines {
  readonly lines: readonly (readonly [name: string, value: string])[];
  /** Headers of the frame that do not travel: those that are said, and perhaps others. */
  readonly hidden: readonly string[];
}

const NOTHING_OWN: OwnLines = { lines: [], hidden: [] };
const LF = 0x0a;
const COLON = 0x3a;
const TRAVELS = 0;
const STAYS = 1;
const STRIPPED = 2;

const TREATMENT = new Uint8Array(32).fill(TRAVELS);
for (const kind of [DESTINATION, CONTENT_LENGTH, RECEIPT, TRANSACTION, PERSISTENT]) TREATMENT[kind] = STAYS;
for (const kind of [MESSAGE_ID, SUBSCRIPTION, ACK_ID, REDELIVERED]) TREATMENT[kind] = STRIPPED;

export class StoredHeaders {
  /** Where `collect` left them: in the frame's buffer or in one of its own. Valid until the next call. */
  buffer: Buffer;
  start = 0;
  end = 0;
  private scratch = Buffer.alloc(0);
  private readonly stats: StompStats;

  constructor(stats: StompStats) {
    this.stats = stats;
    this.buffer = this.scratch;
  }

  /** Gathers the headers of a SEND that travel. @param own stands in the place of some of them */
  collect(frame: Frame, own?: OwnLines): void {
    const isText = frame.contentLength < 0;
    const { repeats } = frame;
    if (!frame.irregular && !repeats && own === undefined && this.takeRun(frame, isText)) return;
    this.rewrite(frame, own ?? NOTHING_OWN, isText, repeats ? frame.firsts() : null);
  }

  /** Whether what travels lies together in the frame, in its stored form already; then it is left there. */
  private takeRun(frame: Frame, isText: boolean): boolean {
    let start = -1;
    let end = -1;
    let stripped = 0;
    for (let index = 0; index < frame.count; index++) {
      const kind = frame.kind(index);
      if (kind !== OTHER && TREATMENT[kind] !== TRAVELS) {
        if (TREATMENT[kind] === STRIPPED) stripped++;
        continue;
      }
      const lineStart = frame.nameStart(index);
      if (start < 0) start = lineStart;
      else if (lineStart !== end) return false;
      end = frame.valueEnd(index) + 1;
    }
    this.stats.headersStripped += stripped;
    this.buffer = frame.buffer;
    if (start < 0) start = end = frame.bodyStart;
    // Before every line, and before the body, there is an LF: the mark of a text message is there already.
    this.start = isText ? start - 1 : start;
    this.end = end;
    return true;
  }

  /** `firsts`: the headers that count, null for all. */
  private rewrite(frame: Frame, { lines, hidden }: OwnLines, isText: boolean, firsts: Set<number> | null): void {
    const own = lines.map(([name, value]) => `${escapeText(name)}:${escapeText(value)}\n`).join('');
    // Escaping doubles a line at most.
    const bytesMax = 2 * (frame.bodyStart - frame.start) + Buffer.byteLength(own) + 1;
    if (this.scratch.length < bytesMax) this.scratch = Buffer.allocUnsafeSlow(bytesMax);
    const target = this.scratch;
    let at = 0;
    if (isText) target[at++] = LF;
    at += target.utf8Write(own, at);
    for (let index = 0; index < frame.count; index++) {
      const kind = frame.kind(index);
      if (TREATMENT[kind] !== TRAVELS) {
        if (TREATMENT[kind] === STRIPPED) this.stats.headersStripped++;
        continue;
      }
      if (hidden.length > 0 && hidden.includes(frame.nameText(index))) continue;
      if (firsts !== null && !firsts.has(index)) continue;
      at = writeStored(frame.buffer, frame.nameStart(index), frame.nameEnd(index), frame.escaped, target, at);
      target[at++] = COLON;
      at = writeStored(frame.buffer, frame.valueStart(index), frame.valueEnd(index), frame.escaped, target, at);
      target[at++] = LF;
    }
    this.buffer = target;
    this.start = 0;
    this.end = at;
  }
}

/** Whether the stored bytes have the mark of a text message, which is not part of the headers. */
export function isTextMarked(stored: Buffer, start: number, end: number): boolean {
  return start < end && stored[start] === LF;
}
