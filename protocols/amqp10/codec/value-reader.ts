/**
 * Reads values from a range of bytes, and passes over them. Every step is checked against the range's end; what does not fit is
 * a `DecodeFault`. Bounds: `VALUE_DEPTH_MAX` of lists, maps, arrays and descriptors in each other, `VALUES_MAX` values in one
 * range (an array of a million nulls is eleven bytes long).
 */
import { isUtf8 } from 'node:buffer';
import { textOf } from '../../../src/api/index.ts';
import { DecodeFault } from './faults.ts';
import * as codes from './format-codes.ts';
import type { AmqpEntry, AmqpValue } from './values.ts';

export const VALUE_DEPTH_MAX = 32;
export const VALUES_MAX = 16_384;

const NOTHING = Buffer.alloc(0);

/** One reader is used again and again: `begin` points it at the next range. */
export class ValueReader {
  buffer: Buffer = NOTHING;
  at = 0;
  end = 0;
  /** How many more values may be read of this range. */
  private left = VALUES_MAX;

  begin(buffer: Buffer, start: number, end: number): this {
    this.buffer = buffer;
    this.at = start;
    this.end = end;
    this.left = VALUES_MAX;
    return this;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** The code that comes next; not taken. */
  peek(): number {
    if (this.at >= this.end) throw new DecodeFault('a value was expected where the bytes end');
    return this.buffer[this.at]!;
  }

  /** Claims `n` bytes and returns where they begin. */
  take(n: number): number {
    const { at } = this;
    if (n > this.end - at) throw new DecodeFault('a value leaves what it lies in');
    this.at = at + n;
    return at;
  }

  uint8(): number {
    return this.buffer[this.take(1)]!;
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  /** Reads one value whole. Buffers in it are copies. */
  value(depth = 0): AmqpValue {
    this.count();
    const code = this.uint8();
    if (code === codes.DESCRIBED) {
      this.checkDepth(depth);
      const descriptor = this.value(depth + 1);
      return { type: 'described', descriptor, value: this.value(depth + 1) };
    }
    return this.ofCode(code, depth);
  }

  /** Passes over one value, and checks of it what `value` would check but whether its texts are UTF-8. */
  skip(depth = 0): void {
    this.count();
    const code = this.uint8();
    if (code === codes.DESCRIBED) {
      this.checkDepth(depth);
      this.skip(depth + 1);
      this.skip(depth + 1);
      return;
    }
    this.skipOfCode(code, depth);
  }

  /** Claims the content of a list: returns how many values it has, and leaves `at` before the first. @param what for the error's text */
  listCount(what: string): number {
    const code = this.uint8();
    if (code === codes.LIST0) return 0;
    if (code === codes.LIST8) return this.counted(1);
    if (code === codes.LIST32) return this.counted(4);
    throw new DecodeFault(`${what} must be a list, not a value of code ${hex(code)}`);
  }

  /** The descriptor of what comes next, which must be a described value with a number or a symbol. */
  descriptor(): number | string {
    if (this.uint8() !== codes.DESCRIBED) throw new DecodeFault('a described value was expected');
    const { buffer } = this;
    switch (this.uint8()) {
      case codes.SMALL_ULONG:
        return this.uint8();
      case codes.ULONG: {
        const at = this.take(8);
        return buffer.readUInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4);
      }
      case codes.ULONG0:
        return 0;
      case codes.SYMBOL8:
        return this.symbolText(this.uint8());
      case codes.SYMBOL32:
        return this.symbolText(this.uint32());
      default:
        throw new DecodeFault('a descriptor must be a ulong or a symbol');
    }
  }

  private ofCode(code: number, depth: number): AmqpValue {
    const { buffer } = this;
    switch (code) {
      case codes.NULL:
        return null;
      case codes.TRUE:
        return true;
      case codes.FALSE:
        return false;
      case codes.BOOLEAN:
        return this.boolean();
      case codes.UBYTE:
        return { type: 'ubyte', value: this.uint8() };
      case codes.BYTE:
        return { type: 'byte', value: buffer.readInt8(this.take(1)) };
      case codes.USHORT:
        return { type: 'ushort', value: buffer.readUInt16BE(this.take(2)) };
      case codes.SHORT:
        return { type: 'short', value: buffer.readInt16BE(this.take(2)) };
      case codes.UINT0:
        return { type: 'uint', value: 0 };
      case codes.SMALL_UINT:
        return { type: 'uint', value: this.uint8() };
      case codes.UINT:
        return { type: 'uint', value: this.uint32() };
      case codes.SMALL_INT:
        return { type: 'int', value: buffer.readInt8(this.take(1)) };
      case codes.INT:
        return { type: 'int', value: buffer.readInt32BE(this.take(4)) };
      case codes.ULONG0:
        return { type: 'ulong', value: 0n };
      case codes.SMALL_ULONG:
        return { type: 'ulong', value: BigInt(this.uint8()) };
      case codes.ULONG:
        return { type: 'ulong', value: buffer.readBigUInt64BE(this.take(8)) };
      case codes.SMALL_LONG:
        return { type: 'long', value: BigInt(buffer.readInt8(this.take(1))) };
      case codes.LONG:
        return { type: 'long', value: buffer.readBigInt64BE(this.take(8)) };
      case codes.TIMESTAMP:
        return { type: 'timestamp', value: buffer.readBigInt64BE(this.take(8)) };
      case codes.FLOAT:
        return { type: 'float', value: buffer.readFloatBE(this.take(4)) };
      case codes.DOUBLE:
        return { type: 'double', value: buffer.readDoubleBE(this.take(8)) };
      case codes.CHAR:
        return { type: 'char', value: this.character() };
      case codes.DECIMAL32:
        return { type: 'decimal32', value: this.copy(4) };
      case codes.DECIMAL64:
        return { type: 'decimal64', value: this.copy(8) };
      case codes.DECIMAL128:
        return { type: 'decimal128', value: this.copy(16) };
      case codes.UUID:
        return { type: 'uuid', value: this.copy(16) };
      case codes.BINARY8:
        return { type: 'binary', value: this.copy(this.uint8()) };
      case codes.BINARY32:
        return { type: 'binary', value: this.copy(this.uint32()) };
      case codes.STRING8:
        return this.text(this.uint8());
      case codes.STRING32:
        return this.text(this.uint32());
      case codes.SYMBOL8:
        return { type: 'symbol', value: this.symbolText(this.uint8()) };
      case codes.SYMBOL32:
        return { type: 'symbol', value: this.symbolText(this.uint32()) };
      case codes.LIST0:
        return { type: 'list', value: [] };
      case codes.LIST8:
      case codes.LIST32:
        return this.list(code, depth);
      case codes.MAP8:
      case codes.MAP32:
        return this.map(code, depth);
      case codes.ARRAY8:
      case codes.ARRAY32:
        return this.array(code, depth);
      default:
        throw unknownCode(code);
    }
  }

  private list(code: number, depth: number): AmqpValue {
    this.checkDepth(depth);
    const outer = this.enter(code);
    const value: AmqpValue[] = [];
    for (let left = this.counter(code); left > 0; left--) value.push(this.value(depth + 1));
    this.leave(outer);
    return { type: 'list', value };
  }

  private map(code: number, depth: number): AmqpValue {
    this.checkDepth(depth);
    const outer = this.enter(code);
    const count = this.counter(code);
    if (count % 2 !== 0) throw new DecodeFault('a map has a key without a value');
    const value: AmqpEntry[] = [];
    for (let left = count; left > 0; left -= 2) value.push([this.value(depth + 1), this.value(depth + 1)]);
    this.leave(outer);
    return { type: 'map', value };
  }

  private array(code: number, depth: number): AmqpValue {
    this.checkDepth(depth);
    const outer = this.enter(code);
    const count = this.counter(code);
    const descriptors: AmqpValue[] = [];
    let item = this.uint8();
    for (; item === codes.DESCRIBED; item = this.uint8()) {
      this.checkDepth(depth + descriptors.length);
      this.count();
      descriptors.push(this.value(depth + 1 + descriptors.length));
    }
    if (codes.KNOWN_CODES[item] === 0) throw unknownCode(item);
    const value: AmqpValue[] = [];
    for (let left = count; left > 0; left--) {
      this.count();
      value.push(this.ofCode(item, depth + 1));
    }
    this.leave(outer);
    return { type: 'array', code: item, descriptors, value };
  }

  private skipOfCode(code: number, depth: number): void {
    if (codes.KNOWN_CODES[code] === 0) throw unknownCode(code);
    const width = codes.FIXED_WIDTHS[code >> 4]!;
    if (width >= 0) {
      const at = this.take(width);
      if (code === codes.BOOLEAN && this.buffer[at]! > 1) throw notBoolean();
      if (code === codes.CHAR) checkCharacter(this.buffer.readUInt32BE(at));
      return;
    }
    if (code < codes.LIST8) {
      this.take((code & 0x10) === 0 ? this.uint8() : this.uint32());
      return;
    }
    this.checkDepth(depth);
    const outer = this.enter(code);
    let left = this.counter(code);
    if (code === codes.ARRAY8 || code === codes.ARRAY32) this.skipItems(left, depth);
    else {
      if ((code & 0x0f) === 1 && left % 2 !== 0) throw new DecodeFault('a map has a key without a value');
      for (; left > 0; left--) this.skip(depth + 1);
    }
    this.leave(outer);
  }

  private skipItems(count: number, depth: number): void {
    let nested = depth + 1;
    let item = this.uint8();
    for (; item === codes.DESCRIBED; item = this.uint8()) {
      this.checkDepth(nested - 1);
      this.count();
      this.skip(nested++);
    }
    if (codes.KNOWN_CODES[item] === 0) throw unknownCode(item);
    for (let left = count; left > 0; left--) {
      this.count();
      this.skipOfCode(item, depth + 1);
    }
  }

  /** Takes the size of a compound value, narrows the range to it, and returns the range's own end. */
  private enter(code: number): number {
    const size = (code & 0x10) === 0 ? this.uint8() : this.uint32();
    const outer = this.end;
    if (size > outer - this.at) throw new DecodeFault('a value leaves what it lies in');
    this.end = this.at + size;
    return outer;
  }

  private leave(outer: number): void {
    if (this.at !== this.end) throw new DecodeFault('a value is shorter than it says');
    this.end = outer;
  }

  private counter(code: number): number {
    return (code & 0x10) === 0 ? this.uint8() : this.uint32();
  }

  /** Size and count of the list of a performative; its range is what the size says. */
  private counted(width: 1 | 4): number {
    const size = width === 1 ? this.uint8() : this.uint32();
    if (size > this.end - this.at) throw new DecodeFault('a list leaves what it lies in');
    this.end = this.at + size;
    return width === 1 ? this.uint8() : this.uint32();
  }

  private boolean(): boolean {
    const byte = this.uint8();
    if (byte > 1) throw notBoolean();
    return byte === 1;
  }

  private character(): number {
    const code = this.uint32();
    checkCharacter(code);
    return code;
  }

  private copy(length: number): Buffer {
    const at = this.take(length);
    return Buffer.from(this.buffer.subarray(at, at + length));
  }

  /** [§1.6.20] */
  private text(length: number): string {
    const at = this.take(length);
    if (!isUtf8(this.buffer.subarray(at, at + length))) throw new DecodeFault('a string is not UTF-8');
    return this.buffer.utf8Slice(at, at + length);
  }

  /** ASCII by the specification [§1.6.21]; what clients send beyond that is kept. */
  symbolText(length: number): string {
    const at = this.take(length);
    return textOf(this.buffer, at, at + length);
  }

  private count(): void {
    if (--this.left < 0) throw new DecodeFault(`more than ${VALUES_MAX} values in one frame or section`);
  }

  private checkDepth(depth: number): void {
    if (depth >= VALUE_DEPTH_MAX) throw new DecodeFault(`values nested deeper than ${VALUE_DEPTH_MAX}`);
  }
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}

function unknownCode(code: number): DecodeFault {
  return new DecodeFault(`there is no format code ${hex(code)}`);
}

function notBoolean(): DecodeFault {
  return new DecodeFault('a boolean must be 0 or 1');
}

function checkCharacter(code: number): void {
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new DecodeFault('a char is no Unicode character');
}
