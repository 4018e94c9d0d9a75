/**
 * The addresses that one client has published to lately, and what they resolved to: so that a publish to a known address
 * makes no string and asks nobody.
 *
 * An address is two ranges of bytes (an exchange and a routing key), either of which may be empty. Most clients publish to one
 * address, so the first is kept in a few fields; with the second the client gets a table (`AddressTable`), which has all of
 * them. The table is bounded, and starts anew when it is full.
 *
 * ```
 * find(bytes) ──known──▶ the value, valid or not: it is up to the caller to look, to resolve it again, and to `set` that
 *             ──new────▶ undefined
 * ```
 *
 * Refuses: to judge what it keeps. A route is valid until bindings change (`Route.valid`), and only its adapter knows what
 * else has to be true of a destination.
 */
import { equalRanges } from '../message/bytes.ts';
import { AddressTable, type AddressTableOptions } from './address-table.ts';

const EMPTY = Buffer.alloc(0);

/** @typeParam V what an address resolves to: a `Route`, or an adapter's own target around one */
export class RouteMemo<V> {
  /** The only address, as long as there is no table: `bytes[start, end)` and `bytes[keyStart, keyEnd)`. */
  private bytes: Buffer = EMPTY;
  private start = 0;
  private end = 0;
  private keyStart = 0;
  private keyEnd = 0;
  private only: V | undefined = undefined;
  private table: AddressTable<V> | null = null;
  private readonly options: AddressTableOptions | undefined;

  /** @param options bounds of the table; default 32,768 addresses and 2 MiB of their bytes */
  constructor(options?: AddressTableOptions) {
    this.options = options;
  }

  /** What the address `buffer[start, end)`, `buffer[keyStart, keyEnd)` resolved to; undefined: it is new, or forgotten. */
  find(buffer: Buffer, start: number, end: number, keyStart: number, keyEnd: number): V | undefined {
    if (this.table !== null) return this.table.find(buffer, start, end, keyStart, keyEnd);
    return equalRanges(this.bytes, this.keyStart, this.keyEnd, buffer, keyStart, keyEnd) &&
      equalRanges(this.bytes, this.start, this.end, buffer, start, end)
      ? this.only
      : undefined;
  }

  /**
   * Keeps what the address resolves to, in the place of what it did before.
   * @param buffer is kept while this is the only address: memory that does not change, as that of `Route.bytes`
   */
  set(buffer: Buffer, start: number, end: number, keyStart: number, keyEnd: number, value: V): void {
    const { only } = this;
    if (this.table === null && only !== undefined && this.find(buffer, start, end, keyStart, keyEnd) === undefined) {
      this.table = new AddressTable(this.options);
      this.table.set(this.bytes, this.start, this.end, this.keyStart, this.keyEnd, only);
      this.only = undefined;
      this.bytes = EMPTY;
    }
    if (this.table !== null) {
      this.table.set(buffer, start, end, keyStart, keyEnd, value);
      return;
    }
    this.bytes = buffer;
    this.start = start;
    this.end = end;
    this.keyStart = keyStart;
    this.keyEnd = keyEnd;
    this.only = value;
  }

  /** Forgets all addresses, and gives the table back. */
  clear(): void {
    this.table = null;
    this.only = undefined;
    this.bytes = EMPTY;
    this.start = this.end = this.keyStart = this.keyEnd = 0;
  }
}
