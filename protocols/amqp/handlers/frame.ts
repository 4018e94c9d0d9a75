/** From a frame of a client that is logged in to the channel and the handler it is for. */
import { type Channel, OPEN } from '../channel.ts';
import { FRAME_BODY, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD } from '../codec/constants.ts';
import type { Connection } from '../connection.ts';
import { AmqpError } from '../errors.ts';
import { BODY, HEADER, IDLE } from '../intake.ts';
import { answerClosing, openChannel } from './channel.ts';
import { connectionMethod } from './connection.ts';
import { channelMethod } from './index.ts';
import { publishBody, publishHeader } from './publish.ts';

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
  let channel: Channel | undefined = connection.current;
  if (channel === undefined || channel.id !== channelId) {
    channel = connection.channels.get(channelId);
    if (channel === undefined) {
      openChannel(connection, channelId, type, buffer, start, end);
      return true;
    }
    connection.current = channel;
  }
  if (channel.state !== OPEN) {
    answerClosing(channel, type, buffer, start, end);
    return true;
  }
  const expected = channel.intake.state;
  switch (type) {
    case FRAME_METHOD:
      if (expected !== IDLE) throw unexpected(expected);
      return channelMethod(channel, buffer, start, end);
    case FRAME_HEADER:
      if (expected !== HEADER) throw unexpected(expected);
      publishHeader(channel, buffer, start, end);
      return true;
    case FRAME_BODY:
      if (expected !== BODY) throw unexpected(expected);
      return publishBody(channel, buffer, start, end);
    case FRAME_HEARTBEAT:
      // [§4.2.7] heartbeats belong to channel 0
      throw new AmqpError('COMMAND_INVALID', 'heartbeat frame on a channel other than 0');
    default:
      throw new AmqpError('FRAME_ERROR', `unknown frame type ${type}`);
  }
}

function channelZeroFrame(connection: Connection, type: number, buffer: Buffer, start: number, end: number): void {
  if (type === FRAME_HEARTBEAT) return;
  if (type !== FRAME_METHOD) throw new AmqpError('COMMAND_INVALID', `frame of type ${type} on channel 0`);
  connectionMethod(connection, connection.fields.begin(buffer, start, end));
}

/** RabbitMQ's words for a frame that does not follow what came before it. [§4.2.6] */
function unexpected(expected: number): AmqpError {
  if (expected === IDLE) {
    return new AmqpError('UNEXPECTED_FRAME', 'expected method frame, got non method frame instead');
  }
  if (expected === HEADER) {
    const text = 'expected content header for class 60, got non content header frame instead';
    return new AmqpError('UNEXPECTED_FRAME', text);
  }
  return new AmqpError('UNEXPECTED_FRAME', 'expected content body, got non content body frame instead');
}
