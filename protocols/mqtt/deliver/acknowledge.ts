/**
 * PUBACK, PUBREC, PUBREL, PUBCOMP. The first, second and fourth answer what the client was sent; PUBREL goes on with
 * what it has published.
 */
import { ACCEPTED, MARK_NOW, REJECTED } from '../../../src/api/index.ts';
import { acknowledgedReason, decodeAcknowledgement } from '../codec/acknowledgement.ts';
import { MalformedPacket, PUBACK, PUBCOMP, PUBREC, PUBREL } from '../codec/packet.ts';
import { PACKET_IDENTIFIER_NOT_FOUND, PROTOCOL_ERROR, REFUSALS_FROM, SUCCESS } from '../codec/reasons.ts';
import type { Connection } from '../connection/connection.ts';
import { DORMANT, PUBLISHED_1, PUBLISHED_2, RECORDING, RELEASED } from '../session/packet-window.ts';

/** QoS 1 is received; or, in 5.0, refused for good. */
export function puback(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const id = decodeAcknowledgement(PUBACK, buffer, start, end, connection.level);
  const { client, outbound } = connection;
  const window = client.window();
  const place = window.find(id);
  if (place < 0 || window.stages[place] !== PUBLISHED_1) {
    unexpected(connection, PUBACK, id, place);
    return;
  }
  const feed = window.feeds[place]!;
  const slot = window.slots[place]!;
  client.unsettled.free(place);
  outbound.answered();
  feed?.consumer?.settle(slot, acknowledgedReason(buffer, start, end) >= REFUSALS_FROM ? REJECTED : ACCEPTED);
}

/**
 * An acknowledgement that nothing waits for is passed over: its message may have been sent on a former connection. One for a
 * message of this connection that waits for another kind breaks the protocol [MQTT-4.8.0-1].
 */
function unexpected(connection: Connection, type: number, id: number, place: number): void {
  connection.adapter.stats.unexpectedAcks++;
  if (place < 0) return;
  const stage = connection.client.window().stages[place]!;
  if ((stage & DORMANT) !== 0 || stage === RECORDING) return;
  throw new MalformedPacket(`packet type ${type} for identifier ${id}, which waits for another`, PROTOCOL_ERROR);
}

/** QoS 2 is received: settled, and released in the same unit, so that neither can be without the other after a crash. */
export function pubrec(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const id = decodeAcknowledgement(PUBREC, buffer, start, end, connection.level);
  const { client, session } = connection;
  const window = client.window();
  const place = window.find(id);
  if (place >= 0 && window.stages[place] === PUBLISHED_2) {
    if (acknowledgedReason(buffer, start, end) >= REFUSALS_FROM) {
      rejected(connection, place);
      return;
    }
    const feed = window.feeds[place]!;
    const slot = window.slots[place]!;
    window.stages[place] = RELEASED;
    window.feeds[place] = null;
    if (!client.kept) {
      feed?.consumer?.settle(slot, ACCEPTED);
      // A shared subscription's queue is durable: its settlement must be safe before the client may forget the message.
      if (feed?.shared) connection.answerRelease(id, session.mark());
      else connection.outbound.release(id);
      return;
    }
    session.beginUnit();
    feed?.consumer?.settle(slot, ACCEPTED);
    client.unsettled.recordReleased(id);
    connection.answerRelease(id, session.endUnit());
    return;
  }
  if (place >= 0 && window.stages[place] === RELEASED) {
    connection.awaitRelease(id); // sent again
    return;
  }
  unexpected(connection, PUBREC, id, place);
  if (place >= 0) return;
  // For an identifier that is over: PUBREL lets the client finish [MQTT-4.3.3-1]; one that has refused it has finished.
  if (acknowledgedReason(buffer, start, end) >= REFUSALS_FROM) return;
  connection.awaitRelease(id, connection.terms === null ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND);
}

/** 5.0: the client will not have it, and must not be sent it again; its identifier is free at once [MQTT5 4.3.3]. */
function rejected(connection: Connection, place: number): void {
  const { client, session } = connection;
  const window = client.window();
  const feed = window.feeds[place]!;
  const slot = window.slots[place]!;
  if (client.kept) session.beginUnit();
  client.unsettled.free(place);
  feed?.consumer?.settle(slot, REJECTED);
  if (client.kept) session.endUnit();
  connection.outbound.answered();
}

/** QoS 2 is complete. */
export function pubcomp(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const id = decodeAcknowledgement(PUBCOMP, buffer, start, end, connection.level);
  const { client } = connection;
  const window = client.window();
  const place = window.find(id);
  if (place < 0 || window.stages[place] !== RELEASED) {
    unexpected(connection, PUBCOMP, id, place);
    return;
  }
  client.unsettled.free(place);
  connection.outbound.answered();
}

/** The client has our PUBREC: its identifier may be used for another message [MQTT-4.3.3-2]. */
export function pubrel(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const id = decodeAcknowledgement(PUBREL, buffer, start, end, connection.level);
  const { client, session, terms } = connection;
  const known = client.release(id);
  const reason = known || terms === null ? SUCCESS : PACKET_IDENTIFIER_NOT_FOUND;
  connection.answer(PUBCOMP, id, client.kept ? session.mark() : MARK_NOW, reason);
}
