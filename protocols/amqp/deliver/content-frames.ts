/**
 * The frames of one message to a client: basic.deliver, basic.get-ok, basic.return. Each is a method frame, a header frame
 * and the body cut into frames:
 *
 *     | 1 | channel | size | method, its fields        | CE |
 *     | 2 | channel | size | class 60 | 0 | body size (u64) | property flags and list | CE |
 *     | 3 | channel | size | body … | CE |   as many as the agreed frame size asks for, none for an empty body
 *
 * Deliveries are the hot path out: one `reserve`, integer writes, no allocation. A body that is not in one piece
 * (`view.large`) is left to the channel's `BodySender`, which sends it behind the header.
 */
import { type MessageView, type Output, REFERENCED_BYTES_MIN, respell, SLASH } from '../../../src/api/index.ts';
import { BASIC_DELIVER, BASIC_GET_OK, FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD } from '../codec/constants.ts';
import { frameHead, put, u32, u64 } from '../codec/frame-writer.ts';
import { KEY_BYTES_MAX, type WireProperties } from '../mapping/wire-properties.ts';

/** Where the last `writeGetOk` has put its message count. */
export interface CountPlace {
  buffer: Buffer;
  at: number;
}

/** @param tag the consumer tag as a short string, its length byte included */
export function writeDeliver(
  out: Output,
  channel: number,
  tag: Buffer,
  deliveryTag: number,
  view: MessageView,
  properties: WireProperties,
  payloadBytesMax: number,
): void {
  const keyEnd = cutKey(view);
  const lead = 4 + tag.length + 9;
  const methodBytes = lead + 2 + (view.exchangeEnd - view.exchangeStart) + (keyEnd - view.keyStart);
  const apart = liesApart(view);
  const shared = properties.memory !== null;
  let at = out.reserve(shared ? 8 + methodBytes : frameSetBytes(methodBytes, properties, view, payloadBytesMax, apart));
  const b = out.buffer;
  at = frameHead(b, at, FRAME_METHOD, channel, methodBytes);
  at = u32(b, at, BASIC_DELIVER);
  for (let i = 0; i < tag.length; i++) b[at + i] = tag[i]!;
  at += tag.length;
  at = tagAndAddress(b, at, deliveryTag, view, keyEnd);
  b[at++] = FRAME_END;
  if (shared) {
    writeContentApart(out, channel, properties, view, payloadBytesMax);
    return;
  }
  content(b, at, channel, properties, view, payloadBytesMax, apart);
  if (apart && view.large === null) writeBodyApart(out, channel, view, payloadBytesMax);
}

/** Leaves the message count 0 and says in `count` where it is: it becomes known right after. */
export function writeGetOk(
  out: Output,
  channel: number,
  deliveryTag: number,
  view: MessageView,
  properties: WireProperties,
  payloadBytesMax: number,
  count: CountPlace,
): void {
  const keyEnd = cutKey(view);
  const methodBytes = 4 + 9 + 2 + (view.exchangeEnd - view.exchangeStart) + (keyEnd - view.keyStart) + 4;
  const apart = liesApart(view);
  let at = out.reserve(frameSetBytes(methodBytes, properties, view, payloadBytesMax, apart));
  const b = out.buffer;
  at = frameHead(b, at, FRAME_METHOD, channel, methodBytes);
  at = u32(b, at, BASIC_GET_OK);
  at = tagAndAddress(b, at, deliveryTag, view, keyEnd);
  count.buffer = b;
  count.at = at;
  at = u32(b, at, 0);
  b[at++] = FRAME_END;
  content(b, at, channel, properties, view, payloadBytesMax, apart);
  if (apart && view.large === null) writeBodyApart(out, channel, view, payloadBytesMax);
}

/** A content header frame for properties that lie in `props[start, end)`. */
export function writeHeader(
  out: Output,
  channel: number,
  bodyLength: number,
  props: Buffer,
  start: number,
  end: number,
): void {
  const at = out.reserve(20 + end - start);
  headerFrame(out.buffer, at, channel, bodyLength, props, start, end);
}

/** A body that lies in one piece, as body frames. */
export function writeBody(
  out: Output,
  channel: number,
  body: Buffer,
  start: number,
  end: number,
  payloadBytesMax: number,
): void {
  if (end === start) return;
  const frames = Math.ceil((end - start) / payloadBytesMax);
  const at = out.reserve(end - start + frames * 8);
  bodyFrames(out.buffer, at, channel, body, start, end, payloadBytesMax);
}

/** The body is not written together with what comes before it: it is sent piece by piece, or from where it lies. */
function liesApart(view: MessageView): boolean {
  return view.large !== null || (view.memory !== null && view.bodyLength >= REFERENCED_BYTES_MIN);
}

function writeBodyApart(out: Output, channel: number, view: MessageView, payloadMax: number): void {
  const { body, bodyEnd, memory } = view;
  for (let next = view.bodyStart; next < bodyEnd; ) {
    const n = Math.min(bodyEnd - next, payloadMax);
    const head = out.reserve(7);
    frameHead(out.buffer, head, FRAME_BODY, channel, n);
    out.appendBody(body, next, next + n, memory);
    const tail = out.reserve(1);
    out.buffer[tail] = FRAME_END;
    next += n;
  }
}

/** Long properties are written from where they lie: so they are for every other client. */
function writeContentApart(
  out: Output,
  channel: number,
  { buffer, start, end, memory }: WireProperties,
  view: MessageView,
  payloadMax: number,
): void {
  const head = out.reserve(HEADER_LEAD_BYTES);
  headerLead(out.buffer, head, channel, view.bodyLength, end - start);
  out.appendBody(buffer, start, end, memory);
  const tail = out.reserve(1);
  out.buffer[tail] = FRAME_END;
  if (view.large !== null) return;
  if (liesApart(view)) writeBodyApart(out, channel, view, payloadMax);
  else writeBody(out, channel, view.body, view.bodyStart, view.bodyEnd, payloadMax);
}

function frameSetBytes(
  methodBytes: number,
  properties: WireProperties,
  view: MessageView,
  payloadMax: number,
  apart: boolean,
): number {
  const bytes = 8 + methodBytes + 20 + properties.end - properties.start;
  if (apart) return bytes;
  const body = view.bodyEnd - view.bodyStart;
  return bytes + body + (body <= payloadMax ? (body === 0 ? 0 : 8) : Math.ceil(body / payloadMax) * 8);
}

function content(
  b: Buffer,
  from: number,
  channel: number,
  properties: WireProperties,
  view: MessageView,
  payloadMax: number,
  apart: boolean,
): void {
  const length = view.bodyLength;
  const at = headerFrame(b, from, channel, length, properties.buffer, properties.start, properties.end);
  if (!apart && length > 0) bodyFrames(b, at, channel, view.body, view.bodyStart, view.bodyEnd, payloadMax);
}

function headerFrame(
  b: Buffer,
  from: number,
  channel: number,
  bodyLength: number,
  props: Buffer,
  start: number,
  end: number,
): number {
  const at = put(b, headerLead(b, from, channel, bodyLength, end - start), props, start, end);
  b[at] = FRAME_END;
  return at + 1;
}

/** Of a header frame, what comes before the properties. */
const HEADER_LEAD_BYTES = 7 + 12;

function headerLead(b: Buffer, from: number, channel: number, bodyLength: number, propertiesBytes: number): number {
  const at = frameHead(b, from, FRAME_HEADER, channel, 12 + propertiesBytes);
  b[at] = 0;
  b[at + 1] = 60;
  b[at + 2] = 0;
  b[at + 3] = 0;
  return u64(b, at + 4, bodyLength);
}

function bodyFrames(
  b: Buffer,
  from: number,
  channel: number,
  body: Buffer,
  start: number,
  end: number,
  payloadMax: number,
): void {
  let at = from;
  let next = start;
  while (next < end) {
    const n = end - next > payloadMax ? payloadMax : end - next;
    at = frameHead(b, at, FRAME_BODY, channel, n);
    at = put(b, at, body, next, next + n);
    b[at++] = FRAME_END;
    next += n;
  }
}

function tagAndAddress(b: Buffer, from: number, deliveryTag: number, view: MessageView, keyEnd: number): number {
  let at = u64(b, from, deliveryTag);
  b[at++] = view.redelivered ? 1 : 0;
  const source = view.head;
  b[at++] = view.exchangeEnd - view.exchangeStart;
  for (let i = view.exchangeStart; i < view.exchangeEnd; i++) b[at++] = source[i]!;
  b[at++] = keyEnd - view.keyStart;
  if (view.spelling === SLASH) at = respell(source, view.keyStart, keyEnd, b, at);
  else {
    for (let i = view.keyStart; i < keyEnd; i++) b[at++] = source[i]!;
  }
  return at;
}

/** Where the key ends that fits a short string; never within a character. */
function cutKey(view: MessageView): number {
  if (view.keyEnd - view.keyStart <= KEY_BYTES_MAX) return view.keyEnd;
  let end = view.keyStart + KEY_BYTES_MAX;
  while (end > view.keyStart && (view.head[end]! & 0xc0) === 0x80) end--;
  return end;
}
