/** DISCONNECT [section 3.14]: from the client, and, in 5.0, to it. */

import { decodeDisconnect } from '../codec/disconnect-auth.ts';
import { disconnectBytes, writeDisconnect } from '../codec/encode5.ts';
import { MalformedPacket } from '../codec/packet.ts';
import { REASON_STRING } from '../codec/properties.ts';
import { NORMAL_DISCONNECTION, PROTOCOL_ERROR } from '../codec/reasons.ts';
import type { Connection } from './connection.ts';

export function disconnect(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { terms } = connection;
  if (terms === null) {
    if (start !== end) throw new MalformedPacket('a DISCONNECT that is not empty');
    connection.left(false); // discards the will [MQTT-3.14.4-3]
    return;
  }
  const { reason, sessionExpiryS } = decodeDisconnect(buffer, start, end);
  if (sessionExpiryS !== undefined) {
    if (terms.wishes.sessionExpiryS === 0 && sessionExpiryS > 0) {
      throw new MalformedPacket('a session that was to end cannot be kept [MQTT5 3.14.2.2.2]', PROTOCOL_ERROR);
    }
    terms.sessionExpiryS = Math.min(sessionExpiryS, connection.adapter.limits.sessionExpiryMaxS);
  }
  connection.left(reason !== NORMAL_DISCONNECTION); // [MQTT5-3.14.4-3]
}

/** Says why the connection ends, to a client of 5.0 that may be told. */
export function sayGoodbye(connection: Connection, reason: number, why: string): void {
  const { adapter, terms } = connection;
  // In the middle of a large body a packet would be taken for a part of it.
  if (terms === null || connection.output !== connection.transport.output) return;
  const { writer } = adapter;
  writer.clear();
  if (terms.wishes.wantsProblemInformation) writer.field(REASON_STRING, why);
  if (disconnectBytes(writer) > terms.wishes.packetSizeMax) writer.clear(); // [MQTT5-3.14.2-3]
  if (disconnectBytes(writer) <= terms.wishes.packetSizeMax) writeDisconnect(connection.output, reason, writer);
}
