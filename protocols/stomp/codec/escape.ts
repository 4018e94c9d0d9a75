/**
 * Escaping of header names and values, and the form in which header lines are stored.
 *
 *     octet        1.0           1.1     1.2
 *     LF           (impossible)  \n      \n
 *     CR           as it is      as is   \r
 *     :            as it is      \c      \c      (in 1.0 a value may hold one, a name may not)
 *     \            as it is      \\      \\
 *     NUL          (impossible in all)
 *
 * Stored lines are 1.2's: escaped as above, ended by LF. Towards a consumer of 1.2 they are copied byte for byte.
 */
import { textOf } from '../../../src/api/index.ts';
import { V1_0, V1_2, type Version } from './version.ts';

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const SMALL_C = 0x63;
const SMALL_N = 0x6e;
const SMALL_R = 0x72;

/** The text of `buffer[start, end)`, its escapes undone if `escaped`. What is not UTF-8 stays what it is. */
export function unescapeText(buffer: Buffer, start: number, end: number, escaped: boolean): string {
  const text = textOf(buffer, start, end);
  if (!escaped || !text.includes('\\')) return text;
  return text.replace(/\\[\s\S]/g, (pair) => {
    switch (pair.charCodeAt(1)) {
      case SMALL_N:
        return '\n';
      case SMALL_R:
        return '\r';
      case SMALL_C:
        return ':';
      default:
        return '\\';
    }
  });
}

/** `text` as 1.2 (also 1.1, but for CR) writes it in a name or value. */
export function escapeText(text: string): string {
  return text.replace(/[\\\n\r:]/g, (character) => {
    switch (character) {
      case '\n':
        return '\\n';
      case '\r':
        return '\\r';
      case ':':
        return '\\c';
      default:
        return '\\\\';
    }
  });
}

/** `text` as a value towards a client of this version; undefined where the version cannot say it. */
export function escapeValue(text: string, version: Version): string | undefined {
  if (text.includes('\0')) return undefined;
  if (version === V1_2) return escapeText(text);
  if (version === V1_0) return text.includes('\n') ? undefined : text;
  return text.replace(/[\\\n:]/g, (character) => (character === '\n' ? '\\n' : character === ':' ? '\\c' : '\\\\'));
}

/** As `escapeValue`, for a name: in 1.0 it cannot hold a colon. */
export function escapeName(text: string, version: Version): string | undefined {
  if (text === '' || (version === V1_0 && text.includes(':'))) return undefined;
  return escapeValue(text, version);
}

/**
 * Writes a name or value that came in as `source[start, end)` in the stored form. It takes at most twice its length.
 * `escaped`: it is escaped already, but may hold raw colons and CRs. Returns where the writing ended.
 */
export function writeStored(
  source: Buffer,
  start: number,
  end: number,
  escaped: boolean,
  target: Buffer,
  at: number,
): number {
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = source[from]!;
    if (byte === BACKSLASH) {
      target[to++] = BACKSLASH;
      target[to++] = escaped ? source[++from]! : BACKSLASH;
    } else if (byte === COLON) {
      target[to++] = BACKSLASH;
      target[to++] = SMALL_C;
    } else if (byte === CR) {
      target[to++] = BACKSLASH;
      target[to++] = SMALL_R;
    } else {
      target[to++] = byte;
    }
  }
  return to;
}

/** Whether stored lines must be rewritten for that version rather than copied. */
export function needsRewriting(stored: Buffer, start: number, end: number, version: Version): boolean {
  if (version === V1_2) return false;
  for (let at = start; at < end; at++) if (stored[at] === BACKSLASH) return true;
  return false;
}

/** What `rewriteStored` did. */
export interface Rewritten {
  /** Where the writing ended. */
  end: number;
  /** Header lines that the version cannot carry and that were left out. */
  dropped: number;
}

/** Writes stored lines as 1.0 or 1.1 wants them. The result is never longer. */
export function rewriteStored(
  stored: Buffer,
  start: number,
  end: number,
  version: Version,
  target: Buffer,
  into: Rewritten,
): void {
  let to = 0;
  let dropped = 0;
  let lineStart = 0;
  let inName = true;
  let impossible = false;
  for (let from = start; from < end; from++) {
    const byte = stored[from]!;
    if (byte === LF) {
      if (impossible) {
        to = lineStart;
        dropped++;
      } else target[to++] = LF;
      lineStart = to;
      inName = true;
      impossible = false;
    } else if (byte === BACKSLASH) {
      const letter = stored[++from]!;
      if (letter === SMALL_R) {
        target[to++] = CR;
      } else if (version === V1_0) {
        if (letter === SMALL_N || (letter === SMALL_C && inName)) impossible = true;
        target[to++] = letter === SMALL_C ? COLON : BACKSLASH;
      } else {
        target[to++] = BACKSLASH;
        target[to++] = letter;
      }
    } else {
      if (byte === COLON) inName = false;
      target[to++] = byte;
    }
  }
  into.end = to;
  into.dropped = dropped;
}
