/**
 * The `destination` line of a MESSAGE: kept for the last address, which is very often the next one, and for some thousand
 * others by name.
 */
import { bytesOf, copyBytes, type MessageView } from '../../../src/api/index.ts';
import { escapeValue } from '../codec/escape.ts';
import type { Version } from '../codec/version.ts';
import { formatDestination } from '../mapping/destinations.ts';

const LINES_MAX = 4096;
const EMPTY = Buffer.alloc(0);

export class DestinationLine {
  /** Set by `find`. */
  line: Buffer = EMPTY;
  // The last message's address, exchange and key one after the other.
  private address: Buffer = EMPTY;
  private exchangeLength = -1;
  private keyLength = 0;
  private spelling = 0;
  private readonly version: Version;
  /** Lines by spelling, exchange and key, shared by the connections of one adapter that speak one version. */
  private readonly known: Map<string, Buffer>;

  constructor(version: Version, known: Map<string, Buffer>) {
    this.version = version;
    this.known = known;
  }

  /** Sets `line`. */
  find(view: MessageView): void {
    const { head, exchangeStart, exchangeEnd, keyStart, keyEnd } = view;
    const { address, exchangeLength, keyLength } = this;
    if (
      this.spelling === view.spelling &&
      sameBytes(address, exchangeLength, keyLength, head, keyStart, keyEnd) &&
      sameBytes(address, 0, exchangeLength, head, exchangeStart, exchangeEnd)
    ) {
      return;
    }
    this.keepAddress(view);
    const exchange = view.exchange();
    const key = view.key();
    const name = `${view.spelling}${exchange.length}:${exchange}${key}`;
    const { known } = this;
    let line = known.get(name);
    if (line === undefined) {
      const destination = formatDestination(exchange, key, view.spelling);
      line = bytesOf(`destination:${escapeValue(destination, this.version) ?? ''}\n`);
      if (known.size >= LINES_MAX) known.clear();
      known.set(name, line);
    }
    this.line = line;
  }

  private keepAddress(view: MessageView): void {
    const exchangeLength = view.exchangeEnd - view.exchangeStart;
    const keyLength = view.keyEnd - view.keyStart;
    const length = exchangeLength + keyLength;
    if (this.address.length < length) this.address = Buffer.allocUnsafe(2 * length);
    copyBytes(view.head, view.exchangeStart, view.exchangeEnd, this.address, 0);
    copyBytes(view.head, view.keyStart, view.keyEnd, this.address, exchangeLength);
    this.exchangeLength = exchangeLength;
    this.keyLength = keyLength;
    this.spelling = view.spelling;
  }
}

function sameBytes(known: Buffer, from: number, length: number, buffer: Buffer, start: number, end: number): boolean {
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (known[from + i] !== buffer[start + i]) return false;
  return true;
}
