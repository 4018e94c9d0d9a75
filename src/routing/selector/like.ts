/**
 * LIKE: `%` stands for any characters, also none, `_` for exactly one. A character is a Unicode code point.
 *
 *     'ab%c_d%e'  ──▶  begins with "ab" · then somewhere "c_d" · ends with "e"
 *
 * What lies between two `%` is looked for from the left, by shifting a set of bits: bit i is set while the last i + 1
 * characters of the text are the piece's first i + 1. So the cost is the text's length, times one for each 32 characters
 * of the pattern, whatever both look like: there is nothing to go back over.
 */

/** Characters in a pattern, of which a piece's bits take a word for each 32. */
export const PATTERN_LENGTH_MAX = 1024;

/** `_`, as no code point. */
const ANY_ONE = -1;

/** `escapedBy`: the character that takes from a `%`, `_` or itself its meaning, '' for none. */
export function likeMatcher(pattern: string, escapedBy: string): (text: string) => boolean {
  const pieces = piecesOf(pattern, escapedBy);
  const first = pieces[0]!;
  if (pieces.length === 1) return (text) => wholeIs(pointsOf(text), first);
  const last = pieces.at(-1)!;
  const between = pieces
    .slice(1, -1)
    .filter((piece) => piece.length > 0)
    .map((piece) => new Search(piece)); // prettier-ignore
  const lengthMin = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return (text) => {
    const points = pointsOf(text);
    if (points.length < lengthMin) return false;
    const end = points.length - last.length;
    if (!isAt(points, 0, first) || !isAt(points, end, last)) return false;
    let at = first.length;
    for (const search of between) {
      at = search.after(points, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

/** The pattern cut at each `%`. */
function piecesOf(pattern: string, escapedBy: string): number[][] {
  const pieces: number[][] = [[]];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!;
    const next = characters[i + 1];
    // Before any other character it is an ordinary one itself, as ActiveMQ reads it.
    if (character === escapedBy && (next === '%' || next === '_' || next === escapedBy)) {
      pieces.at(-1)!.push(next.codePointAt(0)!);
      i++;
    } else if (character === '%') pieces.push([]);
    else pieces.at(-1)!.push(character === '_' ? ANY_ONE : character.codePointAt(0)!);
  }
  return pieces;
}

/** Looks for a piece. */
class Search {
  private readonly length: number;
  /** For each character of the piece, where it stands: bit i of word i / 32. */
  private readonly places = new Map<number, Uint32Array>();
  /** Where `_` stands. */
  private readonly anywhere: Uint32Array;
  private readonly state: Uint32Array;

  constructor(piece: readonly number[]) {
    this.length = piece.length;
    const words = (piece.length + 31) >>> 5;
    this.anywhere = new Uint32Array(words);
    this.state = new Uint32Array(words);
    piece.forEach((point, i) => {
      if (point === ANY_ONE) this.anywhere[i >>> 5]! |= 1 << (i & 31);
    });
    piece.forEach((point, i) => {
      if (point === ANY_ONE) return;
      let places = this.places.get(point);
      if (places === undefined) {
        places = this.anywhere.slice();
        this.places.set(point, places);
      }
      places[i >>> 5]! |= 1 << (i & 31);
    });
  }

  /** Where the first occurrence within [start, end) ends, -1 if there is none. */
  after(points: readonly number[], start: number, end: number): number {
    const { state, places, anywhere, length } = this;
    const words = state.length;
    const lastWord = (length - 1) >>> 5;
    const lastBit = 1 << ((length - 1) & 31);
    state.fill(0);
    for (let at = start; at < end; at++) {
      const allowed = places.get(points[at]!) ?? anywhere;
      let carry = 1;
      for (let word = 0; word < words; word++) {
        const before = state[word]!;
        state[word] = ((before << 1) | carry) & allowed[word]!;
        carry = before >>> 31;
      }
      if ((state[lastWord]! & lastBit) !== 0) return at + 1;
    }
    return -1;
  }
}

function wholeIs(points: readonly number[], piece: readonly number[]): boolean {
  return points.length === piece.length && isAt(points, 0, piece);
}

function isAt(points: readonly number[], at: number, piece: readonly number[]): boolean {
  return piece.every((point, i) => point === ANY_ONE || point === points[at + i]);
}

function pointsOf(text: string): number[] {
  const points: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i)!;
    if (point > 0xffff) i++;
    points.push(point);
  }
  return points;
}
