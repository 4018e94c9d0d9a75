/**
 * Reads the fields of a composite value one after another: null and what is left out at the end are absent. Nothing is allocated for
 * numbers, flags and ranges of bytes. [AMQP 1.0 §1.4]
 */
import { DecodeFault } from './faults.ts';
import * as codes from './format-codes.ts';
import { ValueReader } from './value-reader.ts';
import { type AmqpValue, symbolsOf } from './values.ts';

/** Delivery tags are of 32 bytes at most. [§2.8.7] */
export const DELIVERY_TAG_BYTES_MAX = 32;

export class FieldReader {
  readonly values = new ValueReader();
  private left = 0;
  private what = '';
  private field = '';
  /** Where the bytes lie that `bytes` has found. */
  start = 0;
  end = 0;

  /** Points it at a described list, whose descriptor has been read. @param what its name, for errors */
  begin(what: string): this {
    this.what = what;
    this.left = this.values.listCount(what);
    return this;
  }

  /** The list must be what it says; fields that a later version may have appended are passed over. `values.at` is behind it then. */
  finish(): void {
    for (; this.left > 0; this.left--) this.values.skip();
    if (!this.values.done) throw new DecodeFault(`${this.what} is longer than its list says`);
  }

  /** Takes the next field, if it is there and not null. */
  private next(field: string): boolean {
    this.field = field;
    if (this.left === 0) return false;
    this.left--;
    const { values } = this;
    if (values.peek() !== codes.NULL) return true;
    values.take(1);
    return false;
  }

  /** @param absent what an absent one is; it must be there where this is left out */
  boolean(field: string, absent?: boolean): boolean {
    return this.next(field) ? this.flag() : (absent ?? this.missing());
  }

  /** Null: absent. */
  maybe(field: string): boolean | null {
    return this.next(field) ? this.flag() : null;
  }

  private flag(): boolean {
    const code = this.values.uint8();
    if (code === codes.TRUE) return true;
    if (code === codes.FALSE) return false;
    if (code === codes.BOOLEAN) return this.values.uint8() !== 0;
    throw this.wrong('a boolean', code);
  }

  /** As `boolean`. */
  uint(field: string, absent?: number): number {
    if (!this.next(field)) return absent ?? this.missing();
    const code = this.values.uint8();
    if (code === codes.UINT0) return 0;
    if (code === codes.SMALL_UINT) return this.values.uint8();
    if (code === codes.UINT) return this.values.uint32();
    throw this.wrong('a uint', code);
  }

  ushort(field: string, absent?: number): number {
    if (!this.next(field)) return absent ?? this.missing();
    const code = this.values.uint8();
    if (code !== codes.USHORT) throw this.wrong('a ushort', code);
    return this.values.buffer.readUInt16BE(this.values.take(2));
  }

  ubyte(field: string, absent?: number): number {
    if (!this.next(field)) return absent ?? this.missing();
    const code = this.values.uint8();
    if (code !== codes.UBYTE) throw this.wrong('a ubyte', code);
    return this.values.uint8();
  }

  /** Undefined: absent, or larger than a double holds, which nobody limits anything to. */
  ulong(field: string): number | undefined {
    if (!this.next(field)) return undefined;
    const code = this.values.uint8();
    if (code === codes.ULONG0) return 0;
    if (code === codes.SMALL_ULONG) return this.values.uint8();
    if (code !== codes.ULONG) throw this.wrong('a ulong', code);
    const value = this.values.buffer.readBigUInt64BE(this.values.take(8));
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
  }

  string(field: string): string | undefined {
    if (!this.next(field)) return undefined;
    const code = this.values.peek();
    if (code !== codes.STRING8 && code !== codes.STRING32) throw this.wrong('a string', code);
    return this.values.value() as string;
  }

  symbol(field: string): string | undefined {
    if (!this.next(field)) return undefined;
    const code = this.values.uint8();
    if (code === codes.SYMBOL8) return this.values.symbolText(this.values.uint8());
    if (code === codes.SYMBOL32) return this.values.symbolText(this.values.uint32());
    throw this.wrong('a symbol', code);
  }

  /** One symbol or an array of them. */
  symbols(field: string): readonly string[] {
    if (!this.next(field)) return [];
    const code = this.values.peek();
    if (!SYMBOLS_CODES.includes(code)) throw this.wrong('a symbol or an array of them', code);
    return symbolsOf(this.values.value());
  }

  /** Leaves `start` and `end` at its content. False: absent. */
  bytes(field: string, bytesMax = Number.POSITIVE_INFINITY): boolean {
    if (!this.next(field)) {
      this.start = this.end = 0;
      return false;
    }
    const { values } = this;
    const code = values.uint8();
    if (code !== codes.BINARY8 && code !== codes.BINARY32) throw this.wrong('a binary', code);
    const length = code === codes.BINARY8 ? values.uint8() : values.uint32();
    if (length > bytesMax) throw new DecodeFault(`${field} of ${this.what} has more than ${bytesMax} bytes`);
    this.start = values.take(length);
    this.end = this.start + length;
    return true;
  }

  /** A copy. */
  binary(field: string): Buffer | undefined {
    if (!this.bytes(field)) return undefined;
    return Buffer.from(this.values.buffer.subarray(this.start, this.end));
  }

  map(field: string): AmqpValue | undefined {
    if (!this.next(field)) return undefined;
    const code = this.values.peek();
    if (code !== codes.MAP8 && code !== codes.MAP32) throw this.wrong('a map', code);
    return this.values.value();
  }

  any(field: string): AmqpValue | undefined {
    return this.next(field) ? this.values.value() : undefined;
  }

  /** Passes over a described value, and leaves `start` and `end` around it: another reader reads it. False: absent. */
  described(field: string): boolean {
    if (!this.next(field)) return false;
    const { values } = this;
    if (values.peek() !== codes.DESCRIBED) throw this.wrong('a described value', values.peek());
    this.start = values.at;
    values.skip();
    this.end = values.at;
    return true;
  }

  private missing(): never {
    throw new DecodeFault(`${this.what} must have the field ${this.field}`);
  }

  private wrong(wanted: string, code: number): DecodeFault {
    return new DecodeFault(
      `${this.field} of ${this.what} must be ${wanted}, not a value of code 0x${code.toString(16)}`,
    );
  }
}

const SYMBOLS_CODES: readonly number[] = [codes.SYMBOL8, codes.SYMBOL32, codes.ARRAY8, codes.ARRAY32];
