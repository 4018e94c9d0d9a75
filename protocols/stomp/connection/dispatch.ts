/** Which handler takes which frame, once the client is admitted. */
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import {
  ABORT,
  ACK,
  BEGIN,
  COMMAND_TEXT,
  COMMIT,
  DISCONNECT,
  NACK,
  SEND,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from '../codec/names.ts';
import { ack, nack } from '../deliver/settle.ts';
import { subscribe } from '../deliver/subscribe.ts';
import { unsubscribe } from '../deliver/unsubscribe.ts';
import { send } from '../publish/send.ts';
import { abort, begin, commit } from '../publish/transaction-frames.ts';
import type { Connection } from './connection.ts';

/** Throws a FrameError or a BrokerError for a frame that cannot be obeyed. */
export function dispatch(connection: Connection, frame: Frame): void {
  switch (frame.command) {
    case SEND:
      send(connection, frame);
      break;
    case ACK:
      ack(connection, frame);
      break;
    case NACK:
      nack(connection, frame);
      break;
    case SUBSCRIBE:
      subscribe(connection, frame);
      break;
    case UNSUBSCRIBE:
      unsubscribe(connection, frame);
      break;
    case BEGIN:
      begin(connection, frame);
      break;
    case COMMIT:
      commit(connection, frame);
      break;
    case ABORT:
      abort(connection, frame);
      break;
    case DISCONNECT:
      connection.disconnect(frame);
      break;
    default:
      throw new FrameError(
        'Already connected',
        `A second ${COMMAND_TEXT[frame.command]} frame came on this connection.`,
      );
  }
}
