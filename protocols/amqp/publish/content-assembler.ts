/**
 * One channel's publish under way: method, header, body. [§4.2.6]
 *
 *     [IDLE] --basic.publish--> [HEADER] --content header--> [BODY] --the last body frame--> publish, [IDLE]
 *                                   |      size 0                                              ^
 *                                   +----------------------------------------------------------+
 *
 * When all three come in one chunk nothing is copied or allocated: the draft points into the chunk. What is unfinished
 * when a chunk ends is taken over by `own`. A body in several frames is gathered up to INLINE_BODY_BYTES; a larger one is
 * appended to the broker's log as its frames arrive.
 */
import {
  AT_LEAST_ONCE,
  AT_MOST_ONCE,
  type BodyWriter,
  DOT,
  Draft,
  INLINE_BODY_BYTES,
  type Route,
  type Session,
} from '../../../src/api/index.ts';
import { CLASS_BASIC } from '../codec/constants.ts';
import { withoutFields, withoutRepeats } from '../codec/edit.ts';
import { PropertyScan } from '../codec/properties.ts';
import { replaced } from '../codec/splice.ts';
import { AmqpError } from '../connection/errors.ts';
import { unexpectedIn } from '../connection/frame-errors.ts';
import { isShortForm } from '../deliver/direct-replies.ts';
import { amqpDialect } from '../mapping/properties.ts';
import { copyKeys } from './copies.ts';
import { delayOf } from './delay.ts';
import { expirationOf } from './expiration.ts';
import type { Routes } from './routes.ts';

export const IDLE = 0;
export const HEADER = 1;
export const BODY = 2;

const NOTHING = Buffer.alloc(0);
const PERSISTENT = 2;
const HIDDEN_COPIES: ReadonlySet<string> = new Set(['BCC']);

/** What a publish may need of its channel. */
export interface IntakeOwner {
  readonly session: Session;
  /** Some of what the client has sent could not be kept: it is counted. */
  lost(): void;
  /** The address that stands for `amq.rabbitmq.reply-to`. Throws if the channel does not listen there. */
  replyAddress(): string;
}

const scan = new PropertyScan();

export class Intake {
  state: 0 | 1 | 2 = IDLE;
  route: Route | null = null;
  mandatory = false;
  readonly draft = new Draft();
  private bodyBytes = 0;
  private received = 0;
  private gathered: Buffer | null = null;
  private writer: BodyWriter | null = null;
  /** All routing keys of a message that names more than one. */
  private keys: readonly string[] | null = null;
  private readonly owner: IntakeOwner;
  private readonly session: Session;
  private readonly bodySizeMax: number;
  private readonly user: Buffer;

  constructor(owner: IntakeOwner, bodySizeMax: number) {
    this.owner = owner;
    this.session = owner.session;
    this.bodySizeMax = bodySizeMax;
    this.user = Buffer.from(this.session.user, 'utf8');
    this.draft.dialect = amqpDialect.id;
  }

  /** A body is being written to the log piece by piece. */
  get writing(): boolean {
    return this.writer !== null;
  }

  begin(route: Route, mandatory: boolean): void {
    this.route = route;
    this.mandatory = mandatory;
    this.state = HEADER;
  }

  /** The payload of a header frame. True: the body is empty, publish. */
  header(buffer: Buffer, start: number, end: number): boolean {
    const classId = (buffer[start]! << 8) | buffer[start + 1]!;
    if (classId !== CLASS_BASIC) {
      throw new AmqpError(
        'UNEXPECTED_FRAME',
        `expected content header for class ${CLASS_BASIC}, got one for class ${classId} instead`,
      );
    }
    // [§4.2.6.1] The weight is 0.
    if (buffer[start + 2] !== 0 || buffer[start + 3] !== 0) throw unexpectedIn(HEADER);
    const size = uint64(buffer, start + 4);
    if (size > this.bodySizeMax) {
      throw new AmqpError(
        'PRECONDITION_FAILED',
        `message size ${size} is larger than configured max size ${this.bodySizeMax}`,
      );
    }
    scan.read(buffer, start + 12, end);
    if (scan.claimsUser) this.checkUser(buffer);
    const draft = this.draft;
    draft.reset();
    draft.props = buffer;
    draft.propsStart = start + 12;
    draft.propsEnd = end;
    draft.assurance = scan.deliveryMode === PERSISTENT ? AT_LEAST_ONCE : AT_MOST_ONCE;
    draft.priority = scan.priority;
    draft.grouped = scan.grouped;
    if (scan.expires) draft.ttlMs = expirationOf(buffer, scan.expirationStart, scan.expirationEnd);
    if (this.route!.acceptsDelay && scan.headersEnd > scan.headersStart) {
      draft.delayMs = delayOf(buffer, scan.headersStart, scan.headersEnd);
    }
    if (scan.replyToEnd > scan.replyToStart && isShortForm(buffer, scan.replyToStart, scan.replyToEnd)) {
      this.replaceReplyTo();
    }
    if (scan.repeats) {
      // A name stands for one thing, the first that it was given. [§4.2.5.5]
      this.replaceHeaders(withoutRepeats(draft.props, scan.headersStart, scan.headersEnd));
      this.owner.lost();
    }
    if (scan.copies) this.addCopies();
    this.bodyBytes = size;
    this.received = 0;
    if (size > INLINE_BODY_BYTES) {
      this.writer = this.session.openBody(size, draft.assurance !== AT_MOST_ONCE);
      draft.large = this.writer;
    }
    this.state = BODY;
    return size === 0;
  }

  /** The payload of a body frame. True: the body is whole, publish. */
  body(buffer: Buffer, start: number, end: number): boolean {
    const bytes = end - start;
    const received = this.received + bytes;
    if (received > this.bodyBytes) {
      throw new AmqpError('FRAME_ERROR', `body of ${received} bytes where ${this.bodyBytes} were announced`);
    }
    const draft = this.draft;
    if (this.writer !== null) {
      this.writer.append(buffer, start, end);
    } else if (bytes === this.bodyBytes) {
      draft.body = buffer;
      draft.bodyStart = start;
      draft.bodyEnd = end;
    } else {
      if (this.gathered === null) this.gathered = Buffer.allocUnsafe(this.bodyBytes);
      buffer.copy(this.gathered, this.received, start, end);
      draft.body = this.gathered;
      draft.bodyStart = 0;
      draft.bodyEnd = this.bodyBytes;
    }
    this.received = received;
    return received === this.bodyBytes;
  }

  /** The route, asked again if bindings have changed since. */
  freshRoute(routes: Routes): Route {
    const route = this.route!;
    if (route.valid) return route;
    return this.keys === null ? routes.renew(route) : this.routeAll(route, this.keys);
  }

  /** The chunk that property bytes may point into ends: keep a copy. */
  own(): void {
    const draft = this.draft;
    if (this.state !== BODY || draft.propsEnd === draft.propsStart) return;
    if (draft.propsStart === 0 && draft.propsEnd === draft.props.length) return; // owned already
    draft.props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    draft.propsStart = 0;
    draft.propsEnd = draft.props.length;
  }

  /** Bytes that are kept of it, because it is not whole. */
  get heldBytes(): number {
    if (this.state !== BODY) return 0;
    return (this.gathered?.length ?? 0) + this.draft.propsEnd - this.draft.propsStart;
  }

  /** The draft has been published: let go of the bytes. */
  end(): void {
    this.state = IDLE;
    this.writer = null;
    this.gathered = null;
    this.keys = null;
    this.draft.props = NOTHING;
    this.draft.body = NOTHING;
    this.draft.large = null;
  }

  /** Gives up what was begun. True if there was something. */
  abandon(): boolean {
    if (this.state === IDLE) return false;
    const writer = this.writer;
    this.end();
    writer?.abort();
    return true;
  }

  private checkUser(buffer: Buffer): void {
    const start = scan.userIdStart;
    const same =
      scan.userIdEnd - start === this.user.length &&
      buffer.compare(this.user, 0, this.user.length, start, scan.userIdEnd) === 0;
    if (same) return;
    const claimed = buffer.utf8Slice(start, scan.userIdEnd);
    throw new AmqpError(
      'PRECONDITION_FAILED',
      `user_id property set to '${claimed}' but authenticated user was '${this.session.user}'`,
    );
  }

  /** Direct replies: the message is to carry the address, not its short form. */
  private replaceReplyTo(): void {
    const address = Buffer.from(this.owner.replyAddress(), 'latin1');
    const { draft } = this;
    const text = Buffer.concat([Buffer.from([address.length]), address]);
    this.setProperties(
      replaced(draft.props, draft.propsStart, draft.propsEnd, scan.replyToStart - 1, scan.replyToEnd, text),
    );
  }

  /** `CC` and `BCC`: more routing keys. Nobody who gets the message hears of the latter. */
  private addCopies(): void {
    const { draft } = this;
    const { headersStart, headersEnd } = scan;
    const route = this.route!;
    const copies = copyKeys(draft.props, headersStart, headersEnd);
    if (copies.keys.length > 0) {
      this.keys = [route.keyBytes.utf8Slice(), ...copies.keys];
      this.route = this.routeAll(route, this.keys);
    }
    if (!copies.hidden) return;
    this.replaceHeaders(withoutFields(draft.props, headersStart, headersEnd, HIDDEN_COPIES));
  }

  /** @param table the content of the new headers table */
  private replaceHeaders(table: Buffer): void {
    const { draft } = this;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(table.length);
    const rest = Buffer.concat([length, table]);
    const { headersStart, headersEnd } = scan;
    this.setProperties(replaced(draft.props, draft.propsStart, draft.propsEnd, headersStart - 4, headersEnd, rest));
  }

  private routeAll(route: Route, keys: readonly string[]): Route {
    return this.session.routeAll(route.exchangeBytes.utf8Slice(), DOT, keys);
  }

  private setProperties(props: Buffer): void {
    const { draft } = this;
    draft.props = props;
    draft.propsStart = 0;
    draft.propsEnd = props.length;
    scan.read(props, 0, props.length);
  }
}

/** Exact up to 2^53, and far too large beyond. */
function uint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4);
}
