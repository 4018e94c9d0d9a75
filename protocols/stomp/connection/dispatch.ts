/** Hands each frame of an admitted client to its handler. DISCONNECT is the connection's own. */
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { ABORT, ACK, BEGIN, COMMAND_TEXT, COMMIT, NACK, SEND, SUBSCRIBE, UNSUBSCRIBE } from '../codec/names.ts';
import { ack, nack } from '../deliver/settle.ts';
import { subscribe } from '../deliver/subscribe.ts';
import { unsubscribe } from '../deliver/unsubscribe.ts';
import { send } from '../publish/send.ts';
import { abort, begin, commit } from '../publish/transaction-frames.ts';
import type { ConnectedClient } from './connected-client.ts';

/** @throws FrameError, BrokerError for a frame that cannot be obeyed */
export function dispatch(client: ConnectedClient, frame: Frame): void {
  switch (frame.command) {
    case SEND:
      send(client, frame);
      break;
    case ACK:
      ack(client, frame);
      break;
    case NACK:
      nack(client, frame);
      break;
    case SUBSCRIBE:
      subscribe(client, frame);
      break;
    case UNSUBSCRIBE:
      unsubscribe(client, frame);
      break;
    case BEGIN:
      begin(client, frame);
      break;
    case COMMIT:
      commit(client, frame);
      break;
    case ABORT:
      abort(client, frame);
      break;
    default:
      throw new FrameError(
        'Already connected',
        `A second ${COMMAND_TEXT[frame.command]} frame came on this connection.`,
      );
  }
}
