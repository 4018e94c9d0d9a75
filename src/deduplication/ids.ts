/**
 * What a message says of itself that a window goes by: an id, the name of its publisher and its number there, and how long
 * that is to be kept.
 */

import { ByteRange } from '../message/bytes.ts';
import type { Dialects } from '../message/dialect.ts';
import type { MessageView } from '../message/message.ts';
import type { Value } from '../message/properties.ts';
import { bytesOf, shortened } from '../message/text.ts';
import { isNested, valueToText } from '../message/values.ts';
import { MESSAGE_ID, TTL_MAX_MS } from './settings.ts';

const PUBLISHER_NAME = 'x-publisher-name';
const PUBLISHING_ID = 'x-publishing-id';
const CACHE_TTL = 'x-cache-ttl';
/** Longer ones are kept as their hash. */
const ID_CHARS_MAX = 128;
const NAME_CHARS_MAX = 255;
/** One less than what 64 bits hold: a record has the number and one more. */
const NUMBER_MAX = 0xffff_ffff_ffff_fffen;

/** One is used again and again: `read`, then the fields. */
export class MessageIds {
  /** It has an id: `bytes[start, end)`, in UTF-8 as `bytesOf` gives it. Valid as long as the message. */
  hasId = false;
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  publisher: string | null = null;
  /** Of its publisher, if it has one. */
  number = -1n;
  /** It has a header that holds no id, or no number. */
  unusable = false;
  private readonly dialects: Dialects;
  private view: MessageView | null = null;
  private header = '';
  private readonly range = new ByteRange();

  constructor(dialects: Dialects) {
    this.dialects = dialects;
  }

  /** What this message says. @param header where its id is: see `WindowSettings.header` */
  read(view: MessageView, header: string): void {
    this.view = view;
    this.header = header;
    this.unusable = false;
    this.readId(header);
    this.publisher = null;
    if (view.propsStart === view.propsEnd) return;
    const name = this.dialects.header(view, PUBLISHER_NAME);
    if (name === undefined) return;
    const number = numberOf(this.dialects.header(view, PUBLISHING_ID));
    if (typeof name === 'string' && name !== '' && name.length <= NAME_CHARS_MAX && number !== undefined) {
      this.publisher = name;
      this.number = number;
    } else this.unusable = true;
  }

  /** The id of the same message under another header, for a window that looks there. */
  under(header: string): void {
    if (header === this.header) return;
    this.header = header;
    this.readId(header);
  }

  /** It says something of itself. */
  get any(): boolean {
    return this.hasId || this.publisher !== null;
  }

  /** How long what it says is to be kept, milliseconds; -1: it does not say. */
  get ttlMs(): number {
    const ttl = numberOf(this.dialects.header(this.view!, CACHE_TTL));
    return ttl === undefined || ttl === 0n || ttl > TTL_MAX_MS ? -1 : Number(ttl);
  }

  private readId(header: string): void {
    const view = this.view!;
    const { dialects, range } = this;
    this.hasId = false;
    if (view.propsStart === view.propsEnd) return;
    const isProperty = header === MESSAGE_ID;
    const lies = isProperty ? dialects.messageIdAt(view, range) : dialects.headerTextAt(view, header, range);
    // Nearly all ids are used where they lie.
    if (lies && range.end > range.start && range.end - range.start <= ID_CHARS_MAX && view.props[range.start] !== 0) {
      this.hasId = true;
      this.bytes = view.props;
      this.start = range.start;
      this.end = range.end;
      return;
    }
    const value = isProperty ? dialects.messageId(view) : dialects.header(view, header);
    if (value === undefined || value === null) return;
    if (isNested(value)) {
      this.unusable = true;
      return;
    }
    const text = typeof value === 'string' ? value : valueToText(value);
    if (text === '') return;
    this.hasId = true;
    this.bytes = bytesOf(shortened(text, ID_CHARS_MAX));
    this.start = 0;
    this.end = this.bytes.length;
  }
}

/** A whole number of up to 64 bits, or its digits. */
function numberOf(value: Value | undefined): bigint | undefined {
  if (typeof value === 'string') {
    if (!/^\d{1,20}$/.test(value)) return undefined;
    const number = BigInt(value);
    return number <= NUMBER_MAX ? number : undefined;
  }
  if (typeof value !== 'object' || value === null || !/^u?int/.test(value.type)) return undefined;
  const number = BigInt((value as { value: number | bigint }).value);
  return number >= 0n && number <= NUMBER_MAX ? number : undefined;
}
