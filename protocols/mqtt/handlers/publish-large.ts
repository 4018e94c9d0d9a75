/** A PUBLISH whose body arrives in pieces: it is written to the log as it comes, and published once it is whole. */
import { type BodyWriter, MARK_REFUSED } from '../../../src/api.ts';
import { BrokerError } from '../../../src/message/errors.ts';
import { SLASH } from '../../../src/message/message.ts';
import { PUBREC } from '../codec/packet.ts';
import { decodePublish, decodePublishProperties } from '../codec/publish.ts';
import { QUOTA_EXCEEDED, SUCCESS, UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import type { Connection } from '../connection.ts';
import { HOLD_CONGESTED } from '../intake.ts';
import { readHints } from '../mapping/properties.ts';
import { type Arriving, handOver, refused } from './publish.ts';
import { begin, refuse5, routeOf5 } from './publish5.ts';
import { aimAt } from './routes.ts';

const NO_PROPS = Buffer.alloc(0);

/** The body is read, and forgotten: it was sent before. */
function repeated(qos: Arriving['qos'], packetId: number): Arriving {
  return {
    route: null,
    qos,
    retain: false,
    packetId,
    writer: null,
    reason: SUCCESS,
    delayMs: -1,
    ttlMs: -1,
    priority: -1,
    grouped: false,
    props: NO_PROPS,
  };
}

export function publishBegin(
  connection: Connection,
  first: number,
  buffer: Buffer,
  start: number,
  end: number,
  bodyLength: number,
): void {
  const { adapter, client, session, terms } = connection;
  const { aim, draft, fields, properties } = adapter;
  decodePublish(first, buffer, start, end, fields);
  const { qos, retain, packetId } = fields;
  if (terms === null) {
    if (qos === 2 && client.hasReceived(packetId)) {
      connection.arriving = repeated(qos, packetId);
      return;
    }
    aimAt(connection, buffer, fields.topicStart, fields.topicEnd, aim);
    properties.start = properties.end;
    if (aim.route === null) refused(connection, qos, aim.reason);
  } else {
    decodePublishProperties(buffer, end, fields, properties);
    if (qos === 2 && client.hasReceived(packetId)) {
      connection.arriving = repeated(qos, packetId);
      return;
    }
    begin(connection, terms, fields);
    aim.route = routeOf5(connection, terms, fields, buffer);
  }
  const { route, reason, delayMs } = aim;
  draft.delayMs = delayMs;
  if (properties.start < properties.end) readHints(properties.buffer, properties.start, properties.end, draft);
  const writer: BodyWriter | null = route === null ? null : session.openBody(bodyLength, qos > 0 || retain);
  connection.arriving = {
    route,
    qos,
    retain: retain && aim.retainable,
    packetId,
    writer,
    reason,
    delayMs: draft.delayMs,
    priority: draft.priority,
    grouped: draft.grouped,
    ttlMs: terms === null || properties.expiryS < 0 ? -1 : properties.expiryS * 1000,
    props:
      properties.start === properties.end
        ? NO_PROPS
        : Buffer.from(properties.buffer.subarray(properties.start, properties.end)),
  };
  draft.delayMs = -1;
  draft.priority = -1;
  draft.grouped = false;
}

export function publishPiece(connection: Connection, buffer: Buffer, start: number, end: number): void {
  connection.arriving!.writer?.append(buffer, start, end);
  if (connection.session.congested) connection.intake.hold(HOLD_CONGESTED);
}

export function publishEnd(connection: Connection): void {
  const { adapter, session } = connection;
  const arriving = connection.arriving!;
  const { qos, packetId, writer, reason } = arriving;
  connection.arriving = null;
  if (arriving.route === null || writer === null) {
    if (reason !== SUCCESS) {
      if (connection.terms !== null) refuse5(connection, qos, packetId, reason);
    } else if (qos === 2) connection.answer(PUBREC, packetId, session.mark());
    return;
  }
  const { draft } = adapter;
  draft.assurance = qos;
  draft.retain = arriving.retain;
  draft.bodyStart = 0;
  draft.bodyEnd = 0;
  draft.large = writer;
  draft.origin = connection.terms === null ? '' : connection.client.queue;
  draft.delayMs = arriving.delayMs;
  draft.ttlMs = arriving.ttlMs;
  draft.priority = arriving.priority;
  draft.grouped = arriving.grouped;
  draft.props = arriving.props;
  draft.propsStart = 0;
  draft.propsEnd = arriving.props.length;
  try {
    const route = current(connection, arriving);
    if (qos > 0) handOver(connection, route, draft, qos, packetId);
    else if (session.publish(route, draft) === MARK_REFUSED) adapter.stats.publishesDropped++;
  } catch (error) {
    if (!(error instanceof BrokerError) || connection.terms === null) throw error;
    writer.abort();
    refuse5(connection, qos, packetId, error.code === 'unavailable' ? QUOTA_EXCEEDED : UNSPECIFIED_ERROR);
  } finally {
    draft.large = null;
    draft.origin = '';
    draft.delayMs = -1;
    draft.ttlMs = -1;
    draft.priority = -1;
    draft.grouped = false;
    draft.propsStart = 0;
    draft.propsEnd = 0;
  }
}

/** Its route, looked up again if bindings have changed while it arrived. */
function current(connection: Connection, { route }: Arriving) {
  if (route!.valid) return route!;
  const key = route!.keyBytes;
  const exchange = route!.exchangeBytes.toString('utf8');
  return connection.session.route(exchange, SLASH, key, 0, key.length);
}
