/**
 * The sections of a message, found in its bytes without reading what is in them. [AMQP 1.0 §3.2]
 *
 *     header? delivery-annotations? message-annotations? | properties? application-properties? body footer?
 *                                                        ^ the bare message, which nobody on the way changes
 *     body: data+, amqp-sequence+, or one amqp-value; some clients send none at all, which stands for a value of null
 *
 * rhea (3.0.5) sends the footer before the body, and everybody reads it there: so its place is not looked at.
 */
import * as descriptors from './descriptors.ts';
import { DecodeFault } from './faults.ts';
import { ValueReader } from './value-reader.ts';

/** Sections in one message; only those of the body can be many. */
export const SECTIONS_MAX = 1024;

export const NO_BODY = 0;
/** DATA, AMQP_SEQUENCE or AMQP_VALUE of `descriptors.ts`; NO_BODY for none. */
export type BodyKind = number;

/** Where a section lies: with its descriptor (`start`), without (`value`); `start === end`: it is not there. */
export class SectionRange {
  start = 0;
  value = 0;
  end = 0;

  get present(): boolean {
    return this.end > this.start;
  }

  set(start: number, value: number, end: number): void {
    this.start = start;
    this.value = value;
    this.end = end;
  }
}

/** One is used again and again. */
export class MessageSections {
  readonly header = new SectionRange();
  readonly deliveryAnnotations = new SectionRange();
  readonly messageAnnotations = new SectionRange();
  readonly properties = new SectionRange();
  readonly applicationProperties = new SectionRange();
  /** All sections of the body, from the first to the last. */
  readonly body = new SectionRange();
  readonly footer = new SectionRange();
  bodyKind: BodyKind = NO_BODY;
  bodyCount = 0;
  private readonly reader = new ValueReader();

  /** Finds them in `buffer[start, end)`, and checks the form of everything in it. @throws DecodeFault */
  scan(buffer: Buffer, start: number, end: number): void {
    this.clear(start);
    const { reader } = this;
    let place = 0;
    let count = 0;
    for (let at = start; at < end; ) {
      if (++count > SECTIONS_MAX) throw new DecodeFault(`more than ${SECTIONS_MAX} sections in one message`);
      reader.begin(buffer, at, end);
      const code = descriptors.descriptorCode(reader.descriptor());
      if (code < descriptors.HEADER || code > descriptors.FOOTER)
        throw new DecodeFault('a section that no message has');
      const value = reader.at;
      reader.skip();
      place = this.take(code, place, at, value, reader.at);
      at = reader.at;
    }
  }

  private take(code: number, place: number, start: number, value: number, end: number): number {
    const isBody = code >= descriptors.DATA && code <= descriptors.AMQP_VALUE;
    // The body's sections are one place; sections come in order, each once.
    const here = isBody ? descriptors.DATA : code;
    if (here < place) throw new DecodeFault('the sections of a message are out of order');
    if (isBody) {
      this.takeBody(code, start, value, end);
      return here;
    }
    const range = this.range(code);
    if (range.present) throw new DecodeFault('a section comes twice in one message');
    range.set(start, value, end);
    return code === descriptors.FOOTER ? place : here;
  }

  private takeBody(code: number, start: number, value: number, end: number): void {
    if (this.bodyKind === NO_BODY) {
      this.bodyKind = code;
      this.body.set(start, value, end);
    } else if (this.bodyKind !== code || code === descriptors.AMQP_VALUE) {
      throw new DecodeFault('a body must be of one kind, and a value stands alone');
    } else this.body.end = end;
    this.bodyCount++;
  }

  private range(code: number): SectionRange {
    switch (code) {
      case descriptors.HEADER:
        return this.header;
      case descriptors.DELIVERY_ANNOTATIONS:
        return this.deliveryAnnotations;
      case descriptors.MESSAGE_ANNOTATIONS:
        return this.messageAnnotations;
      case descriptors.PROPERTIES:
        return this.properties;
      case descriptors.APPLICATION_PROPERTIES:
        return this.applicationProperties;
      default:
        return this.footer;
    }
  }

  private clear(at: number): void {
    this.header.set(at, at, at);
    this.deliveryAnnotations.set(at, at, at);
    this.messageAnnotations.set(at, at, at);
    this.properties.set(at, at, at);
    this.applicationProperties.set(at, at, at);
    this.body.set(at, at, at);
    this.footer.set(at, at, at);
    this.bodyKind = NO_BODY;
    this.bodyCount = 0;
  }
}
