/**
 * What the broker must know of a message before it takes it: its header [§3.2.1], and where some of its properties lie [§3.2.4].
 * Nothing is allocated.
 */
import { FieldReader } from '../codec/field-reader.ts';
import * as codes from '../codec/format-codes.ts';
import type { MessageSections, SectionRange } from '../codec/sections.ts';

const USER_ID = 1;
const TO = 2;
const SUBJECT = 3;
const ABSOLUTE_EXPIRY = 8;
const GROUP_ID = 10;
const PROPERTIES = 13;

export class HeaderScan {
  /** Null: not said. */
  durable: boolean | null = null;
  /** -1: not said. */
  priority = -1;
  ttlMs = -1;
  private readonly fields = new FieldReader();
  private buffer: Buffer = Buffer.alloc(0);
  private readonly starts = new Int32Array(PROPERTIES);

  read(buffer: Buffer, sections: MessageSections): void {
    this.buffer = buffer;
    this.durable = null;
    this.priority = -1;
    this.ttlMs = -1;
    if (sections.header.present) this.readHeader(buffer, sections.header);
    this.starts.fill(-1);
    if (sections.properties.present) this.findProperties(buffer, sections.properties);
  }

  get grouped(): boolean {
    return this.starts[GROUP_ID]! >= 0;
  }

  /** Whether it says who has sent it, and that is somebody else. @param user its sender, as bytes */
  claimsOther(user: Buffer): boolean {
    const at = this.starts[USER_ID]!;
    if (at < 0) return false;
    const { start, end } = this.sized(at);
    return end - start !== user.length || this.buffer.compare(user, 0, user.length, start, end) !== 0;
  }

  get claimsUser(): boolean {
    return this.starts[USER_ID]! >= 0;
  }

  to(): string | undefined {
    return this.text(TO);
  }

  subject(): string | undefined {
    return this.text(SUBJECT);
  }

  /** Epoch milliseconds; undefined: none. */
  absoluteExpiryMs(): number | undefined {
    const at = this.starts[ABSOLUTE_EXPIRY]!;
    if (at < 0 || this.buffer[at] !== codes.TIMESTAMP) return undefined;
    return Number(this.buffer.readBigInt64BE(at + 1));
  }

  private readHeader(buffer: Buffer, header: SectionRange): void {
    const { fields } = this;
    fields.values.begin(buffer, header.value, header.end);
    fields.begin('header');
    this.durable = fields.maybe('durable');
    this.priority = fields.ubyte('priority', -1);
    this.ttlMs = fields.uint('ttl', -1);
    fields.finish();
  }

  private findProperties(buffer: Buffer, properties: SectionRange): void {
    const { values } = this.fields;
    values.begin(buffer, properties.value, properties.end);
    const count = values.listCount('properties');
    for (let i = 0; i < count && i < PROPERTIES; i++) {
      if (values.peek() !== codes.NULL) this.starts[i] = values.at;
      values.skip();
    }
  }

  private text(field: number): string | undefined {
    const at = this.starts[field]!;
    if (at < 0) return undefined;
    const code = this.buffer[at]!;
    if (code !== codes.STRING8 && code !== codes.STRING32) return undefined;
    const { start, end } = this.sized(at);
    return this.buffer.utf8Slice(start, end);
  }

  private sized(at: number): { start: number; end: number } {
    if ((this.buffer[at]! & 0x10) === 0) return { start: at + 2, end: at + 2 + this.buffer[at + 1]! };
    return { start: at + 5, end: at + 5 + this.buffer.readUInt32BE(at + 1) };
  }
}
