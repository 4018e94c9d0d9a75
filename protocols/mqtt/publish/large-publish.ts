/** A PUBLISH whose body arrives in pieces: it is written to the log as it comes, and published once it is whole. */
import type { BodyWriter } from '../../../src/api/index.ts';
import { type MessageProperties, NO_PROPERTIES } from '../codec/message-properties.ts';
import { decodePublish, type Qos } from '../codec/publish.ts';
import { PAYLOAD_FORMAT_INVALID, SUCCESS } from '../codec/reasons.ts';
import { Utf8Check } from '../codec/text.ts';
import type { Connection } from '../connection/connection.ts';
import { HOLD_CONGESTED } from '../connection/intake.ts';
import { addressed, admit, fill, handOver, obstacle, propertiesOf, refuse, repeated } from './incoming.ts';
import type { PublishTarget } from './publish-target.ts';

/** What is known of it before its body. */
export interface Arriving {
  /** Null: it was sent before; its body is read and forgotten. */
  readonly target: PublishTarget | null;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly packetId: number;
  readonly properties: MessageProperties;
  /** Null: its body is forgotten. */
  readonly writer: BodyWriter | null;
  /** Its payload is declared to be text, and that is looked at. */
  readonly text: Utf8Check | null;
  /** Why it is not taken: a reason code of 5.0. */
  readonly reason: number;
}

export function publishBegin(
  connection: Connection,
  first: number,
  buffer: Buffer,
  start: number,
  end: number,
  bodyLength: number,
): void {
  const { adapter, session } = connection;
  const { fields } = adapter;
  decodePublish(first, buffer, start, end, connection.level, fields);
  const properties = propertiesOf(connection, buffer, end);
  const { qos, retain, packetId, topicStart, topicEnd } = fields;
  const addressee = addressed(connection, properties, buffer, topicStart, topicEnd);
  const target = qos === 0 || admit(connection, fields) ? addressee : null;
  const reason = target === null ? SUCCESS : obstacle(connection, target, fields, properties, bodyLength);
  const taken = target !== null && reason === SUCCESS;
  connection.arriving = {
    target,
    qos,
    retain,
    packetId,
    properties: taken ? properties.copy() : NO_PROPERTIES,
    writer: taken ? session.openBody(bodyLength, qos > 0 || retain) : null,
    text: taken && properties.text && adapter.limits.checkPayloadFormat ? new Utf8Check() : null,
    reason,
  };
}

export function publishPiece(connection: Connection, buffer: Buffer, start: number, end: number): void {
  const { writer, text } = connection.arriving!;
  writer?.append(buffer, start, end);
  text?.take(buffer, start, end);
  if (connection.session.congested) connection.intake.hold(HOLD_CONGESTED);
}

export function publishEnd(connection: Connection): void {
  const { target, qos, retain, packetId, properties, writer, text, reason } = connection.arriving!;
  connection.arriving = null;
  if (target === null) {
    repeated(connection, packetId);
    return;
  }
  if (writer === null || text?.end() === false) {
    writer?.abort();
    refuse(connection, qos, packetId, reason === SUCCESS ? PAYLOAD_FORMAT_INVALID : reason);
    return;
  }
  const draft = connection.adapter.newDraft();
  fill(draft, target, qos, retain, connection.origin, properties, connection.session.user);
  draft.large = writer;
  handOver(connection, target, draft, packetId, writer);
}
