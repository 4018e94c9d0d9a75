/**
 * Text that may hold bytes which are not UTF-8, and gives them back.
 *
 * Protocols send texts whose bytes nobody has checked: a header in Latin-1, an identifier that is a random number. They
 * are read so that every valid sequence is its character and every other byte is a lone surrogate, U+DC80 to U+DCFF, as
 * Python's `surrogateescape` has it (PEP 383). No UTF-8 decodes to one, so two texts are equal where their bytes are, and
 * `bytesOf(textOf(bytes))` is `bytes`.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';

const REPLACEMENT = '\ufffd';
const ESCAPES = 0xdc00;

/** The text of `buffer[start, end)`. */
export function textOf(buffer: Buffer, start = 0, end = buffer.length): string {
  const text = buffer.utf8Slice(start, end);
  // What cannot be decoded has left a mark; text that holds the mark itself is seldom.
  if (!text.includes(REPLACEMENT) || isUtf8(buffer.subarray(start, end))) return text;
  return escaped(buffer, start, end);
}

/** The bytes that `textOf` has read; UTF-8 for any other well-formed text. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (isText(text)) return bytes;
  // A lone surrogate is written as the three bytes of U+FFFD: one byte takes the place of each.
  let to = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code >= ESCAPES + 0x80 && code <= ESCAPES + 0xff) bytes[to++] = code - ESCAPES;
    else to += bytes.utf8Write(character, to);
  }
  return bytes.subarray(0, to);
}

/** A text that stands for a longer one begins with this, and no other that `shortened` gives does. */
const HASHED = '\0';

/** The text itself, or for one that is longer than `charsMax` its hash: what is kept as a key is bounded, and no two are taken for one. */
export function shortened(text: string, charsMax: number): string {
  if (text.length <= charsMax && !text.startsWith(HASHED)) return text;
  return HASHED + createHash('sha256').update(bytesOf(text)).digest('base64');
}

/** Texts so short are written unit by unit: a call into the runtime takes longer. */
const SHORT = 32;

/** Writes well-formed text as UTF-8, for which there is room, and returns how many bytes it is: three for each unit at most. */
export function writeText(buffer: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT) return buffer.utf8Write(text, at);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return buffer.utf8Write(text, at);
    buffer[at + i] = code;
  }
  return length;
}

/** Whether it is all characters: protocols whose texts must be UTF-8 can carry it. */
export function isText(text: string): boolean {
  return text.isWellFormed();
}

function escaped(buffer: Buffer, start: number, end: number): string {
  let text = '';
  let from = start;
  for (let at = start; at < end; ) {
    const length = sequenceLength(buffer, at, end);
    if (length > 0) {
      at += length;
      continue;
    }
    text += buffer.utf8Slice(from, at) + String.fromCharCode(ESCAPES + buffer[at]!);
    from = ++at;
  }
  return text + buffer.utf8Slice(from, end);
}

/** How many bytes the character at `at` takes; 0 where none begins. */
function sequenceLength(buffer: Buffer, at: number, end: number): number {
  const first = buffer[at]!;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return length > 0 && at + length <= end && isUtf8(buffer.subarray(at, at + length)) ? length : 0;
}
