/** PUBREL [section 3.6]: goes on with a QoS 2 message that the client has published. */
import { MARK_NOW } from '../../../src/api/index.ts';
import { decodeAcknowledgement } from '../codec/acknowledgement.ts';
import { PUBCOMP, PUBREL } from '../codec/packet.ts';
import { PACKET_IDENTIFIER_NOT_FOUND, SUCCESS } from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';

/** The client has our PUBREC: its identifier may be used for another message [MQTT-4.3.3-2]. */
export function pubrel(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const packetId = decodeAcknowledgement(PUBREL, buffer, start, end, client.level);
  const { mqttSession, options, session } = client;
  const known = mqttSession.received.delete(packetId);
  const reason = known || !options.v5 ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND;
  client.answer(PUBCOMP, packetId, mqttSession.kept ? session.mark() : MARK_NOW, reason);
}
