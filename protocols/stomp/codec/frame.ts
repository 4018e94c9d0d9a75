/**
 * A frame as offsets into the buffer it came in: command, headers, body. `FrameParser` fills it; it is valid until the next
 * frame is parsed, and nothing is allocated for one.
 */
import { isText } from '../../../src/api/index.ts';
import { FrameError } from './errors.ts';
import { unescapeText } from './escape.ts';
import { KINDS, kindOf, OTHER } from './names.ts';

export interface FrameBounds {
  readonly headersMax: number;
  readonly headerLineSizeMax: number;
  readonly headersSizeMax: number;
  readonly bodySizeMax: number;
  readonly unmeasuredBodySizeMax: number;
}

const EMPTY = Buffer.alloc(0);
const SPACE = 0x20;
/** So many names are compared with each other; more are looked up in a set. */
const COMPARED_MAX = 16;

export class Frame {
  buffer: Buffer = EMPTY;
  /** Where the frame begins: past the EOLs before it. Equals the end of the input if there were only EOLs. */
  start = 0;
  command = 0;
  /** Headers in all, repeated ones included. */
  count = 0;
  /** `content-length`, -1 without. */
  contentLength = -1;
  bodyStart = 0;
  bodyEnd = 0;
  /** Past the NUL. */
  end = 0;
  /** The lines of this frame are not what 1.2 with LF would have written: they must be rewritten before they are stored. */
  irregular = false;
  /** Escapes are in force in this frame. */
  escaped = false;
  /** A header that has a kind of its own came twice. */
  private repeated = false;
  /** name start, name end, value start, value end of each header; grows up to `headersMax`. */
  private table: Int32Array;
  private kinds: Uint8Array;
  /** 1 + index of the first header of each kind, 0 for none. */
  private readonly first = new Int32Array(KINDS);
  protected readonly bounds: FrameBounds;

  constructor(bounds: FrameBounds) {
    this.bounds = bounds;
    const headers = Math.min(16, bounds.headersMax);
    this.table = new Int32Array(4 * headers);
    this.kinds = new Uint8Array(headers);
  }

  /** Empties it for a frame that begins at `start`. */
  protected begin(buffer: Buffer, start: number): void {
    this.buffer = buffer;
    this.start = start;
    this.count = 0;
    this.first.fill(0);
    this.irregular = false;
    this.repeated = false;
  }

  /** Lets go of the caller's buffer. */
  release(): void {
    this.buffer = EMPTY;
  }

  has(kind: number): boolean {
    return this.first[kind] !== 0;
  }

  /** Index of the first header of that kind, -1 for none: of repeated headers the first wins [STOMP 1.2, Repeated Header Entries]. */
  indexOf(kind: number): number {
    return this.first[kind]! - 1;
  }

  kind(index: number): number {
    return this.kinds[index]!;
  }

  nameStart(index: number): number {
    return this.table[4 * index]!;
  }

  nameEnd(index: number): number {
    return this.table[4 * index + 1]!;
  }

  valueStart(index: number): number {
    return this.table[4 * index + 2]!;
  }

  valueEnd(index: number): number {
    return this.table[4 * index + 3]!;
  }

  /** The value of the first header of that kind, unescaped; undefined if there is none. Not for the hot path. */
  text(kind: number): string | undefined {
    const index = this.first[kind]! - 1;
    return index < 0 ? undefined : this.valueText(index);
  }

  /** The value of the first header of that name, unescaped; undefined if there is none. Not for the hot path. */
  header(name: string): string | undefined {
    for (let index = 0; index < this.count; index++) {
      if (this.nameText(index) === name) return this.valueText(index);
    }
    return undefined;
  }

  nameText(index: number): string {
    return unescapeText(this.buffer, this.nameStart(index), this.nameEnd(index), this.escaped);
  }

  /** Throws a FrameError if it is not UTF-8: two values that differ would become the same text. */
  valueText(index: number): string {
    const start = this.valueStart(index);
    const end = this.valueEnd(index);
    const text = unescapeText(this.buffer, start, end, this.escaped);
    if (!isText(text)) {
      throw new FrameError('Malformed frame', `The value of '${this.nameText(index)}' is not UTF-8.`);
    }
    return text;
  }

  /** One more, at these places of the buffer. */
  protected addHeader(buffer: Buffer, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    if (valueEnd - nameStart > this.bounds.headerLineSizeMax) {
      throw new FrameError('Header too long', `A header line may have at most ${this.bounds.headerLineSizeMax} bytes.`);
    }
    const index = this.count;
    if (index === this.kinds.length) this.growTable();
    const table = this.table;
    table[4 * index] = nameStart;
    table[4 * index + 1] = nameEnd;
    table[4 * index + 2] = valueStart;
    table[4 * index + 3] = valueEnd;
    const kind = kindOf(buffer, nameStart, nameEnd - nameStart);
    this.kinds[index] = kind;
    this.count = index + 1;
    if (this.first[kind] === 0) this.first[kind] = index + 1;
    else if (kind !== OTHER) this.repeated = true;
  }

  /** Whether any name comes twice: then the first one counts, alone [STOMP 1.2, Repeated Header Entries]. */
  get repeats(): boolean {
    const { count } = this;
    if (this.repeated) return true;
    if (count > COMPARED_MAX) return this.firsts().size < count;
    for (let index = 1; index < count; index++)
      if (this.kinds[index] === OTHER && this.isRepetition(index)) return true;
    return false;
  }

  /** The index of the first header of each name. */
  firsts(): Set<number> {
    const indexes = new Map<string, number>();
    for (let index = 0; index < this.count; index++) {
      // Escapes are written in one way only, so that the bytes decide.
      const name = this.buffer.latin1Slice(this.nameStart(index), this.nameEnd(index));
      if (!indexes.has(name)) indexes.set(name, index);
    }
    return new Set(indexes.values());
  }

  /** Whether a header before it has the same name. */
  private isRepetition(index: number): boolean {
    const { buffer, table } = this;
    const start = table[4 * index]!;
    const length = table[4 * index + 1]! - start;
    for (let other = 0; other < index; other++) {
      const otherStart = table[4 * other]!;
      if (table[4 * other + 1]! - otherStart !== length) continue;
      let at = length - 1; // names differ near their ends more often than near their beginnings
      while (at >= 0 && buffer[start + at] === buffer[otherStart + at]) at--;
      if (at < 0) return true;
    }
    return false;
  }

  private growTable(): void {
    const size = this.kinds.length;
    if (size >= this.bounds.headersMax) {
      throw new FrameError('Too many headers', `A frame may have at most ${this.bounds.headersMax} headers.`);
    }
    const grown = Math.min(size * 2, this.bounds.headersMax);
    const table = new Int32Array(4 * grown);
    table.set(this.table);
    this.table = table;
    const kinds = new Uint8Array(grown);
    kinds.set(this.kinds);
    this.kinds = kinds;
  }
}

/** The number that `buffer[start, end)` spells, blanks around it left out; -1 if it is not one of at most 15 decimal digits. */
export function decimalOf(buffer: Buffer, from: number, to: number): number {
  let start = from;
  let end = to;
  while (start < end && buffer[start] === SPACE) start++;
  while (end > start && buffer[end - 1] === SPACE) end--;
  if (end - start > 15 || end === start) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = buffer[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether `buffer[start, end)` spells `true`. */
export function isTrue(buffer: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    buffer[start] === 0x74 &&
    buffer[start + 1] === 0x72 &&
    buffer[start + 2] === 0x75 &&
    buffer[start + 3] === 0x65
  );
}
