/**
 * Assembles one channel's publish from its frames: method, header, body. [§4.2.6]
 *
 *     [METHOD] --basic.publish--> [HEADER] --content header--> [BODY] --the last body frame--> publish, [METHOD]
 *                                     |      size 0                                              ^
 *                                     +----------------------------------------------------------+
 *
 * When all three come in one chunk nothing is copied or allocated: the draft points into the chunk. What is unfinished
 * when a chunk ends is copied by `detachFromChunk`. A body in several frames is gathered up to INLINE_BODY_BYTES; a larger one is
 * appended to the broker's log as its frames arrive.
 */
import {
  type BodyWriter,
  Draft,
  giveBack,
  INLINE_BODY_BYTES,
  type Route,
  type Session,
  takeBuffer,
} from '../../../src/api/index.ts';
import { CLASS_BASIC, EXPECTS_BODY, EXPECTS_HEADER, EXPECTS_METHOD, type ExpectedFrame } from '../codec/constants.ts';
import { AmqpError } from '../connection/errors.ts';
import { unexpectedIn } from '../connection/frame-errors.ts';
import { fillDraft, type PublisherContext } from './fill-draft.ts';
import { PublishTarget } from './publish-target.ts';

const NOTHING = Buffer.alloc(0);

export interface ContentOwner extends PublisherContext {
  readonly session: Session;
}

export class ContentAssembler {
  /** Which frame must come next on the channel. */
  expected: ExpectedFrame = EXPECTS_METHOD;
  readonly target: PublishTarget;
  readonly draft = new Draft();
  private bodyBytes = 0;
  private received = 0;
  private gathered: Buffer | null = null;
  private writer: BodyWriter | null = null;
  private readonly owner: ContentOwner;
  private readonly session: Session;
  private readonly bodySizeMax: number;
  private readonly user: Buffer;

  constructor(owner: ContentOwner, bodySizeMax: number) {
    const { session } = owner;
    this.owner = owner;
    this.session = session;
    this.target = new PublishTarget(session);
    this.bodySizeMax = bodySizeMax;
    this.user = Buffer.from(session.user, 'utf8');
  }

  /** A body is being written to the log piece by piece. */
  get writing(): boolean {
    return this.writer !== null;
  }

  /** basic.publish has come. */
  begin(route: Route, mandatory: boolean): void {
    this.target.set(route, mandatory);
    this.expected = EXPECTS_HEADER;
  }

  /**
   * The payload of a header frame, of twelve bytes at least. True: the body is empty, publish.
   * @throws AmqpError, SyntaxFault, BrokerError for a header that cannot be taken
   */
  header(buffer: Buffer, start: number, end: number): boolean {
    const classId = (buffer[start]! << 8) | buffer[start + 1]!;
    if (classId !== CLASS_BASIC) {
      throw new AmqpError(
        'UNEXPECTED_FRAME',
        `expected content header for class ${CLASS_BASIC}, got one for class ${classId} instead`,
      );
    }
    // [§4.2.6.1] The weight is 0.
    if (buffer[start + 2] !== 0 || buffer[start + 3] !== 0) throw unexpectedIn(EXPECTS_HEADER);
    const size = uint64(buffer, start + 4);
    if (size > this.bodySizeMax) {
      throw new AmqpError(
        'PRECONDITION_FAILED',
        `message size ${size} is larger than configured max size ${this.bodySizeMax}`,
      );
    }
    const { draft } = this;
    fillDraft(draft, this.target, buffer, start + 12, end, this.user, this.owner);
    this.bodyBytes = size;
    this.received = 0;
    if (size > INLINE_BODY_BYTES) {
      this.writer = this.session.openBody(size, draft.outlives);
      draft.large = this.writer;
    }
    this.expected = EXPECTS_BODY;
    return size === 0;
  }

  /**
   * The payload of a body frame. True: the body is whole, publish.
   * @throws AmqpError FRAME_ERROR for more bytes than were announced
   */
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
      if (this.gathered === null) this.gathered = takeBuffer(this.bodyBytes);
      buffer.copy(this.gathered, this.received, start, end);
      draft.body = this.gathered;
      draft.bodyStart = 0;
      draft.bodyEnd = this.bodyBytes;
    }
    this.received = received;
    return received === this.bodyBytes;
  }

  /** The chunk that property bytes may point into is about to go: keeps a copy of them. */
  detachFromChunk(): void {
    const draft = this.draft;
    if (this.expected !== EXPECTS_BODY || draft.propsEnd === draft.propsStart) return;
    if (draft.propsStart === 0 && draft.propsEnd === draft.props.length) return; // owned already
    draft.props = Buffer.from(draft.props.subarray(draft.propsStart, draft.propsEnd));
    draft.propsStart = 0;
    draft.propsEnd = draft.props.length;
  }

  /** Bytes that are kept of it, because it is not whole. */
  get heldBytes(): number {
    if (this.expected !== EXPECTS_BODY) return 0;
    return (this.gathered?.length ?? 0) + this.draft.propsEnd - this.draft.propsStart;
  }

  /** The draft has been published: let go of the bytes. */
  end(): void {
    this.expected = EXPECTS_METHOD;
    this.writer = null;
    if (this.gathered !== null) giveBack(this.gathered);
    this.gathered = null;
    this.target.clear();
    this.draft.props = NOTHING;
    this.draft.body = NOTHING;
    this.draft.large = null;
  }

  /** What was gathered in the log of the body goes: it is no message. */
  dropLarge(): void {
    this.writer?.abort();
    this.writer = null;
    this.draft.large = null;
  }

  /** Gives up what was begun. True if there was something. */
  abandon(): boolean {
    if (this.expected === EXPECTS_METHOD) return false;
    const writer = this.writer;
    this.end();
    writer?.abort();
    return true;
  }
}

/** Exact up to 2^53, and far too large beyond. */
function uint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 0x1_0000_0000 + buffer.readUInt32BE(at + 4);
}
