/**
 * Redis' patterns, byte by byte: `*` any bytes, `?` one, `[abc]`, `[^abc]` and `[a-c]` one of a set, `\` before what is meant
 * literally. A set that is not closed reaches to the end. Takes at most as many steps as pattern and text have bytes, multiplied,
 * or as many as it is given.
 */
const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/** How many bytes may still be compared; below zero: it was too much, and what was answered meanwhile means nothing. */
export interface Steps {
  left: number;
}

export function globMatches(pattern: Buffer, text: Buffer, steps: Steps): boolean {
  const end = text.length;
  let p = 0;
  let t = 0;
  // Where to go on when it does not fit: the last `*` takes one byte more.
  let afterStar = -1;
  let takenTo = 0;
  while (t < end) {
    if (pattern[p] === STAR) {
      afterStar = ++p;
      takenTo = t;
      continue;
    }
    steps.left -= pattern[p] === OPEN ? setEnd(pattern, p) - p : 1;
    if (steps.left < 0) return false;
    const next = p < pattern.length ? matchByte(pattern, p, text[t]!) : -1;
    if (next >= 0) {
      p = next;
      t++;
    } else if (afterStar >= 0) {
      p = afterStar;
      t = ++takenTo;
    } else return false;
  }
  while (pattern[p] === STAR) p++;
  return p >= pattern.length;
}

/** The literal bytes before the first and after the last thing that is not literal; `tail` is null where all of it is. */
export function literalEnds(pattern: Buffer): { readonly head: Buffer; readonly tail: Buffer | null } {
  let run: number[] = [];
  let head: number[] | null = null;
  for (let p = 0; p < pattern.length; ) {
    const byte = pattern[p]!;
    if (byte === STAR || byte === QUESTION || byte === OPEN) {
      head ??= run;
      run = [];
      p = byte === OPEN ? setEnd(pattern, p) : p + 1;
    } else {
      const escaped = byte === BACKSLASH && p + 1 < pattern.length;
      run.push(escaped ? pattern[p + 1]! : byte);
      p += escaped ? 2 : 1;
    }
  }
  return head === null ? { head: Buffer.from(run), tail: null } : { head: Buffer.from(head), tail: Buffer.from(run) };
}

/** Where the pattern goes on if what is at `p`, no `*`, takes this byte; -1 if it does not. */
function matchByte(pattern: Buffer, p: number, byte: number): number {
  const first = pattern[p]!;
  if (first === QUESTION) return p + 1;
  if (first === OPEN) return inSet(pattern, p, byte) ? setEnd(pattern, p) : -1;
  if (first === BACKSLASH && p + 1 < pattern.length) return pattern[p + 1] === byte ? p + 2 : -1;
  return first === byte ? p + 1 : -1;
}

/** The bytes of a set, one after the other: `visit` gets each range. Returns where the set ends. */
function walkSet(pattern: Buffer, open: number, visit: (from: number, to: number) => void): number {
  let p = open + 1;
  if (pattern[p] === CARET) p++;
  while (p < pattern.length && pattern[p] !== CLOSE) {
    if (pattern[p] === BACKSLASH && p + 1 < pattern.length) {
      visit(pattern[p + 1]!, pattern[p + 1]!);
      p += 2;
    } else if (pattern[p + 1] === DASH && p + 2 < pattern.length) {
      visit(Math.min(pattern[p]!, pattern[p + 2]!), Math.max(pattern[p]!, pattern[p + 2]!));
      p += 3;
    } else {
      visit(pattern[p]!, pattern[p]!);
      p++;
    }
  }
  return Math.min(p + 1, pattern.length);
}

function setEnd(pattern: Buffer, open: number): number {
  return walkSet(pattern, open, () => {});
}

function inSet(pattern: Buffer, open: number, byte: number): boolean {
  let found = false;
  walkSet(pattern, open, (from, to) => {
    found ||= byte >= from && byte <= to;
  });
  return found !== (pattern[open + 1] === CARET);
}
