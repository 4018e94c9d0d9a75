/** Bytes read one after the other, never beyond their end. */
import { Undecodable } from './node.ts';

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Reader {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** @returns where it was @throws Undecodable */
  skip(length: number): number {
    if (length > this.left) throw new Undecodable(`it ends at byte ${this.bytes.length}, in the middle of a value`);
    const { at } = this;
    this.at += length;
    return at;
  }

  peek(): number | undefined {
    return this.bytes[this.at];
  }

  u8 = (): number => this.view.getUint8(this.skip(1));
  u16 = (): number => this.view.getUint16(this.skip(2));
  u32 = (): number => this.view.getUint32(this.skip(4));
  u64 = (): bigint => this.view.getBigUint64(this.skip(8));
  i8 = (): number => this.view.getInt8(this.skip(1));
  i16 = (): number => this.view.getInt16(this.skip(2));
  i32 = (): number => this.view.getInt32(this.skip(4));
  i64 = (): bigint => this.view.getBigInt64(this.skip(8));
  f32 = (): number => this.view.getFloat32(this.skip(4));
  f64 = (): number => this.view.getFloat64(this.skip(8));

  take(length: number): Uint8Array {
    const at = this.skip(length);
    return this.bytes.subarray(at, at + length);
  }

  /** @throws Undecodable */
  utf8(length: number): string {
    return utf8(this.take(length));
  }
}

/** @throws Undecodable */
export function utf8(bytes: Uint8Array): string {
  try {
    return STRICT.decode(bytes);
  } catch {
    throw new Undecodable('a text in it is not UTF-8');
  }
}

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    STRICT.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
