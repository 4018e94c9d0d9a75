/** Methods of class connection, once the handshake is over. [§1.4] */
import type { Session } from '../../../src/api/index.ts';
import { CONNECTION_CLOSE, CONNECTION_UPDATE_SECRET, CONNECTION_UPDATE_SECRET_OK } from '../codec/constants.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import { AmqpError } from './errors.ts';
import { outOfTurn } from './method-errors.ts';

/** The connection as methods of channel 0 see it. */
export interface ConnectionMethodHost {
  readonly session: Pick<Session, 'renewSecret'>;
  /** Nothing more is parsed until `replyReady`. */
  awaitReply(): void;
  replyReady(): void;
  fail(error: AmqpError, method: number): void;
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
      updateSecret(host, fields);
      return;
    default:
      throw outOfTurn(method, 'running');
  }
}

/** The client proves anew who it is, before what it has logged in with expires. */
function updateSecret(host: ConnectionMethodHost, fields: FieldReader): void {
  const secret = Buffer.from(fields.longBytes());
  fields.shortString();
  fields.finish();
  let answered = false;
  let waits = false;
  host.session.renewSecret(secret, (refusal) => {
    answered = true;
    if (refusal === undefined) host.sendFrame(host.writer.begin(0, CONNECTION_UPDATE_SECRET_OK));
    else {
      const text = 'New secret was refused by one of the backends';
      host.fail(new AmqpError('NOT_ALLOWED', text), CONNECTION_UPDATE_SECRET);
    }
    if (waits) host.replyReady();
  });
  if (answered) return;
  waits = true;
  host.awaitReply();
}
