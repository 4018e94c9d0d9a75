/** Methods of class connection, once the handshake is over. [§1.4] */
import { CONNECTION_CLOSE, CONNECTION_UPDATE_SECRET, CONNECTION_UPDATE_SECRET_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import { outOfTurn } from './method-errors.ts';

/** The connection as methods of channel 0 see it. */
export interface ConnectionMethodHost {
  readonly writer: MethodWriter;
  /** Sends a method on channel 0. */
  sendFrame(frame: MethodWriter): void;
  /** The client has sent connection.close. */
  closedByClient(): void;
}

export function connectionMethod(host: ConnectionMethodHost, fields: FieldReader): void {
  const method = fields.uint32();
  switch (method) {
    case CONNECTION_CLOSE:
      host.closedByClient();
      return;
    case CONNECTION_UPDATE_SECRET:
      // A password that was right stays right as long as the connection lasts, so the new one changes nothing.
      fields.longBytes();
      fields.shortString();
      fields.finish();
      host.sendFrame(host.writer.begin(0, CONNECTION_UPDATE_SECRET_OK));
      return;
    default:
      throw outOfTurn(method, 'running');
  }
}
