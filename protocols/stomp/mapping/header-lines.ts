/**
 * The header lines of a MESSAGE, made of the properties of a message that came in over another protocol, in one version's form.
 * What the version cannot say, or what stands there already, is left out and counted.
 */
import { escapeName, escapeValue } from '../codec/escape.ts';
import type { Version } from '../codec/version.ts';

/** Names that the broker writes itself on a MESSAGE, or that say how to read the frame: no message may bring them along. */
const RESERVED: ReadonlySet<string> = new Set([
  'destination',
  'message-id',
  'subscription',
  'ack',
  'redelivered',
  'content-length',
  'receipt',
  'receipt-id',
  'transaction',
  'persistent',
  'expiration',
]); // prettier-ignore

export class HeaderLines {
  text = '';
  /** Headers that could not be written. */
  dropped = 0;
  private readonly version: Version;
  /** Names written so far that a later header must not repeat. */
  private readonly taken = new Set<string>(RESERVED);

  constructor(version: Version) {
    this.version = version;
  }

  /** Whether that name may still be written. */
  isFree(name: string): boolean {
    return !this.taken.has(name);
  }

  /** A property: nothing that follows may take its name. */
  property(name: string, value: string | undefined): void {
    if (value !== undefined) this.header(name, value);
  }

  /** A header of the publisher's own. */
  header(name: string, value: string): void {
    if (this.taken.has(name)) this.dropped++;
    else this.write(name, value);
    this.taken.add(name);
  }

  private write(name: string, value: string): void {
    const escapedName = escapeName(name, this.version);
    const escapedValue = escapeValue(value, this.version);
    if (escapedName === undefined || escapedValue === undefined) this.dropped++;
    else this.text += `${escapedName}:${escapedValue}\n`;
  }
}
