/** From a frame to the channel and the handler it is for, in each of a connection's states. */
import { type Channel, OPEN } from '../channel/channel.ts';
import { answerClosing, openChannel } from '../channel/channel-methods.ts';
import { channelMethod } from '../channel/method-dispatch.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_CLOSE_OK,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
} from '../codec/constants.ts';
import { BODY, HEADER, IDLE } from '../publish/content-assembler.ts';
import { publishBody, publishHeader } from '../publish/publish.ts';
import type { Connection } from './connection.ts';
import { connectionMethod } from './connection-methods.ts';
import { HEADER_BYTES_MIN, isKnown, unexpected, unexpectedIn, unusable } from './frame-errors.ts';
import type { Handshake } from './handshake.ts';

/** False: not now, the same frame again later. */
export function runningFrame(
  connection: Connection,
  type: number,
  channelId: number,
  buffer: Buffer,
  start: number,
  end: number,
): boolean {
  if (channelId === 0) {
    channelZeroFrame(connection, type, buffer, start, end);
    return true;
  }
  const { channels } = connection;
  let channel: Channel | undefined = channels.current;
  if (channel === undefined || channel.id !== channelId) {
    channel = channels.get(channelId);
    if (channel === undefined) {
      if (!isKnown(type, start, end)) throw unusable(type, buffer, start, end);
      connection.share.work.look();
      openChannel(connection, channelId, type, buffer, start, end);
      return true;
    }
    channels.current = channel;
  }
  if (channel.state !== OPEN) {
    answerClosing(channel, type, buffer, start, end);
    return true;
  }
  const expected = channel.intake.state;
  switch (type) {
    case FRAME_METHOD:
      if (expected !== IDLE) throw unexpectedIn(expected);
      if (end - start < 4) throw unusable(type, buffer, start, end);
      return channelMethod(channel, buffer, start, end);
    case FRAME_HEADER:
      if (end - start < HEADER_BYTES_MIN) throw unusable(type, buffer, start, end);
      if (expected !== HEADER) throw unexpectedIn(expected);
      publishHeader(channel, buffer, start, end);
      return true;
    case FRAME_BODY:
      if (expected !== BODY) throw unexpectedIn(expected);
      return publishBody(channel, buffer, start, end);
    default:
      throw unusable(type, buffer, start, end);
  }
}

function channelZeroFrame(connection: Connection, type: number, buffer: Buffer, start: number, end: number): void {
  if (type === FRAME_HEARTBEAT && start === end) return;
  if (!isKnown(type, start, end)) throw unusable(type, buffer, start, end);
  if (type !== FRAME_METHOD) throw unexpected(type, buffer, start, end);
  connectionMethod(connection, connection.fields.begin(buffer, start, end));
}

/** Before connection.open-ok. */
export function handshakeFrame(
  connection: Connection,
  handshake: Handshake,
  type: number,
  channelId: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (type === FRAME_HEARTBEAT && channelId === 0 && start === end) return;
  if (!isKnown(type, start, end)) throw unusable(type, buffer, start, end);
  if (type !== FRAME_METHOD || channelId !== 0) throw unexpected(type, buffer, start, end);
  handshake.method(connection.fields.begin(buffer, start, end));
}

/** We have sent connection.close: everything but the answer is swallowed. [§1.4.2.10] */
export function closingFrame(
  connection: Connection,
  type: number,
  channelId: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (type !== FRAME_METHOD || channelId !== 0 || end - start < 4) return;
  const method = buffer.readUInt32BE(start);
  if (method === CONNECTION_CLOSE_OK) connection.end();
  else if (method === CONNECTION_CLOSE) connection.closedByClient();
}
