/**
 * An address as bytes: the name of its exchange and its routing key, one after the other.
 *
 * The addresses of many routes lie side by side in pieces of memory that they share. A broker that is used under ten
 * thousand keys reads one of them a message, and finds it in few cold lines.
 */
import type { Spelling } from './message.ts';

export interface AddressBytes {
  /** How the key separates its levels. The name of a queue (the default exchange's keys) is always spelled `DOT`. */
  readonly spelling: Spelling;
  readonly bytes: Buffer;
  /** Where the exchange's name begins, where the key does, and where it ends. */
  readonly start: number;
  readonly keyStart: number;
  readonly end: number;
}

/** What `AddressRoom` has placed. */
export type Placed = Omit<AddressBytes, 'spelling'>;

const PIECE_BYTES = 64 * 1024;

/** Places addresses. A piece lives as long as any address in it is used. */
export class AddressRoom {
  private piece = Buffer.alloc(0);
  private next = 0;

  place(exchange: string, key: Buffer, from: number, to: number): Placed {
    const length = Buffer.byteLength(exchange, 'utf8') + to - from;
    if (this.next + length > this.piece.length) {
      this.piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, length));
      this.next = 0;
    }
    const bytes = this.piece;
    const start = this.next;
    const keyStart = start + bytes.write(exchange, start, 'utf8');
    this.next = keyStart + key.copy(bytes, keyStart, from, to);
    return { bytes, start, keyStart, end: this.next };
  }
}
