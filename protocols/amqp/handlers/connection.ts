/** Class connection, once the handshake is over. [§1.4] */
import { CONNECTION_CLOSE, CONNECTION_UPDATE_SECRET, CONNECTION_UPDATE_SECRET_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/reader.ts';
import type { Connection } from '../connection.ts';
import { AmqpError } from '../errors.ts';

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
      connection.sendFrame(connection.writer.begin(0, CONNECTION_UPDATE_SECRET_OK));
      return;
    default:
      throw new AmqpError('COMMAND_INVALID', `unexpected method ${method >>> 16}.${method & 0xffff} on channel 0`);
  }
}
