/** DISCONNECT [section 3.14]: from the client, and, in 5.0, to it. */
import { decodeDisconnect } from '../codec/disconnect-auth.ts';
import { disconnectBytes, writeDisconnect } from '../codec/encode5.ts';
import { MalformedPacket } from '../codec/packet.ts';
import { REASON_STRING } from '../codec/properties/property-table.ts';
import { NORMAL_DISCONNECTION, PROTOCOL_ERROR } from '../codec/reasons.ts';
import type { ConnectedClient } from './connected-client.ts';

/** @throws MalformedPacket */
export function disconnect(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const { control, options } = client;
  if (!options.v5) {
    if (start !== end) throw new MalformedPacket('a DISCONNECT that is not empty');
    control.left(false); // discards the will [MQTT-3.14.4-3]
    return;
  }
  const { reason, sessionExpiryS } = decodeDisconnect(buffer, start, end);
  if (sessionExpiryS !== undefined) {
    if (options.asked.sessionExpiryS === 0 && sessionExpiryS > 0) {
      throw new MalformedPacket('a session that was to end cannot be kept [MQTT5 3.14.2.2.2]', PROTOCOL_ERROR);
    }
    options.sessionExpiryS = Math.min(sessionExpiryS, client.context.limits.sessionExpiryMaxS);
  }
  control.left(reason !== NORMAL_DISCONNECTION); // [MQTT5-3.14.4-3]
}

/** Tells a client of 5.0 why the connection ends, if it may be told. @param reason a reason code of 5.0 */
export function sendDisconnect(client: ConnectedClient, reason: number, why: string): void {
  // In the middle of a large body a packet would be taken for a part of it.
  if (!client.options.v5 || client.writer.midBody) return;
  const { packetSizeMax, wantsProblemInformation } = client.options.asked;
  const { writer } = client.context;
  writer.clear();
  if (wantsProblemInformation) writer.field(REASON_STRING, why);
  if (disconnectBytes(writer) > packetSizeMax) writer.clear(); // [MQTT5-3.14.2-3]
  if (disconnectBytes(writer) <= packetSizeMax) writeDisconnect(client.writer.out, reason, writer);
}
