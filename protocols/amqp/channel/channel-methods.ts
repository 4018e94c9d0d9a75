/** Methods of class channel. [§1.5] */
import { RELEASED } from '../../../src/api/index.ts';
import {
  CHANNEL_CLOSE,
  CHANNEL_CLOSE_OK,
  CHANNEL_FLOW,
  CHANNEL_FLOW_OK,
  CHANNEL_OPEN,
  CHANNEL_OPEN_OK,
  EXPECTS_METHOD,
  FRAME_METHOD,
} from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { AmqpError } from '../connection/errors.ts';
import { unexpectedIn } from '../connection/frame-errors.ts';
import { unimplementedMethod } from '../connection/method-errors.ts';
import { Channel, GONE } from './channel.ts';
import type { ChannelHost } from './channel-host.ts';
import type { Channels } from './channels.ts';

/** The connection as opening a channel sees it. */
export interface ChannelOpener extends ChannelHost {
  readonly channels: Channels;
  /** How many channels there may be, as agreed. */
  readonly channelMax: number;
}

/** A frame for a channel that does not exist: only channel.open may be. */
export function openChannel(
  host: ChannelOpener,
  id: number,
  type: number,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  if (type !== FRAME_METHOD) throw unexpectedIn(EXPECTS_METHOD);
  const method = buffer.readUInt32BE(start);
  if (method !== CHANNEL_OPEN) throw new AmqpError('CHANNEL_ERROR', "expected 'channel.open'", method);
  const fields = host.fields.begin(buffer, start + 4, end);
  fields.shortString();
  fields.finish();
  // As RabbitMQ has it, the limit is on how many there are, not on their numbers.
  const { channels, channelMax } = host;
  if (channels.size >= channelMax) {
    throw new AmqpError(
      'NOT_ALLOWED',
      `number of channels opened (${channels.size}) has reached the negotiated channel_max (${channelMax})`,
      0,
    );
  }
  host.session.channelOpened();
  const channel = new Channel(host, id);
  channels.add(channel);
  channel.send(channel.begin(CHANNEL_OPEN_OK).longString(''));
}

/** A frame for a channel that is being closed: everything but the closing itself is swallowed. */
export function answerClosing(channel: Channel, type: number, buffer: Buffer, start: number, end: number): void {
  if (type !== FRAME_METHOD || end - start < 4 || channel.state === GONE) return;
  const method = buffer.readUInt32BE(start);
  if (method === CHANNEL_CLOSE_OK) channel.leave();
  // Both sides have closed at once. Ours is answered as well, later, and then ignored.
  else if (method === CHANNEL_CLOSE) channel.send(channel.begin(CHANNEL_CLOSE_OK));
}

export function channelOwnMethod(channel: Channel, method: number, fields: FieldReader): void {
  switch (method) {
    case CHANNEL_CLOSE:
      channel.release(RELEASED, () => {
        if (channel.state === GONE) return;
        channel.send(channel.begin(CHANNEL_CLOSE_OK));
        channel.leave();
      });
      return;
    case CHANNEL_FLOW:
      // Prefetch is the way to hold deliveries back; RabbitMQ refuses to be stopped as well.
      if (!fields.bit()) throw new AmqpError('NOT_IMPLEMENTED', 'active=false');
      fields.finish();
      channel.send(channel.begin(CHANNEL_FLOW_OK).bit(true));
      return;
    case CHANNEL_OPEN:
      throw new AmqpError('CHANNEL_ERROR', "second 'channel.open' seen");
    default:
      throw unimplementedMethod();
  }
}
