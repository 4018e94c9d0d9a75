/**
 * The length of a frame that a server sends, told without parsing it: a frame goes to the line feed after its NUL, a heart-beat is
 * a line feed by itself. Header lines end in LF, and their names and values have none: so a line that begins
 * with `content-length:` is that header.
 */
const LF = 0x0a;
const NUL = 0x00;
const CONTENT_LENGTH = Buffer.from('content-length:', 'latin1');

/** How long the frame that begins at `start` is; 0 if that cannot be told from `buffer[start, end)`. */
export function frameExtent(buffer: Buffer, start: number, end: number): number {
  if (start < end && buffer[start] === LF) return 1;
  let bodyBytes = -1;
  let line = start;
  for (let at = start; at < end; at++) {
    if (buffer[at] !== LF) continue;
    if (at === line) return withBody(buffer, start, at + 1, end, bodyBytes);
    // The first one counts, as with every header.
    if (bodyBytes < 0) bodyBytes = lengthIn(buffer, line, at);
    line = at + 1;
  }
  return 0;
}

function withBody(buffer: Buffer, start: number, body: number, end: number, bodyBytes: number): number {
  const nul = bodyBytes >= 0 ? body + bodyBytes : buffer.indexOf(NUL, body);
  if (nul < 0 || (bodyBytes < 0 && nul >= end)) return 0;
  // The LF is still to come where the frame is.
  const next = nul + 1;
  return (next >= end || buffer[next] === LF ? next + 1 : next) - start;
}

/** -1 unless the line is a sound `content-length`. */
function lengthIn(buffer: Buffer, line: number, lineEnd: number): number {
  const value = line + CONTENT_LENGTH.length;
  if (buffer[line] !== CONTENT_LENGTH[0] || value >= lineEnd) return -1;
  if (buffer.compare(CONTENT_LENGTH, 0, CONTENT_LENGTH.length, line, value) !== 0) return -1;
  let length = 0;
  for (let at = value; at < lineEnd; at++) {
    const digit = buffer[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
