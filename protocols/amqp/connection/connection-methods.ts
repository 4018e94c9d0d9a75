/** Class connection, once the handshake is over. [§1.4] */
import { CONNECTION_CLOSE, CONNECTION_UPDATE_SECRET, CONNECTION_UPDATE_SECRET_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/reader.ts';
import type { Connection } from './connection.ts';
import { AmqpError } from './errors.ts';

export function connectionMethod(connection: Connection, fields: FieldReader): void {
  const method = fields.uint32();
  switch (method) {
    case CONNECTION_CLOSE:
      connection.closedByClient();
      return;
    case CONNECTION_UPDATE_SECRET:
      // A password that was right stays right as long as the connection lasts, so the new one changes nothing.
      fields.longBytes();
      fields.shortString();
      fields.finish();
      connection.sendFrame(connection.writer.begin(0, CONNECTION_UPDATE_SECRET_OK));
      return;
    default:
      throw outOfTurn(method, 'running');
  }
}

/** @param state as RabbitMQ calls it */
export function outOfTurn(method: number, state: string): AmqpError {
  return new AmqpError('CHANNEL_ERROR', `unexpected method in connection state ${state}`, method);
}
