/**
 * The rules for strings, topic names and topic filters [MQTT 3.1.1, sections 1.5.3 and 4.7; 5.0, 1.5.4 and 4.7], over byte
 * ranges, so that a topic is looked at without becoming a string.
 *
 * A string field is two bytes of length, most significant first, and that many bytes of UTF-8.
 */
import { isUtf8 } from 'node:buffer';

const SLASH_BYTE = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const DOLLAR = 0x24;

const SHARE_PREFIX = '$share/';

/**
 * Well-formed UTF-8 without surrogates [MQTT-1.5.3-1] and without U+0000 [MQTT-1.5.3-2]. Control characters and
 * non-characters are let through, as the specification allows; a byte order mark stays what it is [MQTT-1.5.3-3].
 */
export function isText(buffer: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = buffer[i]!;
    if (byte === 0) return false;
    if (byte >= 0x80) {
      for (let j = i + 1; j < end; j++) if (buffer[j] === 0) return false;
      return isUtf8(buffer.subarray(i, end));
    }
  }
  return true;
}

/** What is wrong with a topic name in PUBLISH or a will; undefined if nothing is. Says nothing of its number of levels. */
export function topicFault(buffer: Buffer, start: number, end: number): string | undefined {
  if (start === end) return 'an empty topic [MQTT-4.7.3-1]';
  if (!isText(buffer, start, end)) return 'a topic that is not UTF-8 text [MQTT-1.5.3-1]';
  for (let i = start; i < end; i++) {
    const byte = buffer[i];
    if (byte === PLUS || byte === HASH) return 'a wildcard in a topic name [MQTT-3.3.2-2]';
  }
  return undefined;
}

/** How many levels a topic has. */
export function levelsIn(buffer: Buffer, start: number, end: number): number {
  let levels = 1;
  for (let i = start; i < end; i++) if (buffer[i] === SLASH_BYTE) levels++;
  return levels;
}

/** What is wrong with the form of a topic filter; undefined if nothing is. Says nothing of its number of levels. */
export function filterFault(buffer: Buffer, start: number, end: number): string | undefined {
  if (start === end) return 'an empty topic filter [MQTT-4.7.3-1]';
  if (!isText(buffer, start, end)) return 'a topic filter that is not UTF-8 text [MQTT-3.8.3-1]';
  for (let i = start; i < end; i++) {
    const byte = buffer[i];
    if (byte !== PLUS && byte !== HASH) continue;
    const alone = (i === start || buffer[i - 1] === SLASH_BYTE) && (i + 1 === end || buffer[i + 1] === SLASH_BYTE);
    if (!alone) return 'a wildcard that shares its level [MQTT-4.7.1-3]';
    if (byte === HASH && i + 1 !== end) return '# before the last level [MQTT-4.7.1-2]';
  }
  return undefined;
}

/** FNV-1a, its high bits folded into the low ones: for tables that are a power of two long. */
export function hashBytes(buffer: Buffer, start: number, end: number): number {
  let h = 0x811c9dc5;
  for (let i = start; i < end; i++) h = Math.imul(h ^ buffer[i]!, 0x01000193);
  return h ^ (h >>> 15);
}

/** How many levels a filter has. */
export function levelsOf(filter: string): number {
  let levels = 1;
  for (let i = 0; i < filter.length; i++) if (filter.charCodeAt(i) === SLASH_BYTE) levels++;
  return levels;
}

/** Whether a filter matches a topic name; both are well-formed [MQTT 3.1.1, section 4.7]. */
export function filterMatches(filter: string, topic: string): boolean {
  if (topic.charCodeAt(0) === DOLLAR && (filter.charCodeAt(0) === PLUS || filter.charCodeAt(0) === HASH)) return false;
  let f = 0;
  let t = 0;
  for (;;) {
    if (filter.charCodeAt(f) === HASH) return true;
    const filterEnd = levelEnd(filter, f);
    const topicEnd = levelEnd(topic, t);
    const any = filterEnd === f + 1 && filter.charCodeAt(f) === PLUS;
    if (!any && (filterEnd - f !== topicEnd - t || !filter.startsWith(topic.slice(t, topicEnd), f))) return false;
    if (topicEnd === topic.length) {
      // `a/#` matches its parent too.
      return (
        filterEnd === filter.length || (filterEnd + 2 === filter.length && filter.charCodeAt(filterEnd + 1) === HASH)
      );
    }
    if (filterEnd === filter.length) return false;
    f = filterEnd + 1;
    t = topicEnd + 1;
  }
}

function levelEnd(text: string, from: number): number {
  const slash = text.indexOf('/', from);
  return slash < 0 ? text.length : slash;
}

export interface SharedFilter {
  readonly group: string;
  readonly filter: string;
}

/**
 * Takes `$share/group/filter` apart. Undefined: not a shared subscription. 'invalid': it begins like one and is none:
 * the group is empty or has a wildcard, or no filter follows.
 */
export function sharedFilter(text: string): SharedFilter | 'invalid' | undefined {
  if (text.charCodeAt(0) !== DOLLAR || !text.startsWith(SHARE_PREFIX)) return undefined;
  const slash = text.indexOf('/', SHARE_PREFIX.length);
  if (slash < 0) return 'invalid';
  const group = text.slice(SHARE_PREFIX.length, slash);
  const filter = text.slice(slash + 1);
  if (group === '' || filter === '' || group.includes('+') || group.includes('#')) return 'invalid';
  return { group, filter };
}

/** Whether bytes that come in pieces are UTF-8. */
export class Utf8Check {
  private valid = true;
  /** The beginning of a character whose rest has not come. */
  private begun: Buffer = Buffer.alloc(0);

  take(buffer: Buffer, start: number, end: number): void {
    if (!this.valid) return;
    const piece =
      this.begun.length === 0 ? buffer.subarray(start, end) : Buffer.concat([this.begun, buffer.subarray(start, end)]);
    const whole = wholeCharacters(piece);
    this.begun = Buffer.from(piece.subarray(whole));
    this.valid = isUtf8(piece.subarray(0, whole));
  }

  /** No more comes. */
  end(): boolean {
    return this.valid && this.begun.length === 0;
  }
}

/** How many bytes of well-formed UTF-8 come before a character that is cut by the end. */
function wholeCharacters(piece: Buffer): number {
  const { length } = piece;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = piece[length - back]!;
    if (byte < 0x80) return length;
    if (byte < 0xc0) continue;
    const bytes = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return back < bytes ? length - back : length;
  }
  return length;
}
