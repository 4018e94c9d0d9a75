/**
 * Cuts a byte stream into control packets.
 *
 * A packet that lies whole in the chunk is handed on where it lies; nothing is copied and nothing allocated. One that is
 * cut by the chunk's end is gathered in a buffer that grows with the bytes that arrive, never with the length that was
 * announced. A PUBLISH with a body over `INLINE_BODY_BYTES` is handed on in pieces.
 *
 *              whole packet in the chunk
 *              +-------+
 *              v       |
 *          +---------------+  fixed header cut   +--------+
 *     ---> |    BETWEEN    | ------------------> | LENGTH |
 *          +---------------+                     +--------+
 *            ^ ^ ^   |   |                         |    |
 *            | | |   |   +-------------+  +--------+    |
 *            | | |   v   packet cut    v  v             |
 *            | | | +-------+         +--------+         |
 *            | | +-| WHOLE | <------ |  HEAD  | <-------+  a PUBLISH longer than INLINE_BODY_BYTES
 *            | |   +-------+  small  +--------+
 *            | |              body       | topic and packet id complete, large body
 *            | |                         v
 *            | |                     +--------+
 *            | +-------------------- |  BODY  |
 *            |                       +--------+
 *            +-- every packet ends here; the handler may halt the reader between two
 *
 * It refuses: a remaining length of more than four bytes, a packet over its bound, a first packet that is not CONNECT.
 * It does not look into packets, except for where the body of a long PUBLISH begins.
 */
import { giveBack, INLINE_BODY_BYTES, takeBuffer } from '../../../src/api/index.ts';
import { varint, varintBytes } from './fields.ts';
import { CONNECT, MalformedPacket, PUBLISH } from './packet.ts';
import { PACKET_TOO_LARGE, PROTOCOL_ERROR, QUOTA_EXCEEDED } from './reasons.ts';

/** Who takes the packets. Any call may throw MalformedPacket, which leaves `read` with the reader at its end. */
export interface PacketHandler {
  /** A packet; its variable header and payload are `buffer[start, end)`, valid until the call returns. */
  packet(first: number, buffer: Buffer, start: number, end: number): void;
  /** A PUBLISH with a large body begins; its variable header is `buffer[start, end)`. */
  bodyBegin(first: number, buffer: Buffer, start: number, end: number, bodyLength: number): void;
  bodyPiece(buffer: Buffer, start: number, end: number): void;
  /** The body that was begun is complete. */
  bodyEnd(): void;
}

const BETWEEN = 0;
const LENGTH = 1;
const WHOLE = 2;
const HEAD = 3;
const BODY = 4;

const NO_BUFFER = Buffer.alloc(0);
/** A gathering buffer up to this size is kept for the next cut packet. */
const KEPT_BYTES = 16 * 1024;

export class PacketReader {
  /** Set by the handler to stop after the packet at hand; `read` then returns early. */
  halted = false;
  /** Set once the client has said that it speaks 5.0: a PUBLISH has properties before its body. */
  properties = false;
  private stage = BETWEEN;
  private first = 0;
  private remaining = 0;
  private lengthShift = 0;
  /** Until the first packet has been seen. */
  private opening = true;
  private gathered: Buffer = NO_BUFFER;
  private gatheredLength = 0;
  /** WHOLE, HEAD: bytes to gather; BODY: bytes still to come. */
  private wanted = 0;
  private readonly handler: PacketHandler;
  private readonly packetSizeMax: number;
  private readonly controlSizeMax: number;
  private readonly propertiesSizeMax: number;

  /**
   * @param packetSizeMax the longest PUBLISH, in bytes of remaining length
   * @param controlSizeMax the longest other packet
   * @param propertiesSizeMax the properties of a PUBLISH with a large body
   */
  constructor(handler: PacketHandler, packetSizeMax: number, controlSizeMax: number, propertiesSizeMax = 65_536) {
    this.handler = handler;
    this.packetSizeMax = packetSizeMax;
    this.controlSizeMax = controlSizeMax;
    this.propertiesSizeMax = propertiesSizeMax;
  }

  /** Bytes of a packet that is not whole. */
  get heldBytes(): number {
    return this.stage === WHOLE || this.stage === HEAD ? this.gatheredLength : 0;
  }

  /** Whether a large body has begun that is handed on as it comes. */
  get midBody(): boolean {
    return this.stage === BODY;
  }

  /** Whether a packet has begun and not ended. */
  get midPacket(): boolean {
    return this.stage !== BETWEEN;
  }

  /** Reads `chunk[start, end)`. Returns the offset of the first byte it did not take: `end`, unless it was halted. */
  read(chunk: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.halted) {
      if (this.stage !== BETWEEN) {
        at = this.readOn(chunk, at, end);
        continue;
      }
      const first = chunk[at]!;
      if (this.opening && first !== CONNECT << 4)
        throw new MalformedPacket('the first packet is not CONNECT [MQTT-3.1.0-1]', PROTOCOL_ERROR);
      let next = at + 1;
      if (next >= end) {
        this.beginLength(first);
        return end;
      }
      const remaining = chunk[next++]!;
      if (remaining >= 0x80) {
        // 128 bytes and more: the length is gathered byte by byte, which that many bytes repay.
        this.beginLength(first);
        at = this.readLength(chunk, next - 1, end);
        continue;
      }
      const packetEnd = next + remaining;
      if (packetEnd <= end) {
        this.opening = false;
        this.handler.packet(first, chunk, next, packetEnd);
        at = packetEnd;
        continue;
      }
      this.beginContent(first, remaining);
      at = this.readOn(chunk, next, end);
    }
    return at;
  }

  /** Forgets what was gathered. */
  close(): void {
    this.halted = true;
    giveBack(this.gathered);
    this.gathered = NO_BUFFER;
  }

  private beginLength(first: number): void {
    this.stage = LENGTH;
    this.first = first;
    this.remaining = 0;
    this.lengthShift = 0;
  }

  private readLength(chunk: Buffer, at: number, end: number): number {
    while (at < end) {
      const byte = chunk[at++]!;
      this.remaining |= (byte & 0x7f) << this.lengthShift;
      if (byte < 0x80) {
        const remaining = this.remaining;
        const packetEnd = at + remaining;
        if (packetEnd <= end && (remaining <= INLINE_BODY_BYTES || this.first >> 4 !== PUBLISH)) {
          this.checkSize(this.first, remaining);
          this.opening = false;
          this.stage = BETWEEN;
          this.handler.packet(this.first, chunk, at, packetEnd);
          return packetEnd;
        }
        this.beginContent(this.first, remaining);
        return at;
      }
      this.lengthShift += 7;
      if (this.lengthShift > 21) throw new MalformedPacket('a remaining length of more than four bytes [MQTT 2.2.3]');
    }
    return at;
  }

  private checkSize(first: number, remaining: number): void {
    const max = first >> 4 === PUBLISH ? this.packetSizeMax : this.controlSizeMax;
    if (remaining > max)
      throw new MalformedPacket(`a packet of ${remaining} bytes, more than ${max}`, PACKET_TOO_LARGE);
  }

  private beginContent(first: number, remaining: number): void {
    this.checkSize(first, remaining);
    this.opening = false;
    this.first = first;
    this.remaining = remaining;
    this.gatheredLength = 0;
    const long = first >> 4 === PUBLISH && remaining > INLINE_BODY_BYTES;
    this.stage = long ? HEAD : WHOLE;
    this.wanted = long ? 2 : remaining;
  }

  /** Goes on with a packet that has begun. */
  private readOn(chunk: Buffer, at: number, end: number): number {
    switch (this.stage) {
      case LENGTH:
        return this.readLength(chunk, at, end);
      case BODY: {
        const n = Math.min(this.wanted, end - at);
        this.wanted -= n;
        this.handler.bodyPiece(chunk, at, at + n);
        if (this.wanted === 0) {
          this.stage = BETWEEN;
          this.handler.bodyEnd();
        }
        return at + n;
      }
      default: {
        const n = Math.min(this.wanted - this.gatheredLength, end - at);
        this.gather(chunk, at, n);
        if (this.gatheredLength === this.wanted) {
          if (this.stage === HEAD) this.headGathered();
          else this.wholeGathered();
        }
        return at + n;
      }
    }
  }

  private gather(chunk: Buffer, at: number, n: number): void {
    const length = this.gatheredLength + n;
    if (length > this.gathered.length) {
      const grown = takeBuffer(Math.min(this.wanted, Math.max(length, 2 * this.gathered.length, 256)));
      this.gathered.copy(grown, 0, 0, this.gatheredLength);
      giveBack(this.gathered);
      this.gathered = grown;
    }
    chunk.copy(this.gathered, this.gatheredLength, at, at + n);
    this.gatheredLength = length;
  }

  private wholeGathered(): void {
    const buffer = this.gathered;
    this.stage = BETWEEN;
    if (buffer.length <= KEPT_BYTES) {
      this.handler.packet(this.first, buffer, 0, this.remaining);
      return;
    }
    this.gathered = NO_BUFFER;
    this.handler.packet(this.first, buffer, 0, this.remaining);
    giveBack(buffer);
  }

  private headGathered(): void {
    const buffer = this.gathered;
    const qos = (this.first >> 1) & 3;
    let headLength = 2 + ((buffer[0]! << 8) | buffer[1]!) + (qos > 0 ? 2 : 0);
    if (headLength > this.remaining) throw new MalformedPacket('a PUBLISH that ends within its topic');
    if (this.properties) {
      const at = headLength;
      headLength = this.propertiesGathered(at);
      if (headLength < 0) return;
    }
    const bodyLength = this.remaining - headLength;
    if (bodyLength <= INLINE_BODY_BYTES) {
      this.stage = WHOLE;
      this.wanted = this.remaining;
    } else if (this.gatheredLength < headLength) {
      this.wanted = headLength;
    } else {
      this.stage = BODY;
      this.wanted = bodyLength;
      if (buffer.length > KEPT_BYTES) this.gathered = NO_BUFFER;
      this.handler.bodyBegin(this.first, buffer, 0, headLength, bodyLength);
      if (buffer.length > KEPT_BYTES) giveBack(buffer);
    }
  }

  /** Where the properties whose length is at `at` end; -1 if that is not there yet, and more is wanted. */
  private propertiesGathered(at: number): number {
    const { gathered, gatheredLength } = this;
    let lengthEnd = at;
    while (lengthEnd < gatheredLength && gathered[lengthEnd]! >= 0x80 && lengthEnd < at + 3) lengthEnd++;
    if (lengthEnd >= gatheredLength) {
      this.wanted = lengthEnd + 1;
      if (this.wanted > this.remaining) throw new MalformedPacket('a PUBLISH that ends within its header');
      return -1;
    }
    const length = varint(gathered, at, gatheredLength);
    const end = at + varintBytes(length) + length;
    if (end > this.remaining) throw new MalformedPacket('properties that are longer than their packet');
    if (length > this.propertiesSizeMax) {
      throw new MalformedPacket(`${length} bytes of properties, more than ${this.propertiesSizeMax}`, QUOTA_EXCEEDED);
    }
    return end;
  }
}
