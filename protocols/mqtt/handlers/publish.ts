/** PUBLISH from a client [MQTT 3.1.1, section 3.3]; what 5.0 adds is in `publish5.ts`, large bodies in `publish-large.ts`. */
import { type BodyWriter, MARK_REFUSED, type Mark, type Route } from '../../../src/api.ts';
import { equalRanges } from '../../../src/message/bytes.ts';
import type { Draft } from '../../../src/message/message.ts';
import { LEVEL_3_1, MalformedPacket, PUBACK, PUBREC } from '../codec/packet.ts';
import { decodePublish, type Qos } from '../codec/publish.ts';
import { NO_MATCHING_SUBSCRIBERS, QUOTA_EXCEEDED, SUCCESS } from '../codec/reasons.ts';
import type { Connection } from '../connection.ts';
import { HOLD_CONGESTED } from '../intake.ts';
import { publish5 } from './publish5.ts';
import { aimAt } from './routes.ts';

/** A PUBLISH whose large body is arriving. */
export interface Arriving {
  readonly route: Route | null;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly packetId: number;
  /** Null: the body is read and forgotten, because it was sent before, or was refused. */
  readonly writer: BodyWriter | null;
  /** Why it was refused: a reason code of 5.0. */
  readonly reason: number;
  readonly delayMs: number;
  readonly ttlMs: number;
  readonly priority: number;
  readonly grouped: boolean;
  readonly props: Buffer;
}

export function publish(connection: Connection, first: number, buffer: Buffer, start: number, end: number): void {
  const { adapter, session } = connection;
  const fields = adapter.fields;
  decodePublish(first, buffer, start, end, fields);
  if (connection.terms !== null) {
    publish5(connection, connection.terms, fields, buffer, end);
    return;
  }
  const qos = fields.qos;
  if (qos === 2 && connection.client.hasReceived(fields.packetId)) {
    // Sent again: it is published already, and only the answer is wanted [MQTT-4.3.3-2].
    connection.answer(PUBREC, fields.packetId, session.mark());
    return;
  }
  const draft = adapter.draft;
  const last = connection.lastRoute;
  let route: Route | null;
  let { retain } = fields;
  if (last?.valid && equalRanges(last.bytes, last.keyStart, last.end, buffer, fields.topicStart, fields.topicEnd)) {
    route = last;
  } else {
    const { aim } = adapter;
    aimAt(connection, buffer, fields.topicStart, fields.topicEnd, aim);
    route = aim.route;
    if (route === null) {
      refused(connection, qos, aim.reason);
      return;
    }
    draft.delayMs = aim.delayMs;
    if (!aim.retainable) retain = false;
  }
  draft.assurance = qos;
  draft.retain = retain;
  draft.body = buffer;
  draft.bodyStart = fields.bodyStart;
  draft.bodyEnd = end;
  if (qos === 0) {
    // DUP has no meaning here; 3.1 did not say so.
    if (fields.dup && connection.level !== LEVEL_3_1) throw new MalformedPacket('DUP with QoS 0 [MQTT-3.3.1-2]');
    if (session.publish(route, draft) === MARK_REFUSED) adapter.stats.publishesDropped++;
  } else handOver(connection, route, draft, qos, fields.packetId);
  draft.delayMs = -1;
  if (session.congested) connection.intake.hold(HOLD_CONGESTED);
}

/** Before 5.0, QoS 0 that may not be published is dropped, counted; the rest ends the connection [MQTT-3.3.5-2]. */
export function refused(connection: Connection, qos: Qos, reason: number): void {
  if (qos > 0) throw new MalformedPacket('it may not be published there', reason);
  connection.adapter.stats.publishesDropped++;
}

/** Publishes with QoS 1 or 2; the answer waits until the message is safe. */
export function handOver(connection: Connection, route: Route, draft: Draft, qos: Qos, packetId: number): void {
  const { client, session } = connection;
  if (qos === 1) {
    const mark = session.publish(route, draft);
    if (connection.terms === null) connection.answer(PUBACK, packetId, mark);
    else answer5(connection, PUBACK, packetId, mark, draft);
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
  if (connection.terms === null) connection.answer(PUBREC, packetId, mark);
  else answer5(connection, PUBREC, packetId, mark, draft);
}

/** 5.0 hears that it was refused, or that nobody wanted it. */
function answer5(connection: Connection, type: number, packetId: number, mark: Mark, draft: Draft): void {
  if (mark === MARK_REFUSED) connection.answer(type, packetId, connection.session.mark(), QUOTA_EXCEEDED);
  else {
    const nobody = draft.routed === 0 && draft.delayMs < 0;
    connection.answer(type, packetId, mark, nobody ? NO_MATCHING_SUBSCRIBERS : SUCCESS);
  }
}
