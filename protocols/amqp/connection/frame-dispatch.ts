/** Dispatch of frames: from a frame to the channel and the handler that it is for, in each of a connection's states. */
import { type Channel, OPEN } from '../channel/channel.ts';
import { answerClosing, openChannel } from '../channel/channel-methods.ts';
import { channelMethod } from '../channel/method-dispatch.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_CLOSE_OK,
  EXPECTS_BODY,
  EXPECTS_HEADER,
  EXPECTS_METHOD,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
} from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { publishBody, publishHeader } from '../publish/publish.ts';
import { connectionMethod } from './connection-methods.ts';
import { HEADER_BYTES_MIN, isKnown, unexpected, unexpectedIn, unusable } from './frame-errors.ts';
import type { Handshake } from './handshake/handshake.ts';
import type { OpenConnection } from './open-connection.ts';

/** False: not now, the same frame again later. */
export function openFrame(
  open: OpenConnection,
  type: number,
  channelId: number,
  buffer: Buffer,
  start: number,
  end: number,
): boolean {
  if (channelId === 0) {
    channelZeroFrame(open, type, buffer, start, end);
    return true;
  }
  const { channels } = open;
  let channel: Channel | undefined = channels.current;
  if (channel === undefined || channel.id !== channelId) {
    channel = channels.get(channelId);
    if (channel === undefined) {
      if (!isKnown(type, start, end)) throw unusable(type, buffer, start, end);
      open.share.work.checkTime();
      openChannel(open, channelId, type, buffer, start, end);
      return true;
    }
    channels.current = channel;
  }
  if (channel.state !== OPEN) {
    answerClosing(channel, type, buffer, start, end);
    return true;
  }
  const { expected } = channel.assembler;
  switch (type) {
    case FRAME_METHOD:
      if (expected !== EXPECTS_METHOD) throw unexpectedIn(expected);
      if (end - start < 4) throw unusable(type, buffer, start, end);
      return channelMethod(channel, buffer, start, end);
    case FRAME_HEADER:
      if (end - start < HEADER_BYTES_MIN) throw unusable(type, buffer, start, end);
      if (expected !== EXPECTS_HEADER) throw unexpectedIn(expected);
      publishHeader(channel, buffer, start, end);
      return true;
    case FRAME_BODY:
      if (expected !== EXPECTS_BODY) throw unexpectedIn(expected);
      return publishBody(channel, buffer, start, end);
    default:
      throw unusable(type, buffer, start, end);
  }
}

function channelZeroFrame(open: OpenConnection, type: number, buffer: Buffer, start: number, end: number): void {
  if (type === FRAME_HEARTBEAT && start === end) return;
  if (!isKnown(type, start, end)) throw unusable(type, buffer, start, end);
  if (type !== FRAME_METHOD) throw unexpected(type, buffer, start, end);
  connectionMethod(open, open.fields.begin(buffer, start, end));
}

/** Before connection.open-ok. */
export function handshakeFrame(
  handshake: Handshake,
  fields: FieldReader,
  type: number,
  channelId: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (type === FRAME_HEARTBEAT && channelId === 0 && start === end) return;
  if (!isKnown(type, start, end)) throw unusable(type, buffer, start, end);
  if (type !== FRAME_METHOD || channelId !== 0) throw unexpected(type, buffer, start, end);
  handshake.method(fields.begin(buffer, start, end));
}

/** What the end of a connection is told of what the client answers. */
export interface ClosingHost {
  /** The client has sent connection.close-ok. */
  end(): void;
  /** Both sides have closed at once. */
  closedByClient(): void;
}

/** We have sent connection.close: everything but the answer is swallowed. [§1.4.2.10] */
export function closingFrame(
  host: ClosingHost,
  type: number,
  channelId: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (type !== FRAME_METHOD || channelId !== 0 || end - start < 4) return;
  const method = buffer.readUInt32BE(start);
  if (method === CONNECTION_CLOSE_OK) host.end();
  else if (method === CONNECTION_CLOSE) host.closedByClient();
}
