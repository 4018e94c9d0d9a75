/** PUBACK, PUBREC and PUBCOMP [sections 3.4, 3.5, 3.7]: the client settles what it was sent. */
import { ACCEPTED, REJECTED } from '../../../src/api/index.ts';
import { acknowledgedReason, decodeAcknowledgement } from '../codec/acknowledgement.ts';
import { MalformedPacket, PUBACK, PUBCOMP, PUBREC } from '../codec/packet.ts';
import { PACKET_IDENTIFIER_NOT_FOUND, PROTOCOL_ERROR, REFUSALS_FROM, SUCCESS } from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { DORMANT, ENDED_1, PUBLISHED_1, PUBLISHED_2, RECORDING, RELEASED } from '../session/packet-window.ts';

/** QoS 1 is received; or, in 5.0, refused for good. */
export function puback(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const packetId = decodeAcknowledgement(PUBACK, buffer, start, end, client.level);
  const { unsettled } = client.mqttSession;
  const { window } = unsettled;
  const place = window.find(packetId);
  if (place >= 0 && window.stages[place] === ENDED_1) {
    unsettled.answeredLate(place);
    client.writer.settled();
    return;
  }
  if (place < 0 || window.stages[place] !== PUBLISHED_1) {
    unexpected(client, PUBACK, packetId, place);
    return;
  }
  const consumer = window.consumers[place]!;
  const slot = window.slots[place]!;
  unsettled.free(place);
  client.writer.settled();
  consumer?.handle?.settle(slot, acknowledgedReason(buffer, start, end) >= REFUSALS_FROM ? REJECTED : ACCEPTED);
}

/**
 * An acknowledgement that nothing waits for is passed over: its message may have been sent on a former connection. One for a
 * message of this connection that waits for another kind breaks the protocol [MQTT-4.8.0-1].
 */
function unexpected(client: ConnectedClient, type: number, packetId: number, place: number): void {
  client.context.stats.unexpectedAcks++;
  if (place < 0) return;
  const stage = client.mqttSession.unsettled.window.stages[place]!;
  if ((stage & DORMANT) !== 0 || stage === RECORDING) return;
  throw new MalformedPacket(`packet type ${type} for identifier ${packetId}, which waits for another`, PROTOCOL_ERROR);
}

/** QoS 2 is received: settled, and released in the same unit, so that neither can be without the other after a crash. */
export function pubrec(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const packetId = decodeAcknowledgement(PUBREC, buffer, start, end, client.level);
  const { mqttSession, session } = client;
  const { window } = mqttSession.unsettled;
  const place = window.find(packetId);
  if (place >= 0 && window.stages[place] === PUBLISHED_2) {
    if (acknowledgedReason(buffer, start, end) >= REFUSALS_FROM) {
      rejected(client, place);
      return;
    }
    const consumer = window.consumers[place]!;
    const slot = window.slots[place]!;
    window.stages[place] = RELEASED;
    window.consumers[place] = null;
    if (!mqttSession.kept) {
      consumer?.handle?.settle(slot, ACCEPTED);
      // A shared subscription's queue is durable: its settlement must be safe before the client may forget the message.
      if (consumer?.shared) client.answerRelease(packetId, session.mark());
      else client.writer.release(packetId);
      return;
    }
    session.beginUnit();
    consumer?.handle?.settle(slot, ACCEPTED);
    mqttSession.unsettled.recordReleased(packetId);
    client.answerRelease(packetId, session.endUnit());
    return;
  }
  if (place >= 0 && window.stages[place] === RELEASED) {
    client.awaitRelease(packetId); // sent again
    return;
  }
  unexpected(client, PUBREC, packetId, place);
  if (place >= 0) return;
  // For an identifier that is over: PUBREL lets the client finish [MQTT-4.3.3-1]; one that has refused it has finished.
  if (acknowledgedReason(buffer, start, end) >= REFUSALS_FROM) return;
  client.awaitRelease(packetId, client.options.v5 ? PACKET_IDENTIFIER_NOT_FOUND : SUCCESS);
}

/** 5.0: the client will not have it, and must not be sent it again; its identifier is free at once [MQTT5 4.3.3]. */
function rejected(client: ConnectedClient, place: number): void {
  const { mqttSession, session } = client;
  const { unsettled } = mqttSession;
  const consumer = unsettled.window.consumers[place]!;
  const slot = unsettled.window.slots[place]!;
  if (mqttSession.kept) session.beginUnit();
  unsettled.free(place);
  consumer?.handle?.settle(slot, REJECTED);
  if (mqttSession.kept) session.endUnit();
  client.writer.settled();
}

/** QoS 2 is complete. */
export function pubcomp(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const packetId = decodeAcknowledgement(PUBCOMP, buffer, start, end, client.level);
  const { unsettled } = client.mqttSession;
  const { window } = unsettled;
  const place = window.find(packetId);
  if (place < 0 || window.stages[place] !== RELEASED) {
    unexpected(client, PUBCOMP, packetId, place);
    return;
  }
  unsettled.free(place);
  client.writer.settled();
}
