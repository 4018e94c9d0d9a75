/** PUBLISH from a client [MQTT 3.1.1, section 3.3], its will, and the routes of its topics. */
import { type BodyWriter, MARK_REFUSED, type Mark, type Route } from '../../../src/api.ts';
import { equalRanges } from '../../../src/message/bytes.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import { type Draft, SLASH } from '../../../src/message/message.ts';
import { AddressTable } from '../../../src/routing/address-table.ts';
import { decodePublish, type Qos, type Will } from '../codec/decode.ts';
import { LEVEL_3_1, MalformedPacket, PUBACK, PUBREC } from '../codec/packet.ts';
import { topicFault } from '../codec/text.ts';
import { type Connection, HOLD_CONGESTED } from '../connection.ts';

/** A PUBLISH whose large body is arriving. */
export interface Arriving {
  readonly route: Route | null;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly packetId: number;
  /** Null: the body is read and forgotten, because it was sent before, or was refused. */
  readonly writer: BodyWriter | null;
}

export function publish(connection: Connection, first: number, buffer: Buffer, start: number, end: number): void {
  const { adapter, session } = connection;
  const fields = adapter.fields;
  decodePublish(first, buffer, start, end, fields);
  const qos = fields.qos;
  if (qos === 2 && connection.client.hasReceived(fields.packetId)) {
    // Sent again: it is published already, and only the answer is wanted [MQTT-4.3.3-2].
    connection.answer(PUBREC, fields.packetId, session.mark());
    return;
  }
  const last = connection.lastRoute;
  let route: Route | null;
  if (last?.valid && equalRanges(last.bytes, last.keyStart, last.end, buffer, fields.topicStart, fields.topicEnd)) {
    route = last;
  } else {
    route = routeOf(connection, qos, buffer, fields.topicStart, fields.topicEnd);
    if (route === null) return;
  }
  const draft = adapter.draft;
  draft.assurance = qos;
  draft.retain = fields.retain;
  draft.body = buffer;
  draft.bodyStart = fields.bodyStart;
  draft.bodyEnd = end;
  if (qos === 0) {
    // DUP has no meaning here; 3.1 did not say so.
    if (fields.dup && connection.level !== LEVEL_3_1) throw new MalformedPacket('DUP with QoS 0 [MQTT-3.3.1-2]');
    if (session.publish(route, draft) === MARK_REFUSED) adapter.stats.publishesDropped++;
  } else handOver(connection, route, draft, qos, fields.packetId);
  if (session.congested) connection.hold(HOLD_CONGESTED);
}

/** Publishes with QoS 1 or 2; the answer waits until the message is safe. */
function handOver(connection: Connection, route: Route, draft: Draft, qos: Qos, packetId: number): void {
  const { client, session } = connection;
  if (qos === 1) {
    connection.answer(PUBACK, packetId, session.publish(route, draft));
    return;
  }
  // Message and identifier in one unit, so that after a crash the message is there exactly if it is known to be.
  if (client.kept) session.beginUnit();
  let mark: Mark = MARK_REFUSED;
  try {
    mark = session.publish(route, draft);
    if (mark !== MARK_REFUSED) client.receive(packetId);
  } finally {
    if (client.kept) {
      const unit = session.endUnit();
      if (mark !== MARK_REFUSED) mark = unit;
    }
  }
  connection.answer(PUBREC, packetId, mark);
}

// ---------------------------------------------------------------------------------------------------------- large bodies

export function publishBegin(
  connection: Connection,
  first: number,
  buffer: Buffer,
  start: number,
  end: number,
  bodyLength: number,
): void {
  const { adapter, session } = connection;
  const fields = adapter.fields;
  decodePublish(first, buffer, start, end, fields);
  const { qos, retain, packetId } = fields;
  let route: Route | null = null;
  let writer: BodyWriter | null = null;
  if (qos !== 2 || !connection.client.hasReceived(packetId)) {
    route = routeOf(connection, qos, buffer, fields.topicStart, fields.topicEnd);
    if (route !== null) writer = session.openBody(bodyLength, qos > 0 || retain);
  }
  connection.arriving = { route, qos, retain, packetId, writer };
}

export function publishPiece(connection: Connection, buffer: Buffer, start: number, end: number): void {
  connection.arriving!.writer?.append(buffer, start, end);
  if (connection.session.congested) connection.hold(HOLD_CONGESTED);
}

export function publishEnd(connection: Connection): void {
  const { adapter, session } = connection;
  const { route, qos, retain, packetId, writer } = connection.arriving!;
  connection.arriving = null;
  if (route === null || writer === null) {
    // A repeated QoS 2 message; any other without a route was QoS 0.
    if (qos === 2) connection.answer(PUBREC, packetId, session.mark());
    return;
  }
  const key = route.keyBytes;
  const current = route.valid ? route : session.route(adapter.limits.exchange, SLASH, key, 0, key.length);
  const draft = adapter.draft;
  draft.assurance = qos;
  draft.retain = retain;
  draft.bodyStart = 0;
  draft.bodyEnd = 0;
  draft.large = writer;
  try {
    if (qos > 0) handOver(connection, current, draft, qos, packetId);
    else if (session.publish(current, draft) === MARK_REFUSED) adapter.stats.publishesDropped++;
  } finally {
    draft.large = null;
  }
}

// ----------------------------------------------------------------------------------------------------------------- wills

/** The connection has ended without DISCONNECT [MQTT-3.1.2-8]. */
export function publishWill(connection: Connection, will: Will): void {
  const { adapter, session } = connection;
  try {
    const route = session.route(adapter.limits.exchange, SLASH, will.topic, 0, will.topic.length);
    const draft = adapter.draft;
    draft.assurance = will.qos;
    draft.retain = will.retain;
    draft.body = will.payload;
    draft.bodyStart = 0;
    draft.bodyEnd = will.payload.length;
    if (session.publish(route, draft) === MARK_REFUSED) adapter.stats.willsDropped++;
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    adapter.stats.willsDropped++;
  }
}

// ---------------------------------------------------------------------------------------------------------------- routes

/**
 * The route of a topic that is not the last one's. A publisher of many topics gets a table of its own.
 * Null: a QoS 0 message that may not be published, counted. Others cannot be refused in 3.1.1: the error ends the
 * connection [MQTT-3.3.5-2].
 */
function routeOf(connection: Connection, qos: Qos, buffer: Buffer, start: number, end: number): Route | null {
  if (connection.lastRoute !== null) {
    connection.routes ??= new AddressTable();
    const found = connection.routes.find(buffer, start, start, start, end);
    if (found?.valid) {
      connection.lastRoute = found;
      return found;
    }
  }
  const { adapter, session } = connection;
  const fault = topicFault(buffer, start, end, adapter.limits.topicLevelsMax);
  if (fault !== undefined) throw new MalformedPacket(fault);
  try {
    const route = session.route(adapter.limits.exchange, SLASH, buffer, start, end);
    connection.routes?.set(buffer, start, start, start, end, route);
    connection.lastRoute = route;
    return route;
  } catch (error) {
    if (qos > 0 || !(error instanceof BrokerError)) throw error;
    adapter.stats.publishesDropped++;
    return null;
  }
}
